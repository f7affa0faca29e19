"""The Universal Commerce Protocol's documents: they fit the SDK's models, and say what is the case."""

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import httpx
import pytest
from ucp_sdk.models.schemas.common.types.error_response import ErrorResponse
from ucp_sdk.models.schemas.profile import BusinessSchema
from ucp_sdk.models.schemas.shopping.catalog_lookup import GetProductResponse, LookupResponse
from ucp_sdk.models.schemas.shopping.catalog_search import SearchRequest, SearchResponse

from serving.agents import ucp
from serving.agents.desk import AgentDesk
from serving.agents.opening import open_desk
from serving.agents.visits import Visitor
from serving.http.problems import ProblemError
from shopsight.settings import Settings


def ask(desk: AgentDesk, work: Callable[[], Any]) -> Any:
    async def run() -> Any:
        answer = work()
        answer = await answer if hasattr(answer, "__await__") else answer
        await desk.visits.settle()
        return answer

    return anyio.run(run)


def search(desk: AgentDesk, agent: Visitor, **body: Any) -> Any:
    return ask(desk, lambda: ucp.search(desk, agent, SearchRequest.model_validate(body)))


def test_the_profile_offers_the_catalogue_and_no_checkout() -> None:
    document = ucp.profile("https://shop.example/v1/ucp")
    parsed = BusinessSchema.model_validate(document)
    assert set(parsed.ucp.capabilities or {}) == {ucp.SEARCH, ucp.LOOKUP}
    (service,) = document["ucp"]["services"]["dev.ucp.shopping"]
    assert (service["transport"], service["endpoint"]) == ("rest", "https://shop.example/v1/ucp")


def test_a_search_gives_products_with_prices_in_minor_units(desk: AgentDesk, agent: Visitor) -> None:
    answer = search(desk, agent, query="tent", pagination={"limit": 2})
    SearchResponse.model_validate(answer)
    assert [product["id"] for product in answer["products"]] == ["tent"]
    assert answer["products"][0]["variants"][0]["price"] == {"amount": 19999, "currency": "EUR"}
    assert answer["pagination"] == {"has_next_page": True, "total_count": 3, "cursor": "2"}
    following = search(desk, agent, query="tent", pagination={"limit": 2, "cursor": "2"})
    assert [product["id"] for product in following["products"]] == ["bag"]
    assert not following["pagination"]["has_next_page"]


def test_what_stands_in_where_nothing_fits_is_called_so(desk: AgentDesk, agent: Visitor) -> None:
    answer = search(desk, agent, query="nonsense")
    assert "nothing_found" in {message["code"] for message in answer["messages"]}


def test_without_a_query_the_catalogue_is_browsed_by_its_filters(desk: AgentDesk, agent: Visitor) -> None:
    cheap = {"price": {"max": 10000}}
    answer = search(desk, agent, filters=cheap, context={"currency": "EUR"})
    assert [product["id"] for product in answer["products"]] == ["bag"]
    assert answer["products"][0]["variants"][0]["availability"]["status"] == "out_of_stock"
    everything = search(desk, agent, filters={"categories": ["outdoor"]})
    assert [product["id"] for product in everything["products"]] == ["bag", "tent"]
    in_dollars = search(desk, agent, filters=cheap, context={"currency": "USD"})
    assert in_dollars["messages"][0]["code"] == "price_filter_ignored"
    assert len(in_dollars["products"]) == 2


def test_what_has_no_price_is_left_out_and_named(desk: AgentDesk, agent: Visitor) -> None:
    answer = search(desk, agent)
    SearchResponse.model_validate(answer)
    assert "gift" in answer["messages"][0]["content"]


def test_a_lookup_names_what_is_not_there(desk: AgentDesk, agent: Visitor) -> None:
    answer = ask(desk, lambda: ucp.look_up(desk, agent, ["tent", "nothing"]))
    LookupResponse.model_validate(answer)
    assert answer["products"][0]["variants"][0]["inputs"] == [{"id": "tent", "match": "exact"}]
    assert answer["messages"] == [{"type": "info", "code": "not_found", "content": "nothing"}]
    with pytest.raises(ProblemError, match="At most 100"):
        ucp.look_up(desk, agent, [f"i_{n}" for n in range(101)])


def test_a_product_that_is_not_there_is_an_error_of_the_protocol(desk: AgentDesk, agent: Visitor) -> None:
    GetProductResponse.model_validate(ask(desk, lambda: ucp.get_product(desk, agent, "tent")))
    for item_id, code in (("nothing", "not_found"), ("gift", "item_unavailable")):
        answer = ask(desk, partial(ucp.get_product, desk, agent, item_id))
        ErrorResponse.model_validate(answer)
        assert (answer["ucp"]["status"], answer["messages"][0]["code"]) == ("error", code)


def test_without_a_search_service_a_search_is_an_error_of_the_protocol(
    settings: Settings, client_of: Callable[..., httpx.AsyncClient], agent: Visitor
) -> None:
    answer = search(open_desk(settings, client_of()), agent, query="tent")
    ErrorResponse.model_validate(answer)
    assert answer["messages"][0]["severity"] == "recoverable"


def test_a_cursor_of_no_answer_is_refused(desk: AgentDesk, agent: Visitor) -> None:
    for cursor in ("x", "-1", "0", "100", "٣"):
        with pytest.raises(ProblemError, match="cursor"):
            search(desk, agent, pagination={"cursor": cursor})
