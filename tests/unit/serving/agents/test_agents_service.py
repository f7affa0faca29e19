"""The whole BentoML app of the agents' service, in this process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from shopsight.api_keys import ApiKeys
from shopsight.families import AGENTS, SERVICES, resolve
from shopsight.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")  # in BentoML itself


@pytest.fixture(scope="module")
def keys(shop_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_API_KEYS_FILE", str(file))
        made = ApiKeys(Settings(home=shop_home))
        yield {scope: made.create(scope, ["read", scope] if scope == "orders" else [scope]) for scope in SCOPES}


SCOPES = ("read", "write", "orders")


@pytest.fixture(scope="module")
def client(shop_home: Path, keys: dict[str, str]) -> Iterator[TestClient]:
    assert keys  # made before the service starts
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_HOME", str(shop_home))
        patch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
        for port in ("search", "recommendation", "collector"):
            patch.setenv(f"SHOPSIGHT_{port.upper()}_PORT", "9")  # discard: nothing answers there
        patch.setattr("serving.agents.service.settle_memory", lambda: None)
        service = resolve(SERVICES[AGENTS].service)
        with TestClient(service.to_asgi(), base_url="http://localhost", raise_server_exceptions=False) as client:
            yield client


def rpc(client: TestClient, key: str | None, method: str, **params: Any) -> Any:
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
    if key is not None:
        headers["x-api-key"] = key
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return client.post("/mcp", json=body, headers=headers)


def test_the_tools_are_listed_and_called_over_http(client: TestClient, keys: dict[str, str]) -> None:
    listed = rpc(client, keys["read"], "tools/list").json()["result"]["tools"]
    assert "compare" in {tool["name"] for tool in listed}
    called = rpc(client, keys["read"], "tools/call", name="compare", arguments={"item_ids": ["tent", "bag"]})
    assert called.json()["result"]["structuredContent"]["item_ids"] == ["tent", "bag"]
    search = rpc(client, keys["read"], "tools/call", name="search", arguments={"query": "tent"}).json()["result"]
    assert search["isError"]
    assert "No search service is running" in search["content"][0]["text"]


def test_orders_are_told_to_a_key_that_may_see_them_alone(client: TestClient, keys: dict[str, str]) -> None:
    wanted = {"name": "order_status", "arguments": {"user_id": "maya"}}
    assert rpc(client, keys["read"], "tools/call", **wanted).json()["result"]["isError"]
    answer = rpc(client, keys["orders"], "tools/call", **wanted).json()["result"]
    assert [order["order_id"] for order in answer["structuredContent"]["orders"]] == ["o1"]


def test_agents_need_a_key_but_to_discover_the_shop(client: TestClient, keys: dict[str, str]) -> None:
    assert rpc(client, None, "tools/list").status_code == 401
    assert rpc(client, keys["write"], "tools/list").status_code == 403
    assert client.post("/v1/ucp/catalog/search", json={}).status_code == 401
    profile = client.get("/.well-known/ucp")
    assert profile.status_code == 200
    (service,) = profile.json()["ucp"]["services"]["dev.ucp.shopping"]
    assert service["endpoint"] == "http://localhost/v1/ucp"


def test_the_catalogue_answers_below_the_address_that_the_profile_names(
    client: TestClient, keys: dict[str, str]
) -> None:
    read = {"x-api-key": keys["read"]}
    answer = client.post("/v1/ucp/catalog/lookup", json={"ids": ["tent"]}, headers=read).json()
    assert [product["id"] for product in answer["products"]] == ["tent"]
    wrong = client.post("/v1/ucp/catalog/lookup", json={"ids": []}, headers=read)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_request")


def test_a_wrong_version_of_mcp_gets_the_protocols_own_error(client: TestClient, keys: dict[str, str]) -> None:
    headers = {"x-api-key": keys["read"], "accept": "application/json", "mcp-protocol-version": "1999-01-01"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    answer = client.post("/mcp", json=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["jsonrpc"] == "2.0"


def test_a_page_under_another_name_does_not_reach_the_tools(client: TestClient, keys: dict[str, str]) -> None:
    headers = {"x-api-key": keys["read"], "host": "evil.example", "accept": "application/json"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    assert client.post("/mcp", json=body, headers=headers).status_code >= 400
