"""A campaign from its plan to its report, on marts of a few hundred shoppers, by the commands a marketer types."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner
from webhook_server import webhook_server

from cli.app import app
from cli.campaign_files import first_hour
from models.campaigns.launches import read_journal
from shopsight.marts import export_path
from shopsight.settings import Settings

BOOK = """
frequency: {max_campaigns: 2, days: 60}
campaigns:
  - {name: pilot, offers: [&news {name: news, kind: content, message_cost: 0.1}], budget: 100, hold_out: 0.5,
     starts: 2026-03-01, ends: 2026-03-07, max_audience_share: 1.0}
  - {name: second, offers: [*news], budget: 20, starts: 2026-03-08, ends: 2026-03-14, learn_from: [pilot],
     max_audience_share: 1.0}
  - {name: third, offers: [*news], budget: 100, starts: 2026-03-15, ends: 2026-03-21, max_audience_share: 1.0}
"""
COUNT = 900
OPENED = datetime(2026, 1, 1, tzinfo=UTC)
USERS = [f"u_{number:04d}" for number in range(COUNT)]
MOBILE = np.arange(COUNT) % 2 == 0
ANSWER = {(True, True): 0.6, (True, False): 0.1, (False, True): 0.1, (False, False): 0.5}
"""Chance to order of (mobile, sent)."""


@pytest.fixture
def shop(home: Settings) -> Settings:
    """A home with marts of shoppers who came by mobile, or by desktop, and a book of campaigns."""
    home.exports_dir.mkdir(parents=True)
    home.campaigns_path.write_text(BOOK)
    users = pd.DataFrame({"user_id": USERS, "country": "DE", "age_band": "25-34", "gender": "female"})
    users = users.assign(consent="granted", is_bot=False, created_at=pd.Timestamp(OPENED), orders=0, revenue=0.0)
    users.to_parquet(export_path(home, "users"))
    write_visits(home, until=datetime(2026, 2, 20, tzinfo=UTC))
    write_orders(home, [])
    return home


def write_visits(home: Settings, *, until: datetime, campaign_of: dict[str, str] | None = None) -> None:
    rows = pd.DataFrame({"user_id": USERS, "started_at": pd.Timestamp(until), "ended_at": pd.Timestamp(until)})
    rows["device"] = np.where(MOBILE, "mobile", "desktop")
    rows["campaign_id"] = rows["user_id"].map(campaign_of or {}).astype("string")
    rows.to_parquet(export_path(home, "sessions"))


def write_orders(home: Settings, orders: list[tuple[str, datetime]]) -> None:
    moments = pd.to_datetime(pd.Series([moment for _, moment in orders], dtype="datetime64[us, UTC]"))
    rows = pd.DataFrame({"user_id": pd.Series([user for user, _ in orders], dtype="string"), "ordered_at": moments})
    rows.assign(net_revenue=40.0).to_parquet(export_path(home, "orders"))


def answer(home: Settings, name: str, day: datetime) -> list[tuple[str, datetime]]:
    """Return the orders of everybody who was assigned."""
    assigned = pd.read_parquet(home.campaigns_dir / name / "assignment.parquet")
    rng = np.random.default_rng(len(name))
    chances = [
        ANSWER[bool(mobile), not out] for mobile, out in zip(assigned["mobile"] > 0, assigned["held_out"], strict=True)
    ]
    return [(user, day) for user, chance in zip(assigned["user_id"], chances, strict=True) if rng.random() < chance]


def run(*arguments: str, exits: int = 0) -> Any:
    result = CliRunner().invoke(app, ["campaign", *arguments, "--json"])
    assert result.exit_code == exits, result.output
    return json.loads(result.stdout) if exits == 0 else result.output


def test_a_campaign_that_learns_from_a_pilot_adds_what_it_promised(shop: Settings) -> None:
    first = run("launch", "pilot")
    assert first["chosen_by"] == "lot"
    came = answer(shop, "pilot", datetime(2026, 3, 3, tzinfo=UTC))
    write_orders(shop, came)
    write_visits(shop, until=datetime(2026, 3, 7, 23, tzinfo=UTC))
    assert run("report", "pilot")["is_over"]

    second = run("launch", "second")
    assert second["chosen_by"] == "uplift"
    assert second["cost"] <= 20
    write_orders(shop, came + answer(shop, "second", datetime(2026, 3, 10, tzinfo=UTC)))
    write_visits(shop, until=datetime(2026, 3, 14, 23, tzinfo=UTC))
    report = run("report", "second")

    assert report["orders"]["total"]["low"] > 0
    promised = report["promised"]["orders_added"]
    assert promised["low"] < 0.5 * second["sent"] < promised["high"]
    assert report["verdict"].startswith("it added")
    assert run("plan", "third")["left_out"]["written to as often as may be"] > 0


def test_the_list_has_those_who_are_sent_it_and_the_journal_names_the_digest(shop: Settings) -> None:
    launched = run("launch", "pilot")
    rows = pd.read_csv(launched["list"])
    assigned = pd.read_parquet(shop.campaigns_dir / "pilot" / "assignment.parquet")
    assert set(rows["user_id"]) == set(assigned["user_id"][~assigned["held_out"]])
    assert not {"age_band", "gender"} & set(assigned.columns)
    assert [line["name"] for line in read_journal(shop)] == ["pilot"]


def test_a_campaign_is_launched_once(shop: Settings) -> None:
    run("launch", "pilot")
    before = (shop.campaigns_dir / "journal.jsonl").read_bytes()
    assert CliRunner().invoke(app, ["campaign", "launch", "pilot"]).exit_code == 1
    assert (shop.campaigns_dir / "journal.jsonl").read_bytes() == before


def test_an_assignment_that_was_changed_breaks_the_hold_out(shop: Settings) -> None:
    run("launch", "pilot")
    path = shop.campaigns_dir / "pilot" / "assignment.parquet"
    pd.read_parquet(path).assign(held_out=lambda rows: rows.index % 2 == 0).to_parquet(path)
    assert "digest differs" in run("report", "pilot")["hold_out_is_broken"][0]


def test_held_out_shoppers_who_came_by_the_campaign_break_the_hold_out(shop: Settings) -> None:
    run("launch", "pilot")
    assigned = pd.read_parquet(shop.campaigns_dir / "pilot" / "assignment.parquet")
    out = assigned["user_id"][assigned["held_out"]].tolist()[:3]
    write_visits(shop, until=datetime(2026, 3, 4, tzinfo=UTC), campaign_of=dict.fromkeys(out, "pilot"))
    report = run("report", "pilot")
    assert "3 shoppers who are held out came" in report["hold_out_is_broken"][0]
    assert not report["is_over"]


def test_a_webhook_takes_the_list_signed(shop: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPSIGHT_NOTIFY_WEBHOOK_SECRET", "a secret between two")
    with webhook_server() as box:
        launched = run("launch", "pilot", "--webhook", box.url)
    (headers, body), *_ = box.requests
    assert headers["x-shopsight-signature"].startswith("t=")
    assert json.loads(body)["campaign"] == "pilot"
    assert "answered 204" in launched["delivered"]
    assert shop.campaigns_dir.exists()


def test_a_shopper_learns_why_they_got_what_they_got(shop: Settings) -> None:
    run("launch", "pilot")
    rows = pd.read_parquet(shop.campaigns_dir / "pilot" / "assignment.parquet").set_index("held_out")["user_id"]
    sent, out = run("why", "pilot", rows[False].iloc[0]), run("why", "pilot", rows[True].iloc[0])
    assert (sent["sent"], sent["offer"], sent["reason"]) == (True, "news", "drawn by lot")
    assert sent["looked_at"]["country"] == "DE"
    assert not out["sent"]
    assert "held out by lot" in out["reason"]
    assert "not chosen" in run("why", "pilot", "somebody else")["reason"]


def test_what_was_never_launched_has_no_report(shop: Settings) -> None:
    assert shop.campaigns_path.exists()
    assert CliRunner().invoke(app, ["campaign", "report", "pilot"]).exit_code == 1


def test_learning_from_too_few_is_refused(shop: Settings) -> None:
    run("launch", "pilot")
    write_orders(shop, [])
    assert CliRunner().invoke(app, ["campaign", "plan", "second"]).exit_code == 1


@pytest.mark.parametrize(("quiet", "hour"), [((21, 8), 8), ((22, 0), 0), ((0, 6), 6), ((9, 17), 0)])
def test_nothing_is_sent_in_quiet_hours(home: Settings, quiet: tuple[int, int], hour: int) -> None:
    moment = first_hour(home, date(2026, 3, 1), quiet_from=quiet[0], quiet_until=quiet[1])
    assert moment == datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=hour)
