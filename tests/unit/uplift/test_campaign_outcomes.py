"""What came of launched campaigns, for next best actions: only where the lot can be trusted, and the days are over."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import duckdb
import pandas as pd
import pytest

from cli.campaign_files import write_launch
from models.campaigns.audience import Reached
from models.campaigns.book import Campaign
from models.campaigns.launches import midnight
from models.campaigns.plan import Plan
from orchestration.campaign_outcomes import SCHEMA, campaign_outcomes, state_ages
from shopsight.settings import Settings

USERS = [f"u_{number:03}" for number in range(200)]
START = datetime(2026, 11, 1, tzinfo=UTC)
OFFERS = [
    {"name": "news", "kind": "content", "message_cost": 0.1},
    {"name": "tips", "kind": "content", "action": "help"},
    {"name": "five", "kind": "price", "discount": 5.0, "message_cost": 0.2},
]


@pytest.fixture
def launch(home: Settings) -> Callable[..., None]:
    def launched(name: str = "pilot", *, held_out: int = 2, chosen_by: str = "lot") -> None:
        line = {"name": name, "offers": OFFERS, "budget": 1, "hold_out": 0.5, "margin_share": 0.25}
        campaign = Campaign.model_validate(line | {"starts": date(2026, 11, 1), "ends": date(2026, 11, 14)})
        assigned = pd.DataFrame(
            {
                "user_id": USERS,
                "offer": [OFFERS[number % 3]["name"] for number in range(len(USERS))],
                "held_out": [number % held_out == 0 for number in range(len(USERS))],
            }
        )
        plan = Plan(
            campaign=campaign,
            chosen_by=chosen_by,
            reached=Reached(assigned, len(USERS), {}),
            assigned=assigned,
            cost=0.0,
            orders_added=None,
            money_added=None,
            sleeping_dogs=0,
        )
        document = {"name": name, "chosen_by": chosen_by, "campaign": campaign.model_dump(mode="json"), "plan": {}}
        write_launch(home, plan, document, send_from=midnight(home, campaign.starts))

    return launched


def marts(*orders: tuple[str, float, float], until: float = 10.0) -> duckdb.DuckDBPyConnection:
    """Return marts with orders of a user, so many days after the start, of so much money; the log ends at ``until``."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    rows = pd.DataFrame(
        {
            "user_id": pd.Series([user for user, _, _ in orders], dtype="string"),
            "ordered_at": pd.to_datetime(
                pd.Series([START + timedelta(days=day) for _, day, _ in orders], dtype="datetime64[us, UTC]")
            ),
            "net_revenue": [money for _, _, money in orders],
        }
    )
    sessions = pd.DataFrame({"ended_at": [pd.Timestamp(START + timedelta(days=until))]})
    connection.register("order_rows", rows)
    connection.register("session_rows", sessions)
    connection.execute("create table orders as from order_rows; create table sessions as from session_rows")
    return connection


def test_a_row_says_what_was_done_by_which_chance_and_what_came_of_it(
    home: Settings, launch: Callable[..., None]
) -> None:
    launch()
    came = campaign_outcomes(home, marts(("u_001", 2, 40.0), ("u_002", 3, 80.0), ("u_003", 8, 40.0)), horizon_days=7)
    assert came.passed_over == {}
    assert came.rows.schema == SCHEMA
    rows = {row["user_id"]: row for row in came.rows.to_pylist()}
    assert len(rows) == len(USERS)
    assert [rows[user]["ordered"] for user in USERS[:4]] == [False, True, True, False]
    assert rows["u_001"] | {"event_timestamp": START} == {
        "user_id": "u_001",
        "event_timestamp": START,
        "campaign": "pilot",
        "action": "help",
        "is_sent": True,
        "chance_sent": 0.5,
        "ordered": True,
        "order_margin": 15.0,
        "message_cost": 0.0,
        "discount": 0.0,
    }
    assert (rows["u_002"]["action"], rows["u_002"]["discount"], rows["u_002"]["is_sent"]) == ("offer", 5.0, False)
    assert rows["u_000"]["action"] == "reminder"


def test_a_campaign_whose_days_are_not_over_waits(home: Settings, launch: Callable[..., None]) -> None:
    launch()
    came = campaign_outcomes(home, marts(("u_001", 2, 40.0), until=3.0), horizon_days=7)
    assert (came.rows.num_rows, "not over" in came.passed_over["pilot"]) == (0, True)


def test_a_campaign_whose_hold_out_is_broken_teaches_nothing(home: Settings, launch: Callable[..., None]) -> None:
    launch("unlike_its_lot", held_out=10)
    launch("changed")
    path = home.campaigns_dir / "changed" / "assignment.parquet"
    pd.read_parquet(path).assign(held_out=False).to_parquet(path)
    came = campaign_outcomes(home, marts(("u_001", 2, 40.0)), horizon_days=7)
    assert came.rows.num_rows == 0
    assert came.passed_over == {
        "unlike_its_lot": "its hold-out is not that of its lot",
        "changed": "its assignment is not the one that was launched",
    }


def test_a_shop_without_campaigns_has_no_rows(home: Settings) -> None:
    came = campaign_outcomes(home, marts(), horizon_days=7)
    assert came.rows.equals(SCHEMA.empty_table())


def test_the_age_of_what_is_known_is_that_of_the_last_day_before_the_moment(
    home: Settings, launch: Callable[..., None]
) -> None:
    launch()
    connection = marts(("u_001", 2, 40.0))
    rows = campaign_outcomes(home, connection, horizon_days=7).rows
    begin = rows["event_timestamp"][0].as_py()
    days = pd.DataFrame(
        {"user_id": ["u_001"] * 3, "feature_timestamp": [begin + timedelta(days=day) for day in (-30, -4, 1)]}
    )
    connection.register("day_rows", days)
    connection.execute("create table user_features_daily as from day_rows")
    ages = dict(zip(rows["user_id"].to_pylist(), state_ages(connection, rows).to_pylist(), strict=True))
    assert (ages["u_001"], ages["u_002"]) == (4.0, None)
