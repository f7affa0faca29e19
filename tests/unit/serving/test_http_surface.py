"""The whole BentoML app of each service, in this process: what a client sees; nothing a client sends makes a 5xx."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from edge.requests import ODD_VALUES
from jsonschema import Draft202012Validator, ValidationError
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from serving.churn.schemas import ChurnPredictions
from serving.http.problems import MEDIA_TYPE
from serving.intent.schemas import Intents
from serving.next_best_action.schemas import NextBestActions
from serving.purchase_intent.schemas import Predictions
from serving.recommender.schemas import RecommendationAnswers, Recommendations
from serving.schemas import Models, ProblemDocument
from serving.search.schemas import SearchAnswer

ROUTES: Final[dict[str, tuple[str, str, dict[str, Any], Any]]] = {
    "intent": ("/v1/intents", "/classify", {"texts": ["find red shoes"]}, Intents),
    "recommender": ("/v1/recommendations", "/recommend", {"user_id": "maya", "num_results": 3}, Recommendations),
    "purchase_intent": (
        "/v1/predictions/purchase_intent",
        "/predict",
        {"instances": [{"events": [{"event_name": "view_item", "event_timestamp": "2026-01-05T10:00:00Z"}]}]},
        Predictions,
    ),
    "churn": ("/v1/predictions/churn", "/predict", {"instances": [{"user_id": "maya"}]}, ChurnPredictions),
    "search": ("/v1/search", "/search", {"query": "shoes", "num_results": 3}, SearchAnswer),
    "next_best_action": ("/v1/next_best_actions", "/decide", {"user_ids": ["maya"]}, NextBestActions),
}
JSON: Final = {"content-type": "application/json"}
TEXT: Final = {"content-type": "text/plain"}
EXPLAINED: Final = {"explain": True}
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")  # in BentoML itself


@pytest.fixture(scope="module", params=ROUTES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def client(
    family: str, open_client: Any, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """A client of one service."""
    home = tmp_path_factory.mktemp("home")
    with open_client(family, request.getfixturevalue(f"{family}_folder"), home) as client:
        yield client


def assert_problem(answer: Any) -> None:
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    document = TypeAdapter(ProblemDocument).validate_python(answer.json())
    assert document["request_id"] == answer.headers["x-request-id"]


def test_the_rest_route_and_bentomls_own_give_the_described_answer(client: TestClient, family: str) -> None:
    rest, native, body, shape = ROUTES[family]
    for path, content in ((rest, body), (native, {"request": body})):
        answer = client.post(path, json=content, headers={"X-Request-Id": "mine"})
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-request-id"] == "mine"
        assert TypeAdapter(shape).validate_python(answer.json())["model"]["version"] == "v0001"


def test_health_models_and_the_described_interface_are_there(client: TestClient, family: str) -> None:
    assert client.get("/livez").status_code == client.get("/healthz").status_code == 200
    assert client.get("/readyz").json()["status"] == "ready"
    models = TypeAdapter(Models).validate_python(client.get("/v1/models").json())
    assert models["models"][0]["name"] == family
    assert client.get("/").headers["content-type"].startswith("text/html")
    described = client.get("/docs.json").json()["paths"]
    expected = ROUTES[family][0].replace("purchase_intent", "{task}").replace("churn", "{task}")
    assert {expected, ROUTES[family][1], "/v1/models"} <= described.keys()


def described(client: TestClient, path: str, method: str, status: str) -> Draft202012Validator:
    """Return what ``/docs.json`` says of one answer."""
    document = client.get("/docs.json").json()
    (content,) = document["paths"][path][method]["responses"][status]["content"].values()
    return Draft202012Validator(content["schema"] | {"components": document["components"]})


def test_answers_and_errors_are_what_the_description_says(client: TestClient, family: str) -> None:
    rest, native, body, _ = ROUTES[family]
    template = rest.replace("purchase_intent", "{task}").replace("churn", "{task}")
    for path, asked, content in ((rest, template, body | EXPLAINED), (native, native, {"request": body | EXPLAINED})):
        described(client, asked, "post", "200").validate(client.post(path, json=content).json())
        described(client, asked, "post", "422").validate(client.post(path, json={"surprise": 1}).json())
        described(client, asked, "post", "415").validate(client.post(path, content=b"", headers=TEXT).json())
    described(client, "/v1/models", "get", "200").validate(client.get("/v1/models").json())
    described(client, "/readyz", "get", "200").validate(client.get("/readyz").json())
    with pytest.raises(ValidationError):
        described(client, template, "post", "200").validate({"model": "another"})


def test_the_page_that_shows_the_interface_loads_nothing_from_outside(client: TestClient) -> None:
    page = client.get("/").text
    assert "//" not in page.replace("<!DOCTYPE html>", "")
    for file in re.findall(r'(?:src|href)="\./([^"]*)"', page):
        assert client.get(f"/{file}").status_code == 200, file


def test_no_malformed_request_makes_a_5xx(client: TestClient, family: str) -> None:
    """A slice of the campaign: 150 per service, seeded; every error is a problem document."""
    rest, native, body, _ = ROUTES[family]
    rng = random.Random(7)
    seen = set()
    for number in range(150):
        path = rng.choice([rest, rest, native, "/v1/models", "/v1/nope", "/static_content/%00", "/docs.json/x"])
        content, headers = malformed(rng, body)
        method = rng.choice(["POST", "POST", "POST", "PUT", "GET", "DELETE", "OPTIONS", "BREW"])
        answer = client.request(method, path, content=content, headers=headers)
        assert answer.status_code < 500, (number, method, path, content[:80], answer.text)
        if answer.status_code >= 400:
            assert_problem(answer)
        seen.add(answer.status_code)
    assert {400, 404, 405, 413, 415, 422} <= seen  # the slice reaches every kind of refusal


def malformed(rng: random.Random, body: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Return a body that is broken in one of many ways, and headers that may be as well."""
    text = json.dumps(body)
    key = rng.choice([*body, "filter", "recent_events", "surprise", "num_results", "item_ids"])
    ways = [
        lambda: rng.randbytes(rng.randrange(200)),
        lambda: text[: rng.randrange(len(text))].encode(),
        lambda: json.dumps(body | {key: rng.choice(ODD_VALUES)}).encode(),
        lambda: json.dumps({"request": body | {key: rng.choice(ODD_VALUES)}}).encode(),
        lambda: text.replace('"', "'").encode(),
        lambda: json.dumps(body | {key: float("nan")}).encode(),
        lambda: b'{"a":' * 3000 + b"1" + b"}" * 3000,
        lambda: json.dumps(body | {key: ["x"] * 2000}).encode(),
        lambda: b'{"texts": ["' + b"a" * 1_100_000 + b'"]}',
        lambda: json.dumps([body]).encode(),
        lambda: text.encode("utf-16"),
    ]
    headers = {"content-type": "application/json"}
    if rng.random() < 0.2:
        headers["content-type"] = rng.choice(
            ["text/plain", "application/vnd.bentoml+pickle", "multipart/form-data", ";"]
        )
    if rng.random() < 0.1:
        headers["content-encoding"] = "gzip"
    return rng.choice(ways)(), headers


