"""What a service counts of itself: under the documented names, and without anybody's id in a label."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client import generate_latest
from scrape import PARTS, families_in, parsed, promised, value
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from models.evaluation.release.judgement import Tally
from serving.http.route_names import OTHER, RouteNames
from serving.metrics import collector_metrics, fallbacks_of, family_metrics, feature_metrics, http_metrics, registry
from serving.releases.orders import Order, Seen, seen_path, write_order
from shopsight.settings import REPO_ROOT, Settings
from shopsight.whole_files import write_json

SECRET: Final = "maya.secret@example.test"
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")  # in BentoML itself


def test_the_page_has_every_name_of_the_module_with_its_kind_labels_and_text() -> None:
    groups = [make() for make in (http_metrics, family_metrics, feature_metrics, collector_metrics)]
    families = families_in(generate_latest(registry()).decode())
    pages = promised()
    assert {name: (family.type, family.documentation) for name, family in families.items()} == {
        name: (row.kind, row.text) for name, row in pages.items()
    }
    metrics = [metric for group in groups for metric in vars(group).values() if hasattr(metric, "_labelnames")]
    assert len(metrics) > 15
    for metric in metrics:
        (family,) = metric.collect()
        name = family.name + ("_total" if family.type == "counter" else "")
        assert set(metric._labelnames) == pages[name].labels, name  # noqa: SLF001 - a family without rows has no labels
    for name in ("shopsight_collector_segments", "shopsight_collector_segment_bytes"):
        assert {label for row in families[name].samples for label in row.labels} == pages[name].labels


def test_what_is_under_release_is_shown_with_what_was_counted_in_its_step(tmp_path: Path) -> None:
    settings, releases = Settings(home=tmp_path), family_metrics().releases
    releases.watch(settings, "recommender")
    order = Order(record=7, version="v0002", stage="canary")
    write_order(settings, "recommender", order)
    text, of = generate_latest(registry()).decode(), {"family": "recommender", "version": "v0002"}
    assert value(text, "shopsight_release_info", **of, step="canary") == 1
    assert 'side="' not in text, "nothing was counted yet"
    ours, theirs = Tally(answers=9, failed=2, whole=7, empty=1), Tally(answers=90, slow=3)
    write_json(seen_path(settings, "recommender", 7), asdict(Seen(record=7, candidate=ours, champion=theirs)))
    text = generate_latest(registry()).decode()
    counts = {
        (side, outcome): value(text, "shopsight_release_answers", **of, side=side, outcome=outcome)
        for side in ("candidate", "champion")
        for outcome in ("answers", "failed", "slow", "empty", "fallback")
    }
    assert {what: count for what, count in counts.items() if count} == {
        ("candidate", "answers"): 9,
        ("candidate", "failed"): 2,
        ("candidate", "empty"): 1,
        ("champion", "answers"): 90,
        ("champion", "slow"): 3,
    }
    for name in ("shopsight_release_info", "shopsight_release_answers"):
        rows = families_in(text)[name].samples
        assert {label for row in rows for label in row.labels} == promised()[name].labels
    write_order(settings, "recommender", None)
    assert "v0002" not in generate_latest(registry()).decode()


def test_the_page_of_the_interface_names_counters_that_exist() -> None:
    words = set((REPO_ROOT / "docs" / "api.md").read_text().replace("`", " ").split())
    named = {word for word in words if word.startswith("shopsight_") and word.endswith("_total")}
    assert named
    assert named <= promised().keys()


def test_an_address_is_named_by_its_template_whatever_stands_in_it() -> None:
    async def answer(_: Any) -> None: ...

    inner = [Route("/users/{user_id:path}/recommendations", answer), Route("/models", answer)]
    app = Starlette(
        routes=[Route("/livez", answer), Mount("/v1", routes=inner), Mount("/static_content", app=Starlette())]
    )
    names = RouteNames()

    def name_of(path: str) -> str:
        return names.name_of({"app": app, "path": path})

    assert name_of("/livez") == "/livez"
    assert name_of("/v1/models") == "/v1/models"
    assert name_of("/v1/users/maya/recommendations") == "/v1/users/{user_id}/recommendations"
    assert name_of("/v1/users/a/b/recommendations") == "/v1/users/{user_id}/recommendations"
    assert name_of("/static_content/a.css") == "/static_content"
    for path in ("/v1/users/maya", "/v1/models/maya", "/models", "/livez/", "/maya", "", "/v1/users/{user_id}"):
        assert name_of(path) == OTHER
    assert RouteNames().name_of({"path": "/livez"}) == OTHER, "of an app that does not say what it is"


def test_what_stood_in_for_the_model_is_read_from_the_row() -> None:
    assert fallbacks_of({"fallback": None}) == ["none"]
    assert fallbacks_of({"fallback": "trending"}) == ["trending"]
    assert fallbacks_of({"fallbacks": [None, "base_rate"], "results": [1]}) == ["none", "base_rate"]
    assert fallbacks_of({"results": [1, 2]}) == ["none", "none"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def client(
    home: Path, recommender_folder: Path, open_client: Callable[[str, Path, Path], AbstractContextManager[TestClient]]
) -> Iterator[TestClient]:
    """A recommender whose home has no online store."""
    with open_client("recommender", recommender_folder, home) as client:
        yield client


class Difference:
    """How much further a client's service counts."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self._before = client.get("/metrics").text

    def __call__(self, name: str, **labels: str) -> float:
        return value(self._client.get("/metrics").text, name, **labels) - value(self._before, name, **labels)


