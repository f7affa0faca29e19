"""The tools, as a program sees them that speaks MCP."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx
from mcp.client.client import Client

from serving.agents.desk import AgentDesk
from serving.agents.opening import open_desk
from serving.agents.tools import INSTRUCTIONS, mcp_server
from serving.agents.visits import Visitor
from shopsight.ingestion.collecting.records import read_records
from shopsight.settings import Settings


def call(desk: AgentDesk, visitor: Visitor, tool: str, **arguments: Any) -> Any:
    """Return what a tool answers to a client of MCP."""

    async def ask() -> Any:
        async with Client(mcp_server(lambda: desk, lambda _: visitor)) as client:
            answer = await client.call_tool(tool, arguments)
            await desk.visits.settle()
            return answer

    return anyio.run(ask)


def collected(settings: Settings) -> list[dict[str, Any]]:
    """Return the events that the collector has on disk."""
    (journal,) = settings.collected_dir.glob("*.open")
    return [row for record in read_records(journal) for row in record.accepted.to_pylist()]


def test_a_client_lists_five_tools_that_change_nothing(desk: AgentDesk, agent: Visitor) -> None:
    async def tools() -> Any:
        async with Client(mcp_server(lambda: desk, lambda _: agent)) as client:
            return (await client.list_tools()).tools

    listed = {tool.name: tool for tool in anyio.run(tools)}
    assert set(listed) == {"search", "recommend", "compare", "explain", "order_status"}
    assert all(tool.annotations.read_only_hint and tool.output_schema for tool in listed.values())
    assert "data" in INSTRUCTIONS


def test_search_answers_with_the_catalogue_as_it_is_now(desk: AgentDesk, agent: Visitor) -> None:
    answer = call(desk, agent, "search", query="tnt", price_max=300).structured_content
    assert [hit["item"]["item_id"] for hit in answer["items"]] == ["tent", "bag"], "what was deleted is left out"
    assert answer["items"][0]["item"]["price"] == 199.99
    assert (answer["corrected"], answer["relaxed"]) == ("tent", ["price"])


def test_search_says_that_no_search_service_is_running(
    settings: Settings, client_of: Callable[..., httpx.AsyncClient], agent: Visitor
) -> None:
    answer = call(open_desk(settings, client_of("recommender")), agent, "search", query="tent")
    assert answer.is_error
    assert "No search service is running" in answer.content[0].text


def test_recommend_gives_the_recommenders_list(desk: AgentDesk, agent: Visitor) -> None:
    answer = call(desk, agent, "recommend", placement="similar_items", item_ids=["tent"]).structured_content
    assert [hit["item"]["title"] for hit in answer["items"]] == ["Sleeping bag"]


def test_compare_puts_items_side_by_side_and_says_where_they_differ(desk: AgentDesk, agent: Visitor) -> None:
    rows = {
        row["property"]: (row["values"], row["differs"])
        for row in call(desk, agent, "compare", item_ids=["tent", "bag"]).structured_content["rows"]
    }
    assert rows["price"] == ([199.99, 80.0], True)
    assert rows["brand"] == (["Acme", "Acme"], False)
    assert rows["stars"] == ([3.5, None], True)


def test_explain_quotes_a_review_and_names_it(desk: AgentDesk, agent: Visitor) -> None:
    answer = call(desk, agent, "explain", item_id="tent", question="How is the zip?").structured_content
    assert "sturdy" in answer["answer"]["text"]
    assert answer["sources"] == ["items:tent", "reviews:r1"]
    nothing = call(desk, agent, "explain", item_id="tent", question="Does it play music?").structured_content
    assert nothing["answer"] is None
    assert call(desk, agent, "explain", item_id="nothing").is_error


def test_a_shoppers_orders_take_the_scope_and_the_shoppers_id(desk: AgentDesk, agent: Visitor) -> None:
    refused = call(desk, agent, "order_status", user_id="maya")
    assert refused.is_error
    assert "scope orders" in refused.content[0].text
    trusted = replace(agent, scopes=("read", "orders"))
    (order,) = call(desk, trusted, "order_status", user_id="maya").structured_content["orders"]
    assert (order["order_id"], order["status"], order["lines"][0]["title"]) == ("o1", "placed", "Trail tent")
    of_another = call(desk, trusted, "order_status", user_id="maya", order_id="o2")
    assert of_another.is_error
    assert "no such order" in of_another.content[0].text


def test_arguments_that_are_none_are_refused_by_name(desk: AgentDesk, agent: Visitor) -> None:
    for tool, arguments in (("search", {"query": ""}), ("compare", {"item_ids": ["tent"]}), ("search", {})):
        assert call(desk, agent, tool, **arguments).is_error


def test_what_an_agent_does_is_collected_as_a_channel_of_its_own(
    desk: AgentDesk, agent: Visitor, settings: Settings
) -> None:
    moment = datetime.now(UTC).isoformat()
    visitor = replace(agent, id=f"agent-{moment}")
    call(desk, visitor, "search", query="tent", user_id="maya")
    call(desk, visitor, "explain", item_id="tent")
    assert desk.visits.failure is None
    events = [event for event in collected(settings) if event["channel"] == "agent"]
    assert {event["event_name"] for event in events} >= {"search", "view_item"}
    assert {event["consent"] for event in events} == {"analytics_only"}
    assert not any(event["user_id"] for event in events), "an agent's visit is not the shopper's"


def test_an_agent_is_answered_where_no_collector_takes_its_events(settings: Settings, agent: Visitor) -> None:
    async def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody listens there")

    desk = open_desk(settings, httpx.AsyncClient(transport=httpx.MockTransport(refuse)))
    assert not call(desk, agent, "compare", item_ids=["tent", "bag"]).is_error
    assert desk.notes() == ["events of agents: No collector is running."]
