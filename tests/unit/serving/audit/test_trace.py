"""An answer is walked back to its rows, link by link; a link that nobody wrote down says so."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from approved_toys import crown_toy
from typer.testing import CliRunner

from cli.app import app
from models.registry.registry import ModelRegistry
from serving.audit import logged_rows
from serving.audit.events import around
from serving.audit.logged_rows import UnknownAnswerError
from serving.audit.trace import origin_of
from serving.prediction_log import encode_row
from shopsight.errors import ShopsightError
from shopsight.events import EVENT_SCHEMA
from shopsight.settings import Settings

MONDAY = datetime(2026, 1, 5, 12, tzinfo=UTC)
RESULTS = [["i_1", 0.9, "item_knn"], ["i_2", 0.5, "item_knn"]]
HISTORY = {"item_ids": ["i_7"], "event_names": ["view_item"]}


def land(home: Settings, batch: str, *events: Mapping[str, Any], received_at: str) -> None:
    folder = home.event_log_dir / f"arrival_date={received_at[:10]}" / f"batch={batch}"
    (folder / "events").mkdir(parents=True)
    rows = [
        {name: event.get(name) for name in EVENT_SCHEMA.names} | {"event_id": f"{batch}-{number}", "line_number": 0}
        for number, event in enumerate(events)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=EVENT_SCHEMA), folder / "events" / "part-00000.parquet")
    (folder / "manifest.json").write_text(json.dumps({"received_at": received_at}))


def event(name: str, *, hours: float, user: str = "u_maya", **fields: Any) -> dict[str, Any]:
    moment = MONDAY + timedelta(hours=hours)
    always = {"event_timestamp": moment, "created_timestamp": moment, "consent": "granted", "source": "shop"}
    return {"event_name": name, "user_id": user, **always, **fields}


@pytest.fixture
def registry(home: Settings, recommender_folder: Any) -> ModelRegistry:
    crown_toy(home, "recommender", recommender_folder)
    return ModelRegistry.of(home)


def answer(home: Settings, registry: ModelRegistry, answer_id: str = "rec_1", **fields: Any) -> None:
    """Log a list for Maya, as a service would."""
    row = {
        "recommendation_id": answer_id,
        "answered_at": "2026-01-05T12:00:00Z",
        "model": {"name": "recommender", "version": "v0001", "baseline": None},
        "placement": "recommended_for_you",
        "user": "u_maya",
        "session_id": None,
        "features_as_of": "2026-01-05T00:00:00Z",
        "fallback": None,
        "results": RESULTS,
        "inputs": {"state": None, "user_known": True, "features": HISTORY},
        "journal": str(registry.head()),
        "bento": "shopsight_recommendation:v0001-a",
        **fields,
    }
    folder = home.predictions_dir / "recommender" / "2026-01-05"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "host-1.jsonl").open("ab") as file:
        file.write(encode_row({name: value for name, value in row.items() if value != "left out"}))


def links(home: Settings, answer_id: str = "rec_1") -> dict[str, Any]:
    origin = origin_of(home, answer_id)
    return {**origin.links, **around(home, origin)}


def test_an_answer_leads_back_to_model_approval_gate_features_and_batches(
    home: Settings, registry: ModelRegistry
) -> None:
    before = (event("view_item", hours=-20, item_id="i_7"), event("view_item", hours=-19, item_id="i_7", user="u_x"))
    land(home, "b1", *before, received_at="2026-01-05T01:00:00+00:00")
    land(home, "b2", event("view_item", hours=-13, item_id="i_8"), received_at="2026-01-06T01:00:00+00:00")
    answer(home, registry)
    of = links(home)
    assert of["answer"]["file"] == "2026-01-05/host-1.jsonl:1"
    assert of["bento"] == {"tag": "shopsight_recommendation:v0001-a"}
    assert (of["model"]["version"], of["model"]["artefact_now"]) == ("v0001", "as registered")
    assert (of["approval"]["by"], of["approval"]["comment"]) == ("Ana", "fit to serve")
    assert of["gate"] == {"eligible": True, "against": [], "judged_beside": None}
    assert (of["features"]["user"], of["features"]["features"]) == ("u_maya", HISTORY)
    batches = of["batches"]["by_user"]["u_maya"]["batches"]
    assert [(one["batch"], one["events"], one["landed_before_the_answer"]) for one in batches] == [
        ("b1", 1, True),
        ("b2", 1, False),
    ]


def test_events_that_name_the_answer_are_what_followed_it(home: Settings, registry: ModelRegistry) -> None:
    land(
        home,
        "b1",
        event("view_item", hours=30, item_id="i_2", recommendation_id="rec_1"),
        event("view_item", hours=1, item_id="i_1"),
        received_at="2026-01-07T01:00:00+00:00",
    )
    answer(home, registry)
    followed = links(home)["events"]
    assert [(one["item_id"], one["event_timestamp"]) for one in followed["first"]] == [("i_2", "2026-01-06T18:00:00Z")]
    assert followed["based_on"].startswith("events that name this recommendation_id")


def test_where_no_event_names_the_answer_the_shoppers_next_events_on_its_items_are(
    home: Settings, registry: ModelRegistry
) -> None:
    events = [
        event("add_to_cart", hours=23, item_id="i_1"),
        event("view_item", hours=25, item_id="i_1"),
        event("view_item", hours=-1, item_id="i_2"),
        event("view_item", hours=1, item_id="i_9"),
        event("view_item", hours=1, item_id="i_1", user="u_x"),
    ]
    land(home, "b1", *events, received_at="2026-01-07T01:00:00+00:00")
    answer(home, registry)
    followed = links(home)["events"]
    assert [one["event_name"] for one in followed["first"]] == ["add_to_cart"]
    assert "no event names the answer: the shopper's events within 24 hours on the shown items" in followed["based_on"]


def test_the_approval_is_the_one_that_stood_when_it_was_answered(
    home: Settings, registry: ModelRegistry, recommender_folder: Any
) -> None:
    answer(home, registry)
    crown_toy(home, "recommender", recommender_folder)
    registry.rollback("recommender", approver="Cleo", reason="v0002 sells less", at=MONDAY)
    answer(home, registry, "rec_2")
    assert links(home)["approval"]["by"] == "Ana"
    assert links(home, "rec_2")["approval"]["by"] == "Cleo"


def test_what_nobody_wrote_down_is_not_said_and_not_guessed(home: Settings, registry: ModelRegistry) -> None:
    for tag in ("shopsight_recommendation:v0001-a", "shopsight_recommendation:v0001-b"):
        answer(home, registry, "rec_" + tag[-1], bento="left out", inputs="left out", user="u_maya")
        registry.package("recommender", "v0001", tag=tag, manifest="0", at=MONDAY)
    answer(home, registry, "rec_c", bento="left out", user=None)
    answer(home, registry, "rec_d", model={"name": "recommender", "version": "v0009", "baseline": None})
    assert links(home, "rec_a")["bento"] == {
        "not_said": "not logged by the version that answered",
        "bentos_by_then": [],
    }
    assert links(home, "rec_b")["bento"]["tag"] == "shopsight_recommendation:v0001-a"
    assert len(links(home, "rec_c")["bento"]["bentos_by_then"]) == 2
    assert links(home, "rec_a")["features"]["not_said"] == "not logged by the version that answered"
    assert "about nobody" in links(home, "rec_c")["features"]["not_said"]
    assert "card does not say" in links(home, "rec_a")["training"]["dagster_run"]["not_said"]
    lost = links(home, "rec_d")
    assert all("not_said" in lost[name] for name in ("model", "approval", "gate", "training", "warehouse"))
    assert "there is no event log" in lost["batches"]["not_said"]


def test_an_id_that_somebody_sent_is_no_answers_and_a_damaged_row_says_nothing(
    home: Settings, registry: ModelRegistry
) -> None:
    answer(home, registry, request={"recommendation_id": "rec_2"})
    answer(home, registry, "rec_3")
    with pytest.raises(UnknownAnswerError, match="no answer 'rec_2'"):
        origin_of(home, "rec_2")
    (path,) = home.predictions_dir.rglob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"recommendation_id":"rec_3"', b'"recommendation_id":"rec_4"'))
    with pytest.raises(ShopsightError, match="not what was written"):
        origin_of(home, "rec_4")


def test_the_commands_print_one_document_and_a_replay_that_differs_says_so_in_its_code(
    home: Settings, registry: ModelRegistry
) -> None:
    answer(home, registry)
    traced = CliRunner().invoke(app, ["trace", "rec_1", "--json"])
    document = json.loads(traced.stdout)
    assert (document["id"], document["approval"]["by"]) == ("rec_1", "Ana")
    assert document["took"]["lookup_ms"] > 0
    assert "comment: fit to serve" in CliRunner().invoke(app, ["trace", "rec_1"]).stdout
    replayed = CliRunner().invoke(app, ["replay", "--answers", "5", "--json"])
    counts = json.loads(replayed.stdout)
    assert (replayed.exit_code, counts["asked"], counts["identical"], counts["not_replayable"]) == (0, 1, 0, 1)
    config = home.registry_dir / "recommender" / "v0001" / "config.json"
    config.write_text(config.read_text() + "\n")
    replayed = CliRunner().invoke(app, ["replay", "--family", "recommender"])
    assert replayed.exit_code == 3
    assert "config.json was changed" in replayed.stdout.replace("\n", "")


def test_a_prediction_names_what_was_read_of_each_of_its_instances(home: Settings, registry: ModelRegistry) -> None:
    land(home, "b1", event("purchase", hours=5, item_id="i_9"), received_at="2026-01-07T01:00:00+00:00")
    read = {"user": "u_maya", "features_as_of": "2026-01-05T00:00:00Z", "features": {"carts_28d": 3}}
    answer(
        home,
        registry,
        recommendation_id="left out",
        prediction_id="pred_1",
        results=[{"index": 0, "probability": 0.5, **read}, {"index": 1, "probability": 0.2, **read, "user": None}],
    )
    of = links(home, "pred_1")
    assert [one["index"] for one in of["features"]["by_instance"]] == [0, 1]
    assert of["features"]["by_instance"][0]["features"] == {"carts_28d": 3}
    assert of["answer"]["results"][0]["probability"] == 0.5
    assert list(of["batches"]["by_user"]) == ["u_maya"]
    assert [one["event_name"] for one in of["events"]["first"]] == ["purchase"]
    assert "on the shown items" not in of["events"]["based_on"]


def test_a_row_is_met_wherever_the_borders_of_what_is_read_at_once_lie(
    home: Settings, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logged_rows, "CHUNK", 61)
    for number in range(8):
        answer(home, registry, f"rec_{number}", results=RESULTS * number)
    assert [logged_rows.find_row(home, f"rec_{number}").line for number in range(8)] == list(range(1, 9))
