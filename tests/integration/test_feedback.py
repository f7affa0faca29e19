"""What came of real answers of a desk: its prediction log joined with events that were imported."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from approved_toys import toys
from typer.testing import CliRunner

from cli.app import app
from models.recommender.predict import Recommender
from orchestration.defs.insights.feedback import list_feedback
from serving.features import FeatureReader
from serving.feedback.feedback import make_feedback
from serving.prediction_log import PredictionLog
from serving.recommender.desk import RecommendationDesk
from serving.recommender.schemas import RecommendationRequest, Recommendations
from shopsight.errors import ShopsightError
from shopsight.ingestion.importers import import_file
from shopsight.marts import open_marts, read_mart
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings
from shopsight.warehouse import run_dbt

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
MODELS = ("events", "users", "sessions", "identities", "order_items", "interactions")

Place = tuple[str, int]


def minutes(count: float) -> datetime:
    """Return the moment so many minutes after nine."""
    return NINE + timedelta(minutes=count)


class Shop:
    """A desk whose clock is set by hand, and the events of its shoppers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.now = NINE
        self.events: list[dict[str, Any]] = []
        artefact = toys().write_recommender(settings.home / "toy")
        self.log = PredictionLog(settings.predictions_dir / "recommender", clock=lambda: self.now)
        keys = Pseudonymiser.from_settings(settings)
        store = toys().ShelfOfFeatures(
            {("recommender_v1", keys.user("maya")): {"item_ids": ["i_30"], "event_names": ["view_item"]}}
        )
        numbers = iter(range(1_000))
        self.desk = RecommendationDesk(
            Recommender.load(artefact),
            model=toys().served("recommender", artefact),
            features=FeatureReader(lambda: store, keys),
            log=self.log,
            clock=lambda: self.now,
            new_id=lambda: f"{next(numbers):032d}",
        )

    def ask(self, after: float, placement: str, **fields: Any) -> Recommendations:
        """Have the desk answer so many minutes after nine."""
        self.now = minutes(after)
        return self.desk.answer(
            RecommendationRequest.model_validate({"placement": placement, "num_results": 5, **fields})
        )

    def event(self, after: float, name: str, item: str, **fields: Any) -> None:
        """Let a shopper do something so many minutes after nine."""
        number = len(self.events)
        moment = {"event_timestamp": minutes(after).isoformat(), "event_name": name, "event_id": f"e-{number}"}
        self.events.append(moment | {"item_id": item, "price": "10", "currency": "EUR", "quantity": "1"} | fields)

    def build(self) -> dict[str, Any]:
        """Import the events, build the marts that feedback reads, and make it."""
        self.log.close()
        rows = [{name: row.get(name) for name in sorted({n for e in self.events for n in e})} for row in self.events]
        path = self.settings.home / "events.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
        receipt = import_file(self.settings, "canonical_parquet", path, received_at=minutes(9_999))
        assert receipt.quarantined == 0
        run_dbt(self.settings, "run", "--no-write-json", "--select", *(f"+{name}" for name in MODELS))
        return make_feedback(self.settings, now=minutes(9_999))


def second(answer: Recommendations) -> str:
    return answer["items"][1]["item_id"]


@dataclass(frozen=True)
class Result:
    """The report, and what `list_feedback` says of a place of an answer."""

    settings: Settings
    report: dict[str, Any]
    ids: dict[str, str]
    places: dict[Place, dict[str, Any]]

    def of(self, answer: str, position: int) -> dict[str, Any]:
        return self.places[self.ids[answer], position]


@pytest.fixture(scope="module")
def result(emptied_home: Callable[..., Settings]) -> Iterator[Result]:
    with pytest.MonkeyPatch.context() as patch:
        shop = Shop(emptied_home(patch))
        answers = {
            "maya's first": shop.ask(0, "best_sellers", user_id="maya"),
            "maya's second": shop.ask(5, "best_sellers", user_id="maya"),
            "ben's": shop.ask(6, "best_sellers", user_id="ben"),
            "a guest's": shop.ask(7, "trending", session_id="s_guest"),
            "of one who refuses": shop.ask(8, "best_sellers", user_id="nina"),
            "too late for events": shop.ask(5_000, "best_sellers", user_id="maya"),
        }
        first = answers["maya's first"]
        top, other = (first["items"][place]["item_id"] for place in (0, 1))
        named = {"user_id": "maya", "recommendation_id": first["recommendation_id"]}
        shop.event(6, "select_item", top, **named)
        shop.event(6.1, "view_item", top, user_id="maya")
        shop.event(10, "view_item", other, user_id="maya")
        shop.event(11, "add_to_cart", other, user_id="maya")
        shop.event(20, "purchase", top, order_id="o-1", value="30", **named)
        shop.event(20, "purchase", other, order_id="o-1", value="50", user_id="maya")
        shop.event(60, "refund", other, order_id="o-1", value="20", user_id="maya")
        # Ben comes back 24 hours and a minute after his list.
        shop.event(6 + 1_441, "view_item", second(answers["ben's"]), user_id="ben")
        shop.event(9, "view_item", second(answers["a guest's"]), anonymous_id="a_1", session_id="s_guest")
        shop.event(9, "view_item", second(answers["of one who refuses"]), user_id="nina", consent="none")
        shop.event(30, "select_item", other, user_id="ben", recommendation_id="rec_of_another_system")
        with min(shop.log.folder.rglob("*.jsonl")).open("ab") as file:
            file.write(b'{"recommendation_id":"rec_torn","answ\n')
        report = shop.build()
        rows = read_mart(shop.settings, "list_feedback").to_pylist()
        yield Result(
            settings=shop.settings,
            report=report,
            ids={name: answer["recommendation_id"] for name, answer in answers.items()},
            places={(row["recommendation_id"], row["position"]): row for row in rows},
        )


