"""Made-up visitors of the shop's pages: what experiments and releases are tried with where no real ones come.

Each asks the shop's server as its page does, waits between two clicks, and sends what it did to the collector. Whom a
list suits clicks more: a visitor likes one department, and looks at a list from its top.
"""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from shopsight.clock import rfc3339
from shopsight.errors import ShopsightError

CLICKS_LIKED: Final = 0.35
"""Chance to click on an item of the department that a visitor likes, once it is looked at."""
CLICKS_OTHER: Final = 0.04
"""The same of any other item."""
LOOKS_ON: Final = 0.85
"""Chance to look at the next item of a list as well."""
BUYS: Final = 0.3
"""Chance to buy the item that was clicked on."""
LOOKED_AT: Final = 2
"""Items of the liked department that a visitor looks at before the list, so that the shop can learn the taste."""
PAUSE_SECONDS: Final = (0.5, 2.0)
"""Shortest and longest time between two clicks."""


@dataclass
class Tally:
    """What the visitors were shown and did."""

    visits: int = 0
    events: int = 0
    lists: Counter[str] = field(default_factory=Counter)
    """By arm of the experiment, or ``no experiment``."""
    clicked: Counter[str] = field(default_factory=Counter)
    """Lists that were clicked on, by the same."""
    versions: Counter[str] = field(default_factory=Counter)
    """Lists by the model's version that answered."""
    failed: Counter[str] = field(default_factory=Counter)
    """Visits that ended because the shop did not answer, by what it said."""


class Visitors:
    """Sends visitors to a shop."""

    def __init__(self, client: httpx.AsyncClient, *, prefix: str, seed: int) -> None:
        """Make them.

        Args:
            client: asks the shop; its ``base_url`` is the shop's address.
            prefix: of their names; two runs with one prefix are the same people.
            seed: of what they like and do.
        """
        self._client = client
        self._prefix = prefix
        self._random = random.Random(seed)
        self.tally = Tally()

    async def come(self, count: int, *, seconds: float) -> Tally:
        """Have so many visitors come, evenly over a time, and return what they did.

        Raises:
            ShopsightError: the shop does not answer, or has no items.
        """
        departments = await self._departments()
        visits = []
        for number in range(count):
            visits.append(asyncio.create_task(self._visit(number, self._random.choice(departments))))
            await asyncio.sleep(seconds / count)
        await asyncio.gather(*visits)
        return self.tally

    async def _departments(self) -> Sequence[str]:
        try:
            shop = (await self._client.get("/api/shop")).raise_for_status().json()
        except httpx.HTTPError as error:
            raise ShopsightError(
                f"no visitor can come to {self._client.base_url}",
                why=f"the shop does not answer: {error}",
                fix="start it: `make up` in one terminal, `make shop` in another",
            ) from error
        if not shop["departments"]:
            raise ShopsightError(
                "no visitor can come",
                why="the shop's items have no departments, so that nobody could like one",
                fix="`make demo` makes a shop that has some",
            )
        return list(shop["departments"])

    async def _visit(self, number: int, liked: str) -> None:
        visit = _Visit(self._client, f"{self._prefix}-{number:04d}", liked, random.Random(self._random.random()))
        try:
            await visit.run(self.tally)
        except httpx.HTTPStatusError as error:
            self.tally.failed[_detail(error.response)] += 1
        except httpx.HTTPError as error:
            self.tally.failed[type(error).__name__] += 1


class _Visit:
    """One visitor: looks at some items, comes back to the front page, and maybe clicks and buys."""

    def __init__(self, client: httpx.AsyncClient, user: str, liked: str, draws: random.Random) -> None:
        self._client = client
        self._liked = liked
        self._draws = draws
        self._who = {"user_id": user, "anonymous_id": str(uuid.UUID(int=draws.getrandbits(128), version=4))}
        self._session = str(uuid.UUID(int=draws.getrandbits(128), version=4))
        self._events: list[dict[str, Any]] = []
        self._recent: list[dict[str, Any]] = []

    async def run(self, tally: Tally) -> None:
        """Go through the shop.

        Raises:
            httpx.HTTPError: the shop, the recommender or the collector did not answer.
        """
        self._track("identify")
        shelf = await self._list("best_sellers", filter={"category": {"any_of": [self._liked]}})
        for item in shelf["items"][:LOOKED_AT]:
            await self._pause()
            self._track("view_item", **_about(item["good"]))
        answer = await self._list("recommended_for_you")
        arm = answer.get("arm") or "no experiment"
        tally.lists[arm] += 1
        tally.versions[answer["model"]["version"]] += 1
        chosen = self._choice(answer)
        if chosen is not None:
            tally.clicked[arm] += 1
            await self._pause()
            self._track("select_item", **_where(answer, chosen))
            self._track("view_item", **_about(chosen["good"]))
            if self._draws.random() < BUYS:
                await self._buy(chosen["good"])
        await self._send()
        tally.visits += 1
        tally.events += len(self._events)

    def _choice(self, answer: dict[str, Any]) -> dict[str, Any] | None:
        """Return the item that is clicked on; None where the list is left alone."""
        for item in answer["items"]:
            self._track("view_item_list", **_where(answer, item))
        for item in answer["items"]:
            likes = (item["good"]["category"] or "").split(" > ")[0] == self._liked
            if self._draws.random() < (CLICKS_LIKED if likes else CLICKS_OTHER):
                return dict(item)
            if self._draws.random() >= LOOKS_ON:
                return None
        return None

    async def _buy(self, good: dict[str, Any]) -> None:
        await self._pause()
        self._track("add_to_cart", **_about(good), quantity=1)
        await self._pause()
        self._track("purchase", **_about(good), quantity=1, order_id=f"visitor-{self._session}")

    async def _list(self, placement: str, **fields: Any) -> dict[str, Any]:
        asked = {"placement": placement, "user_id": self._who["user_id"], "personalised": True, **fields}
        answer = await self._client.post("/api/lists", json={**asked, "recent_events": self._recent})
        return dict(answer.raise_for_status().json())

    def _track(self, name: str, **fields: Any) -> None:
        """Note an event as the shop's tracker does, and what the next list is asked with."""
        moment = rfc3339(datetime.now(UTC))
        event = {"event_id": str(uuid.uuid4()), "event_name": name, "event_timestamp": moment, **self._who}
        self._events.append(event | {"session_id": self._session, "consent": "granted", "platform": "web", **fields})
        if name in ("view_item", "add_to_cart", "purchase"):
            seen = {key: fields[key] for key in ("item_id", "category", "price") if key in fields}
            self._recent.append({"event_name": name, "event_timestamp": moment, **seen})

    async def _send(self) -> None:
        answer = (await self._client.post("/v1/events", json={"events": self._events})).raise_for_status()
        if errors := answer.json()["errors"]:
            raise ShopsightError(
                "the collector refused events of a visitor", why=errors[0]["msg"], fix="tell shopsight's maintainers"
            )

    async def _pause(self) -> None:
        await asyncio.sleep(self._draws.uniform(*PAUSE_SECONDS))


def _about(good: dict[str, Any]) -> dict[str, Any]:
    named = {name: good[name] for name in ("item_id", "category", "brand", "price", "currency")}
    return {name: value for name, value in named.items() if value is not None}


def _where(answer: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    return {
        "item_id": item["item_id"],
        "list_id": "for-you",
        "list_position": item["rank"],
        "placement": answer["placement"],
        "recommendation_id": answer["recommendation_id"],
    }


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{response.url.path} answered {response.status_code}"