def test_no_id_or_text_of_a_request_is_in_what_a_service_shows(client: TestClient) -> None:
    for path in (
        f"/v1/users/{SECRET}/recommendations", f"/v1/items/{SECRET}/similar", f"/{SECRET}", f"/v1/{SECRET}",
        f"/v1/users/{SECRET}", f"/static_content/{SECRET}", f"/readyz/{SECRET}", f"/recommend/{SECRET}",
    ):  # fmt: skip
        client.get(path)
        client.post(path, json={"user_id": SECRET})
        client.request(SECRET.upper().replace("@", ""), path)
    client.post("/v1/recommendations", json={"user_id": SECRET, "session_id": SECRET, "placement": SECRET})
    client.post("/v1/recommendations", json={"user_id": SECRET, "session_id": SECRET})
    client.get("/readyz")
    text = client.get("/metrics").text
    assert SECRET.split("@")[0] not in text.lower()
    assert {row.labels["route"] for row in families_in(text)["shopsight_http_requests_total"].samples} >= {
        "/v1/users/{user_id}/recommendations", "/v1/items/{item_id}/similar", "/v1/recommendations", "/readyz", OTHER,
    }  # fmt: skip


def test_only_documented_names_and_those_of_any_process_are_shown(client: TestClient) -> None:
    text = client.get("/metrics").text
    assert client.get("/metrics").headers["content-type"].startswith("text/plain; version=")
    pages = promised()
    for family in parsed(text):
        if not family.name.startswith("process_"):
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = pages[name].labels
            for row in family.samples:
                assert row.name.removeprefix(family.name) in PARTS[family.type]
                assert row.labels.keys() - {"le"} == labels


def test_requests_are_counted_by_route_and_class_of_status_and_answers_are_timed(client: TestClient) -> None:
    more = Difference(client)
    for body in ({}, {"placement": "trending"}, {"num_results": 0}):
        client.post("/v1/recommendations", json=body)
    client.post("/v1/recommendations", content=b"{")
    route = "/v1/recommendations"
    assert more("shopsight_http_requests_total", route=route, status="2xx") == 2
    assert more("shopsight_http_requests_total", route=route, status="4xx") == 2
    assert more("shopsight_http_request_duration_seconds_count", route=route) == 3, "what is refused is not timed"
    assert more("shopsight_http_refused_total", where="guard", reason="malformed_json") == 1
    assert more("shopsight_answers_total", family="recommender", fallback="trending") == 1
    assert more("shopsight_answers_total", family="recommender", fallback="none") == 1, "trending was asked for"
    assert more("shopsight_prediction_log_rows_total", family="recommender") == 2
    text = client.get("/metrics").text
    assert value(text, "shopsight_http_requests_in_flight") == 0, "who asks for the metrics takes no place"
    assert value(text, "shopsight_model_info", family="recommender", version="v0001", baseline="") == 1


def test_an_online_store_that_is_away_is_shown_as_such(client: TestClient) -> None:
    client.post("/v1/recommendations", json={"user_id": "u"})
    text = client.get("/metrics").text
    assert value(text, "shopsight_feature_store_up") == 0
    assert value(text, "shopsight_feature_store_failures_total") > 0
    data_end = value(text, "shopsight_features_data_end_timestamp_seconds")
    assert data_end != data_end, "NaN: nothing was ever written"


def test_rows_of_a_removed_log_are_counted_and_noted(client: TestClient, home: Path) -> None:
    assert client.post("/v1/recommendations", json={}).status_code == 200
    more = Difference(client)
    shutil.rmtree(home / "predictions")
    assert client.post("/v1/recommendations", json={}).status_code == 200
    lost = more("shopsight_prediction_log_rows_lost_total", family="recommender")
    assert lost > 0
    (note,) = (note for note in client.get("/readyz").json()["notes"] if note.startswith("prediction log:"))
    assert f"was removed with {lost:.0f} rows in it" in note