def test_a_click_that_names_its_list_counts_there_though_a_later_list_showed_the_item(result: Result) -> None:
    assert result.of("maya's first", 1)["clicks"] == 1
    assert result.of("maya's first", 1)["click_rule"] == "recommendation_id"


def test_the_page_that_a_click_leads_to_is_no_second_click_on_another_list(result: Result) -> None:
    assert result.of("maya's second", 1)["clicks"] == 0


def test_events_without_a_name_are_owed_to_the_last_list_that_showed_the_item(result: Result) -> None:
    later = result.of("maya's second", 2)
    assert (later["clicks"], later["carts"], later["orders"]) == (1, 1, 1)
    assert (later["click_rule"], later["cart_rule"], later["order_rule"]) == ("window", "window", "window")
    earlier = result.of("maya's first", 2)
    assert (earlier["clicks"], earlier["carts"], earlier["orders"]) == (0, 0, 0)


def test_an_event_after_the_window_is_owed_to_no_list(result: Result) -> None:
    assert result.of("ben's", 2)["clicks"] == 0
    assert result.of("ben's", 2)["click_rule"] is None


def test_revenue_is_what_refunds_left_of_each_item_of_the_order(result: Result) -> None:
    assert result.of("maya's first", 1)["revenue"] == 30
    assert result.of("maya's first", 1)["order_rule"] == "recommendation_id"
    assert result.of("maya's second", 2)["revenue"] == 30
    with open_marts(result.settings, ["list_feedback", "order_items"]) as connection:
        ((ours, theirs),) = connection.execute(
            "select (select sum(revenue) from list_feedback), (select sum(net_revenue) from order_items)"
        ).fetchall()
    assert ours == theirs == 60


def test_a_guest_is_recognised_by_the_session(result: Result) -> None:
    assert result.of("a guest's", 2)["clicks"] == 1


def test_lists_that_no_event_can_speak_of_are_left_out_and_counted(result: Result) -> None:
    assert {answer for answer, _ in result.places} == set(list(result.ids.values())[:4])
    assert result.report["answers_left_out"] == {"bot": 0, "no consent": 1, "no events yet": 1}


def test_a_torn_row_of_the_log_is_named(result: Result) -> None:
    log = result.report["log"]
    assert (log["answers"], log["damaged"], log["unreadable"]) == (6, 1, 0)
    assert [line.rpartition(":")[2] for line in log["lines"]] == ["6"]


def test_the_report_says_which_rule_matched_and_what_names_a_list_that_is_not_in_the_log(result: Result) -> None:
    assert result.report["matched"] == {
        "click": {"recommendation_id": 1, "window": 2, "list not in the log": 1},
        "cart": {"recommendation_id": 0, "window": 1, "list not in the log": 0},
        "order": {"recommendation_id": 1, "window": 1, "list not in the log": 0},
    }


def test_days_add_up_to_the_lists_and_rates_have_intervals(result: Result) -> None:
    days = read_mart(result.settings, "feedback_daily").to_pylist()
    assert sum(day["impressions"] for day in days) == len(result.places) == 20
    best = {day["position"]: day for day in days if day["placement"] == "best_sellers"}
    assert (best[1]["impressions"], best[1]["clicked"], best[1]["clicked_by_id"]) == (3, 1, 1)
    assert best[1]["click_through"] == pytest.approx(1 / 3)
    assert best[1]["click_through_low"] == pytest.approx(0.0615, abs=1e-4)
    assert best[1]["click_through_high"] == pytest.approx(0.7923, abs=1e-4)
    assert best[1]["experiment"] is best[1]["arm"] is best[1]["corrected_click_through"] is None
    assert best[1]["is_complete"]


def test_the_table_of_shown_lists_names_nobody_who_refuses(result: Result) -> None:
    table = read_mart(result.settings, "shown_lists").to_pylist()
    people = {row["recommendation_id"]: row["user_id"] for row in table}
    keys = Pseudonymiser.from_settings(result.settings)
    assert people[result.ids["maya's first"]] == keys.user("maya")
    assert people[result.ids["of one who refuses"]] is None


def test_the_command_prints_the_lists_and_the_document(result: Result) -> None:
    printed = CliRunner().invoke(app, ["feedback"])
    assert printed.exit_code == 0
    assert "best_sellers" in printed.stdout
    assert "1 left out: no consent" in printed.stdout
    document = json.loads(CliRunner().invoke(app, ["feedback", "--json"]).stdout)
    assert document | {"made_at": ""} == result.report | {"made_at": ""}


def test_the_asset_shows_what_came_of_the_lists(result: Result) -> None:
    (materialised,) = cast(Iterator[Any], list_feedback(dg.build_asset_context(), settings=result.settings))
    metadata = materialised.metadata
    assert metadata["dagster/row_count"] == 20
    assert metadata["lines that could not be read"] == 1
    assert "| best_sellers | v0001 | 15 |" in metadata["by version"].value
    assert "data:image/svg+xml" in metadata["clicks by position"].value


def test_the_asset_has_nothing_to_say_before_the_first_list(tmp_path: Path) -> None:
    assert list(cast(Iterator[Any], list_feedback(dg.build_asset_context(), settings=Settings(home=tmp_path)))) == []


def test_what_is_made_again_is_the_same_and_a_writer_of_the_warehouse_is_waited_for_in_words(result: Result) -> None:
    before = read_mart(result.settings, "list_feedback")
    assert make_feedback(result.settings, now=minutes(9_999)) == result.report
    assert read_mart(result.settings, "list_feedback") == before
    with duckdb.connect(str(result.settings.warehouse_path)), pytest.raises(ShopsightError, match="cannot read"):
        make_feedback(result.settings, now=NINE)
