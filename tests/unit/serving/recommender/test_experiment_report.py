"""From the prediction log and the marts to a report: who is counted in which arm, and what counts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from serving.prediction_log import PredictionLog
from serving.recommender.experiments.book import Experiment, ExperimentBook
from serving.recommender.experiments.report import Report, experiment_of, report_on
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
NOW = datetime(2026, 2, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Shop:
    """A home with a prediction log and the marts that a report reads, written by hand."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)
        self.rows: list[dict[str, Any]] = []
        self.users: list[tuple[Any, ...]] = []
        self.identities: list[tuple[str, str]] = []
        self.orders: list[tuple[Any, ...]] = []
        self.clicks: list[tuple[Any, ...]] = []
        self.end = NOW

    def shows(self, user: str, arm: str | None, *, at: datetime = START, version: str = "v", **fields: Any) -> str:
        """Show a list, and return its recommendation id."""
        recommendation_id = f"rec_{len(self.rows)}"
        self.rows.append(
            {
                "recommendation_id": recommendation_id,
                "answered_at": at.isoformat().replace("+00:00", "Z"),
                "experiment": "a" if arm else None,
                "arm": arm,
                "experiment_version": version if arm else None,
                "hold_out": None,
                "pseudonyms": [f"u_{user}", f"a_{user}"],
                **fields,
            }
        )
        return recommendation_id

    def has_user(self, shopper: str, *, is_bot: bool = False, consent: str = "granted") -> None:
        self.users.append((shopper, is_bot, consent))

    def sells(self, shopper: str, revenue: float, *, at: datetime, unconverted: int = 0) -> None:
        self.orders.append((shopper, at, revenue, unconverted))

    def clicks_on(self, recommendation_id: str | None, shopper: str, *, at: datetime) -> None:
        self.clicks.append(("select_item", recommendation_id, shopper, at))

    def report(self, **fields: Any) -> Report:
        log = PredictionLog(self.settings.predictions_dir / "recommender", clock=lambda: START)
        for row in self.rows:
            log.append(row)
        log.close()
        exports = self.settings.exports_dir
        exports.mkdir(parents=True)
        tables: dict[str, tuple[str, Sequence[tuple[Any, ...]]]] = {
            "users": ("user_id varchar, is_bot boolean, consent varchar", self.users),
            "identities": ("anonymous_id varchar, user_id varchar", self.identities),
            "sessions": ("ended_at timestamptz", [(self.end,)]),
            "orders": (
                "user_id varchar, ordered_at timestamptz, gross_revenue decimal(18, 4), unconverted_lines bigint",
                self.orders,
            ),
        }
        columns = "event_name varchar, recommendation_id varchar, user_id varchar, event_timestamp timestamptz"
        with duckdb.connect(str(self.settings.warehouse_path)) as warehouse:
            warehouse.execute("create schema marts")
            _fill(warehouse, "marts.events", columns, self.clicks)
        with duckdb.connect() as connection:
            for name, (described, rows) in tables.items():
                _fill(connection, name, described, rows)
                connection.execute(f"copy {name} to '{exports / name}.parquet'")
        return report_on(self.settings, experiment(**fields), now=NOW)


