"""A whole service asks for keys: BentoML's own routes, metrics and all, and its description says so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from shopsight.api_keys import ApiKeys
from shopsight.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")  # in BentoML itself
BODY = {"user_id": "maya", "num_results": 3}
ROUTES = (("/v1/recommendations", BODY), ("/recommend", {"request": BODY}))


@pytest.fixture(scope="module")
def keys_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def keys(keys_home: Path) -> dict[str, str]:
    return {scope: ApiKeys(Settings(home=keys_home)).create(scope, [scope]) for scope in ("read", "write")}


@pytest.fixture(scope="module")
def client(open_client: Any, recommender_folder: Any, keys: dict[str, str], keys_home: Path) -> Iterator[TestClient]:
    assert keys  # made before the service starts
    with open_client("recommender", recommender_folder, keys_home) as client:
        yield client


def test_a_service_that_other_machines_can_reach_does_not_start_without_keys(
    open_client: Any, recommender_folder: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPSIGHT_HOST", "0.0.0.0")
    with pytest.raises(Exception, match="without API keys"), open_client("recommender", recommender_folder, tmp_path):
        pass


def test_every_route_asks_for_its_scope(client: TestClient, keys: dict[str, str]) -> None:
    for path, body in ROUTES:
        assert client.post(path, json=body).status_code == 401
        assert client.post(path, json=body, headers={"x-api-key": keys["write"]}).status_code == 403
        assert client.post(path, json=body, headers={"x-api-key": keys["read"]}).status_code == 200
    for path in ("/v1/models", "/metrics", "/v1/users/maya/recommendations", "/nowhere"):
        assert client.get(path).json()["code"] == "key_missing"
    read = {"authorization": f"Bearer {keys['read']}"}
    assert client.get("/v1/models", headers=read).status_code == 200
    assert client.get("/metrics", headers=read).status_code not in (401, 403)
    assert client.get("/nowhere", headers=read).status_code == 404


def test_health_and_the_page_need_no_key_and_the_page_takes_one(client: TestClient) -> None:
    for path in ("/livez", "/readyz", "/healthz", "/", "/static_content/swagger-ui.css"):
        assert client.get(path).status_code == 200
    document = client.get("/docs.json").json()
    assert document["components"]["securitySchemes"]["api_key"]["name"] == "X-API-Key"
    asked = document["paths"]["/v1/recommendations"]["post"]
    assert asked["security"] == [{"api_key": []}, {"bearer": []}]
    assert {"401", "403"} <= asked["responses"].keys()
    assert document["paths"]["/livez"]["get"]["security"] == []
    assert document["paths"]["/metrics"]["get"]["security"] != []
