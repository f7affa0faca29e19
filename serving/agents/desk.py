"""Answers agents. Knows neither MCP nor HTTP: the tools and the protocol's catalogue both stand on it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import anyio.to_thread

from models.answers.answer import Answer
from serving.agents.answers import (
    Comparison,
    Explanation,
    Hit,
    Item,
    Orders,
    Quote,
    Reason,
    Recommendations,
    Row,
    SearchAnswer,
)
from serving.agents.orders import orders_of
from serving.agents.reviews import ReviewReader
from serving.agents.services import RefusedError, Services
from serving.agents.visits import Visitor, Visits
from serving.followed_items import FollowedItems
from serving.orders import OrderReader
from serving.storefront.goods import SEPARATOR, Good, Goods

COMPARED: Final = ("title", "brand", "category", "price", "currency", "in_stock", "description")
"""Properties of the catalogue that a comparison shows, in this order."""
MAX_COMPARED: Final = 10


class AgentDesk:
    """Answers the tools."""

    def __init__(
        self,
        services: Services,
        goods: FollowedItems[Goods],
        *,
        reviews: ReviewReader,
        orders: OrderReader,
        visits: Visits,
    ) -> None:
        """Make one; ``goods`` returns the catalogue as it is now."""
        self.visits = visits
        self._services, self._goods = services, goods
        self._reviews, self._orders = reviews, orders

    def notes(self) -> list[str]:
        """Return what is amiss while agents are answered all the same."""
        failures = (self._goods.failure, self.visits.failure)
        return [f"{part}: {why}" for part, why in zip(("items", "events of agents"), failures, strict=True) if why]

    async def search(
        self,
        visitor: Visitor,
        query: str,
        *,
        filters: dict[str, Any] | None = None,
        num_results: int = 10,
        user_id: str | None = None,
    ) -> SearchAnswer:
        """Return the items that fit a query.

        Raises:
            RefusedError: no search service is running, or it refuses the request.
        """
        body = {"query": query, "user_id": user_id, "filter": filters or None, "num_results": num_results}
        answer = await self._services.search({**body, "session_id": visitor.id, "explain": True})
        hits = self._hits(answer["results"])
        self.visits.searched(visitor, query, results=answer["total"])
        return SearchAnswer(
            search_id=answer.get("search_id"),
            query=query,
            corrected=(answer.get("understood") or {}).get("corrected"),
            items=hits,
            total=answer["total"],
            relaxed=answer.get("relaxed") or [],
            fallback=answer.get("fallback"),
            notes=answer.get("notes") or [],
        )

    async def recommend(
        self,
        visitor: Visitor,
        placement: str,
        *,
        user_id: str | None = None,
        item_ids: Sequence[str] = (),
        filters: dict[str, Any] | None = None,
        num_results: int = 10,
    ) -> Recommendations:
        """Return the items of a placement.

        Raises:
            RefusedError: no recommender is running, or it refuses the request.
        """
        body = {"placement": placement, "user_id": user_id, "item_ids": list(item_ids), "filter": filters or None}
        # No session: what an agent looks at says nothing of what the shopper likes.
        answer = await self._services.recommend({**body, "num_results": num_results, "explain": True})
        self.visits.was_shown(visitor, placement)
        return Recommendations(
            recommendation_id=answer["recommendation_id"],
            placement=answer["placement"],
            items=self._hits(answer["items"]),
            fallback=answer.get("fallback"),
            notes=answer.get("notes") or [],
        )

    async def compare(self, visitor: Visitor, item_ids: Sequence[str]) -> Comparison:
        """Return items side by side.

        Raises:
            RefusedError: fewer than two items are named, or one that the catalogue does not have.
        """
        wanted = list(dict.fromkeys(item_ids))
        if not 2 <= len(wanted) <= MAX_COMPARED:
            raise RefusedError("invalid_request", f"Name 2 to {MAX_COMPARED} different items.")
        goods = [self._good(item_id) for item_id in wanted]
        reviews = [await anyio.to_thread.run_sync(self._reviews.of, item_id) for item_id in wanted]
        columns: dict[str, list[Any]] = {name: [good[name] for good in goods] for name in COMPARED}  # type: ignore[literal-required]
        columns |= {"stars": [one.stars for one in reviews], "reviews": [one.num_reviews for one in reviews]}
        self.visits.looked(visitor, wanted)
        return Comparison(
            item_ids=wanted,
            rows=[
                Row(property=name, values=values, differs=any(value != values[0] for value in values))
                for name, values in columns.items()
                if any(value is not None for value in values)
            ],
            sources=[f"items:{item_id}" for item_id in wanted],
        )

    async def explain(self, visitor: Visitor, item_id: str, question: str | None = None) -> Explanation:
        """Return what is known of an item, and the words that answer a question about it.

        Raises:
            RefusedError: the catalogue has no such item.
        """
        good = self._good(item_id)
        reviews = await anyio.to_thread.run_sync(self._reviews.of, item_id)
        answer: Answer | None = None
        if question:
            answer = await anyio.to_thread.run_sync(self._reviews.answer, question, good, reviews)
        quote = None if answer is None else _quote(answer)
        self.visits.looked(visitor, [item_id])
        return Explanation(
            item=Item.model_validate(good),
            reviews=reviews.num_reviews,
            stars=reviews.stars,
            question=question,
            answer=quote,
            sources=[f"items:{item_id}", *(quote.sources if quote else [])],
        )

    async def orders(self, visitor: Visitor, user_id: str, order_id: str | None = None) -> Orders:
        """Return a shopper's orders.

        Raises:
            RefusedError: the agent's API key may not see orders, or the shopper has no such order.
        """
        if not visitor.may_see_orders:
            raise RefusedError(
                "insufficient_scope",
                "Orders take an API key with the scope orders; ask the shop for one, or the shopper.",
            )
        goods = self._goods()
        orders = await anyio.to_thread.run_sync(orders_of, self._orders, user_id, order_id, goods)
        if order_id is not None and not orders.orders:
            # Whether another shopper has it is not said.
            raise RefusedError("not_found", "This shopper has no such order in the shop's data.")
        return orders

    def look_up(self, visitor: Visitor, item_ids: Sequence[str]) -> list[Good]:
        """Return items by their ids, in this order; those that the catalogue does not have are left out."""
        goods = self._goods()
        items = [goods[item_id] for item_id in dict.fromkeys(item_ids) if item_id in goods]
        self.visits.looked(visitor, [good["item_id"] for good in items])
        return items

    @property
    def currency(self) -> str | None:
        """The currency that all prices are in; None where they are in several, or in none."""
        currencies = {good["currency"] for good in self._goods().values() if good["price"] is not None}
        return currencies.pop() if len(currencies) == 1 else None

    def browse(self, filters: Mapping[str, Any], *, first: int, limit: int) -> tuple[list[Item], int]:
        """Return items that a filter lets by, in the order of their ids, and how many there are in all."""
        items = [Item.model_validate(good) for _, good in sorted(self._goods().items()) if _lets_by(filters, good)]
        return items[first : first + limit], len(items)

    def _good(self, item_id: str) -> Good:
        good = self._goods().get(item_id)
        if good is None:
            raise RefusedError("not_found", f"The catalogue has no item {item_id!r}.")
        return good

    def _hits(self, results: Sequence[dict[str, Any]]) -> list[Hit]:
        """Return a service's items with what the catalogue says of them; one that was deleted since is left out."""
        goods = self._goods()
        return [
            Hit(
                rank=one["rank"],
                item=Item.model_validate(goods[one["item_id"]]),
                reasons=[Reason.model_validate(reason) for reason in one.get("reasons") or []],
            )
            for one in results
            if one["item_id"] in goods
        ]


def _quote(answer: Answer) -> Quote:
    return Quote(
        text=answer.text,
        sentence=answer.sentence,
        sources=list(answer.passage_ids),
        confidence=round(answer.confidence, 4),
    )


def _lets_by(filters: Mapping[str, Any], good: Good) -> bool:
    """Whether a filter of categories and prices lets an item by: a category's name stands for its whole branch."""
    path = good["category"] or ""
    categories, price = filters.get("category"), filters.get("price")
    if categories and not any(path == name or path.startswith(name + SEPARATOR) for name in categories["any_of"]):
        return False
    if not price:
        return True
    return good["price"] is not None and price.get("gte", 0) <= good["price"] <= price.get("lte", float("inf"))