def _fill(connection: duckdb.DuckDBPyConnection, name: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    connection.execute(f"create table {name} ({columns})")
    for row in rows:
        connection.execute(f"insert into {name} values ({', '.join('?' * len(row))})", row)


def experiment(**fields: Any) -> Experiment:
    arms = [{"name": "control", "share": 0.5}, {"name": "b", "share": 0.5, "diversity": 0.5}]
    days = {"start": START.date(), "end": START.date() + 10 * DAY}
    return Experiment.model_validate({"name": "a", "arms": arms, **days, "metric": "revenue_per_user", **fields})


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def figures(report: Report) -> dict[str, tuple[int, int, float | None]]:
    return {arm.name: (arm.exposed, arm.measured, arm.metric) for arm in report.judgement.arms}


def test_what_is_bought_within_the_window_after_the_first_list_counts(shop: Shop) -> None:
    shop.shows("x", "b")
    shop.shows("x", "b", at=START + DAY)
    for at, revenue in ((-HOUR, 1.0), (HOUR, 10.0), (2 * DAY, 100.0), (8 * DAY, 1_000.0)):
        shop.sells("u_x", revenue, at=START + at)
    assert figures(shop.report())["b"] == (1, 1, 110.0)


def test_conversion_counts_shoppers_and_not_orders(shop: Shop) -> None:
    for user in ("x", "y"):
        shop.shows(user, "b")
    for _ in range(3):
        shop.sells("u_x", 5.0, at=START + HOUR)
    assert figures(shop.report(metric="conversion"))["b"] == (2, 2, 0.5)


def test_click_through_is_the_share_of_a_shoppers_lists_that_were_clicked(shop: Shop) -> None:
    first = shop.shows("x", "b")
    shop.shows("x", "b", at=START + HOUR)
    shop.shows("y", "b")
    for _ in range(2):
        shop.clicks_on(first, "u_x", at=START + HOUR)
    shop.clicks_on(None, "u_x", at=START + HOUR)  # of a list that was no recommendation
    late = shop.shows("y", "b", at=START + DAY)
    shop.clicks_on(late, "u_y", at=START + 9 * DAY)
    assert figures(shop.report(metric="click_through"))["b"] == (2, 2, 0.25)


def test_whose_window_the_warehouse_does_not_cover_is_exposed_and_not_measured(shop: Shop) -> None:
    shop.shows("x", "b")
    shop.shows("y", "b", at=START + 2 * DAY)
    shop.end = START + 8 * DAY
    report = shop.report()
    assert figures(report)["b"] == (2, 1, 0.0)
    assert any("not measured yet: 1;" in note for note in report.notes)


def test_a_visitor_who_signed_in_since_is_one_shopper_in_the_arm_of_the_first_list(shop: Shop) -> None:
    shop.shows("device", "control")
    shop.shows("maya", "b", at=START + HOUR)
    shop.has_user("u_maya")
    shop.identities.append(("a_device", "u_maya"))
    shop.sells("u_maya", 7.0, at=START + 2 * HOUR)
    report = shop.report()
    assert figures(report) == {"control": (1, 1, 7.0), "b": (0, 0, None)}
    assert any(note.startswith("shown lists of several arms") and note.endswith(": 1") for note in report.notes)


def test_bots_and_who_permits_no_figures_are_left_out_and_counted(shop: Shop) -> None:
    for user in ("bot", "no", "yes"):
        shop.shows(user, "b")
    shop.has_user("u_bot", is_bot=True)
    shop.has_user("u_no", consent="none")
    shop.has_user("u_yes", consent="analytics_only")
    report = shop.report()
    assert figures(report)["b"][:2] == (1, 1)
    assert "left out as bots: 1" in report.notes
    assert "left out because they permit no figures: 1" in report.notes


def test_money_without_a_rate_is_said(shop: Shop) -> None:
    shop.shows("x", "b")
    shop.sells("u_x", 0.0, at=START + HOUR, unconverted=1)
    assert any("currency without a rate" in note for note in shop.report().notes)


def test_lists_of_other_experiments_and_of_before_there_were_any_do_not_count(shop: Shop) -> None:
    shop.shows("x", "b", experiment="other")
    shop.rows.append({"recommendation_id": "rec_old", "answered_at": "2026-01-05T00:00:00Z", "user": "u_old"})
    assert shop.report().judgement.outcome == "nothing_yet"


def test_an_experiment_that_was_changed_while_it_ran_is_not_trusted(shop: Shop) -> None:
    shop.shows("x", "b", version="old")
    shop.shows("y", "b", version="new")
    assert shop.report().judgement.outcome == "changed"


def test_the_hold_out_is_compared_with_everyone_else(shop: Shop) -> None:
    for user, is_out in (("x", True), ("y", False), ("z", False)):
        shop.shows(user, None, hold_out=is_out)
    shop.sells("u_y", 4.0, at=START + HOUR)
    book = ExperimentBook.model_validate({"hold_out": {"share": 0.3, "since": "2026-01-01", "window_days": 7}})
    shop.report()
    report = report_on(shop.settings, experiment_of(book, "hold_out"), now=NOW)
    assert figures(report) == {"control": (1, 1, 0.0), "everyone_else": (2, 2, 2.0)}


def test_each_day_of_the_picture_has_the_shoppers_who_were_measured_by_then(shop: Shop) -> None:
    for number in range(400):
        at = START + (number // 100) * DAY
        shop.shows(str(number), "b" if number % 2 else "control", at=at)
        if number % 4 in (0, 1):
            shop.sells(f"u_{number}", 10.0, at=at + HOUR)
    report = shop.report()
    assert [str(look.day) for look in report.looks] == ["2026-01-13", "2026-01-14", "2026-01-15"][-len(report.looks) :]
    last = report.looks[-1]
    assert (last.low, last.high) == report.judgement.arms[1].difference_interval


def test_the_document_has_what_programs_read(shop: Shop) -> None:
    shop.shows("x", "b")
    document = shop.report().as_document()
    assert {"exposed", "metric", "interval"} <= document["arms"]["b"].keys()
    assert document["sample_ratio_p"] == pytest.approx(0.3173, abs=1e-4)
    assert document["verdict"].startswith("nothing could be said: 0 shoppers of an arm")


def test_an_unknown_experiment_is_refused_with_the_names_there_are() -> None:
    book = ExperimentBook(experiments=[experiment()])
    with pytest.raises(ShopsightError, match="no experiment 'b'") as refused:
        experiment_of(book, "b")
    assert refused.value.why == "experiments.yml has a"


def test_without_marts_it_is_said_which_are_missing(tmp_path: Path) -> None:
    with pytest.raises(ShopsightError, match="there is no mart identities, orders, sessions, users"):
        report_on(Settings(home=tmp_path), experiment(), now=NOW)