BATCHES: Final[dict[str, tuple[str, str]]] = {
    "intent": ("texts", "intents"),
    "purchase_intent": ("instances", "predictions"),
    "churn": ("instances", "predictions"),
}
"""The lists in a request and in its answer."""


@pytest.mark.parametrize("family", BATCHES, indirect=True)
@pytest.mark.parametrize("native", [False, True])
def test_half_an_emoji_in_one_element_costs_no_other_element(client: TestClient, family: str, native: bool) -> None:
    rest, own, body, _ = ROUTES[family]
    given, answered = BATCHES[family]
    good = body[given][0]
    spoilt = json.loads(
        json.dumps(good).replace("find", "find \\ud83d").replace("maya", "maya\\ud83d").replace("_item", "\\ud83d")
    )
    assert spoilt != good
    request = {given: [good, spoilt, good]}
    content = json.dumps({"request": request} if native else request)
    answer = client.post(own if native else rest, content=content, headers=JSON)
    assert answer.status_code == 200, answer.text
    first, _, last = answer.json()[answered]
    assert first["error"] is last["error"] is None


@pytest.mark.parametrize("family", ["recommender"], indirect=True)
@pytest.mark.parametrize(
    "path",
    [
        "/v1/users/maya/recommendations?num_results=0",
        "/v1/users/maya/recommendations?num_results=501",
        "/v1/users/maya/recommendations?num_results=NaN",
        "/v1/users/" + "x" * 300 + "/recommendations",
        "/v1/items/nope/similar",
        "/v1/items/..%2F..%2Fetc%2Fpasswd/similar",
        "/v1/items/%F0%9F/similar",
    ],
)
def test_bad_addresses_are_problems_too(client: TestClient, path: str) -> None:
    assert_problem(client.get(path))


@pytest.mark.parametrize("family", ["recommender"], indirect=True)
def test_given_items_are_ranked_and_several_lists_asked_for_at_once(client: TestClient) -> None:
    ranked = client.post("/v1/rankings", json={"item_ids": ["i_5", "i_2"]})
    assert ranked.status_code == 200, ranked.text
    items = TypeAdapter(Recommendations).validate_python(ranked.json())["items"]
    assert [item["item_id"] for item in items] == ["i_2", "i_5"]
    assert_problem(client.post("/v1/rankings", json={"item_ids": []}))
    several = client.post("/v1/recommendations/batch", json={"requests": [{"placement": "trending"}, {"surprise": 1}]})
    good, bad = TypeAdapter(RecommendationAnswers).validate_python(several.json())["results"]
    assert good["answer"] is not None
    assert bad["error"] is not None
    assert_problem(client.post("/v1/recommendations/batch", json={"requests": [{}] * 101}))


@pytest.mark.parametrize("family", ["recommender"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        {"num_results": 501},
        {"num_results": 0},
        {"num_results": "10"},
        {"num_results": True},
        {"num_results": 1.5},
        {"placement": "nowhere"},
        {"placement": "bought_together"},
        {"max_per_brand": 0},
        {"max_per_category": 10**30},
        {"placement": "similar_items"},
        {"user_id": ""},
        {"user_id": 7},
        {"user_id": "a\nb"},
        {"filter": {"price": {"lte": "10"}}},
        {"filter": {"category": {"any_of": []}}},
        {"filter": {"colour": "red"}},
        {"recent_events": [{"event_name": "wink"}]},
        {"diversity": 1.5},
        {"surprise": 1},
    ],
)
def test_what_the_rules_forbid_is_a_422_that_names_the_field(client: TestClient, change: dict[str, Any]) -> None:
    answer = client.post("/v1/recommendations", json=change)
    assert answer.status_code == 422
    assert_problem(answer)
    (entry, *_) = answer.json()["errors"]
    assert entry["loc"][0] == "body"


@pytest.mark.parametrize("family", ["recommender"], indirect=True)
def test_a_price_range_with_nothing_in_it_leaves_no_item_and_ten_is_ten_however_it_is_written(
    client: TestClient,
) -> None:
    nothing = client.post("/v1/recommendations", json={"filter": {"price": {"gte": 10, "lte": 5}}})
    assert (nothing.status_code, nothing.json()["items"], nothing.json()["exhausted"]) == (200, [], True)
    ten = client.post("/v1/recommendations", content=b'{"num_results": 10.0}', headers=JSON)
    assert len(ten.json()["items"]) == 10


@pytest.mark.parametrize("family", ["recommender"], indirect=True)
@pytest.mark.parametrize("path", ["/v1/users/maya/recommendations", "/v1/items/i_5/similar"])
def test_a_misspelt_option_of_an_address_is_refused(client: TestClient, path: str) -> None:
    answer = client.get(path + "?num_result=3")
    assert_problem(answer)
    assert answer.json()["errors"][0]["loc"] == ["query", "num_result"]


@pytest.mark.parametrize("family", ["recommender"], indirect=True)
def test_browser_routes_answer_for_users_and_items(client: TestClient) -> None:
    user = client.get("/v1/users/maya@example.org/recommendations?num_results=2").json()
    item = client.get("/v1/items/i_5/similar").json()
    assert (user["fallback"], len(user["items"])) == ("trending", 2)  # no online store in this home
    assert (item["placement"], item["items"][0]["item_id"]) == ("similar_items", "i_6")
    assert "no feature definitions" in client.get("/readyz").json()["notes"][0]


def test_an_id_in_a_path_may_have_slashes_in_it(family: str, client: TestClient) -> None:
    if family != "recommender":
        pytest.skip("no ids in its paths")
    unknown = client.get("/v1/items/shoes%2Fred%2F41/similar")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_item")
    assert "'shoes/red/41'" in unknown.json()["detail"]
    assert client.get("/v1/users/a%2Fb/recommendations").status_code == 200


def test_an_id_is_the_same_with_and_without_blanks_around_it(family: str, client: TestClient) -> None:
    if family != "recommender":
        pytest.skip("ids are of one type for all")
    blanks = client.post("/v1/recommendations", json={"placement": "similar_items", "item_ids": [" i_5\u00a0"]})
    bare = client.post("/v1/recommendations", json={"placement": "similar_items", "item_ids": ["i_5"]})
    assert blanks.json()["items"] == bare.json()["items"]
    assert blanks.json()["missing_item_ids"] == []
    assert client.post("/v1/recommendations", json={"user_id": "  "}).status_code == 422
