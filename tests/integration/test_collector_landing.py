"""Sealed segments of the collector's journal become batches of the event log, each of them once, to the row."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from cli.app import app
from orchestration.defs.ingestion.assets import collected_events
from shopsight.ingestion.collecting import landing
from shopsight.ingestion.collecting.group_commit import Outcome, Request
from shopsight.ingestion.collecting.journal import sealed_segments
from shopsight.ingestion.collecting.landing import land_collected
from shopsight.ingestion.collecting.opening import open_commit
from shopsight.ingestion.collecting.translation import (
    Calls,
    segment_requests,
    shopify_request,
    woocommerce_request,
)
from shopsight.ingestion.importers import import_file
from shopsight.ingestion.log.event_log import EventLog
from shopsight.ingestion.log.quarantine import read_quarantine
from shopsight.ingestion.replay import replay_quarantine
from shopsight.privacy import Pseudonymiser
from shopsight.settings import REPO_ROOT, Settings

NOON: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER: Final = datetime(2026, 5, 3, 12, tzinfo=UTC)


def view(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "event_name": "view_item",
        "event_timestamp": "2026-05-01T11:59:00.123456Z",
        "user_id": f"user {number % 3}",
        "item_id": f"i_{number}",
        "price": 19.99,
        "currency": "EUR",
        "page": "/shoes",
    } | changes


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", pseudonym_key=SecretStr("a key for tests only"))


Collect = Callable[..., list[Outcome]]


@pytest.fixture
def collect(settings: Settings) -> Collect:
    """Take some requests as a collector does that then stops."""

    def collect(*requests: Sequence[object], now: datetime = NOON) -> list[Outcome]:
        commit = open_commit(settings, now=lambda: now)
        taken = [commit.take(Request(events=request)).result(30) for request in requests]
        commit.close()
        return taken

    return collect


def logged(settings: Settings) -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in settings.event_log_dir.rglob("part-*.parquet"))


def test_every_row_that_the_collector_received_is_accounted_for(settings: Settings, collect: Collect) -> None:
    collect([view(1), view(2), {"event_name": "zzz"}, 4], [view(1), view(3)], [view(2, price=5)])
    (receipt,) = land_collected(settings, received_at=LATER)
    assert (receipt.received, receipt.accepted, receipt.duplicates, receipt.corrected, receipt.quarantined) == (
        7, 3, 1, 1, 2,
    )  # fmt: skip
    assert receipt.reasons["event_name_unknown"] == receipt.reasons["not_a_json_object"] == 1
    assert receipt.reasons["actor_missing"] == 1
    assert EventLog.open(settings).totals().received == 7
    assert sorted(logged(settings)["event_id"].to_pylist()) == ["e1", "e2", "e3"]


def test_a_collected_event_is_the_row_that_an_import_of_it_gives(
    settings: Settings, collect: Collect, tmp_path: Path
) -> None:
    events = [view(1), view(2, consent="none", event_name="search", query="red shoes", item_id=None)]
    collect(events)
    land_collected(settings, received_at=LATER)
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    other = settings.model_copy(update={"home": tmp_path / "other"})
    import_file(other, "canonical_jsonl", file, received_at=NOON)
    assert logged(settings).sort_by("event_id").equals(logged(other).sort_by("event_id"))
    assert import_file(settings, "canonical_jsonl", file, received_at=LATER).duplicates == 2


def test_landing_again_changes_nothing(settings: Settings, collect: Collect) -> None:
    collect([view(1)])
    assert len(land_collected(settings, received_at=LATER)) == 1
    assert land_collected(settings, received_at=LATER) == []
    assert EventLog.open(settings).totals().batches == 1


def test_a_segment_that_landed_before_a_kill_is_not_landed_again(
    settings: Settings, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect([view(1), {}])

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(landing, "forget", killed)
        with pytest.raises(KeyboardInterrupt):
            land_collected(settings, received_at=LATER)
    before = EventLog.open(settings).totals()
    assert len(sealed_segments(settings.collected_dir)) == 1
    (receipt,) = land_collected(settings, received_at=LATER)
    assert (receipt.received, receipt.accepted) == (2, 1)
    assert EventLog.open(settings).totals() == before
    assert not sealed_segments(settings.collected_dir)


def test_a_repetition_is_known_after_a_restart_and_after_the_landing(settings: Settings, collect: Collect) -> None:
    collect([view(1)])
    assert collect([view(1)])[0].duplicates == 1
    land_collected(settings, received_at=LATER)
    (outcome,) = collect([view(1), view(2)])
    assert (outcome.duplicates, outcome.accepted) == (1, 1)
    land_collected(settings, received_at=LATER)
    totals = EventLog.open(settings).totals()
    assert (totals.received, totals.accepted, totals.duplicates) == (4, 2, 2)


def test_what_the_door_has_forgotten_is_a_duplicate_all_the_same(settings: Settings, collect: Collect) -> None:
    collect([view(1)])
    land_collected(settings, received_at=LATER)
    for hashes in settings.collected_dir.glob("*.landed"):
        hashes.unlink()
    assert collect([view(1)])[0].accepted == 1
    (receipt,) = land_collected(settings, received_at=LATER)
    assert (receipt.accepted, receipt.duplicates) == (0, 1)


def test_an_event_refused_for_lying_in_the_future_stays_refused_when_its_time_has_come(
    settings: Settings, collect: Collect
) -> None:
    (outcome,) = collect([view(1, event_timestamp="2026-05-02T13:00:00Z")])
    assert outcome.refusals[0].reasons == ("event_timestamp_out_of_range",)
    (receipt,) = land_collected(settings, received_at=LATER)
    assert receipt.reasons == {"event_timestamp_out_of_range": 1}


def test_a_refused_event_is_kept_as_it_came_and_can_be_replayed_once_its_time_has_come(
    settings: Settings, collect: Collect
) -> None:
    collect([view(1, event_timestamp="2026-05-02T13:00:00Z"), view(2), {}])
    land_collected(settings, received_at=LATER)
    raws = [json.loads(raw) for raw in read_quarantine(settings)["raw"].to_pylist()]
    assert view(1, event_timestamp="2026-05-02T13:00:00Z") in raws
    replayed = replay_quarantine(settings, received_at=LATER)
    assert (replayed.receipt.accepted, replayed.still_bad) == (1, 1)
    assert set(logged(settings)["user_id"].to_pylist()) == {
        Pseudonymiser(b"a key for tests only").user(f"user {number}") for number in (1, 2)
    }
    totals = EventLog.open(settings).totals()
    assert (totals.received, totals.accepted, totals.quarantined) == (3, 2, 1)


def test_an_accepted_event_that_a_later_rule_refuses_is_not_replayed_under_a_pseudonym_of_its_pseudonym(
    settings: Settings, collect: Collect
) -> None:
    collect([view(1)])
    too_early = datetime(
        2026, 4, 1, tzinfo=UTC
    )  # at this arrival the event lies in the future, as a new rule would say
    (receipt,) = land_collected(settings, received_at=too_early)
    assert receipt.quarantined == 1
    assert replay_quarantine(settings, received_at=LATER).not_read == 1
    assert logged(settings).num_rows == 0


def test_the_asset_lands_what_waits_and_says_how_much(settings: Settings, collect: Collect) -> None:
    collect([view(1), {}], [view(2)])
    result: Any = collected_events(dg.build_asset_context(resources={"settings": settings}))
    assert {name: result.metadata[name] for name in ("segments", "received", "accepted", "quarantined")} == {
        "segments": 1, "received": 3, "accepted": 2, "quarantined": 1,
    }  # fmt: skip
    assert logged(settings).num_rows == 2


def test_the_command_line_lands_what_waits(settings: Settings, collect: Collect) -> None:
    collect([view(1)])
    environment = {"SHOPSIGHT_HOME": str(settings.home), "SHOPSIGHT_PSEUDONYM_KEY": "a key for tests only"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        landed = CliRunner().invoke(app, ["import", "collected", "--json"], catch_exceptions=False)
        again = CliRunner().invoke(app, ["import", "collected"], catch_exceptions=False)
    assert json.loads(landed.stdout)[0]["accepted"] == 1
    assert "no segment of the collector waits" in again.stdout


def translated(settings: Settings, *requests: Request) -> list[Outcome]:
    commit = open_commit(settings, now=lambda: NOON)
    taken = [commit.take(request).result(30) for request in requests]
    commit.close()
    return taken


def test_calls_of_segment_are_the_events_of_their_export(settings: Settings) -> None:
    file = REPO_ROOT / "tests" / "data" / "segment" / "calls.jsonl"
    calls = [json.loads(line) for line in file.read_text().splitlines()]
    (translation,) = segment_requests([Calls(calls=calls, received_at=NOON)])
    translated(settings, translation.request)
    (landed,) = land_collected(settings, received_at=LATER)
    imported = import_file(settings, "segment", file, received_at=LATER)
    assert landed.accepted > 5
    assert landed.items > 0
    assert (imported.accepted, imported.corrected) == (0, 0)
    assert imported.duplicates == landed.accepted
    assert imported.reasons == landed.reasons


def test_webhooks_of_woocommerce_are_the_events_of_its_orders(settings: Settings) -> None:
    file = REPO_ROOT / "tests" / "data" / "woocommerce" / "orders.json"
    orders = json.loads(file.read_text())
    translated(settings, *(woocommerce_request("order.updated", order) for order in orders))
    (landed,) = land_collected(settings, received_at=LATER)
    imported = import_file(settings, "woocommerce", file, received_at=LATER)
    assert landed.accepted > 2
    assert (imported.accepted, imported.corrected, imported.duplicates) == (0, 0, landed.accepted)
    assert imported.reasons == landed.reasons


def test_a_webhook_of_shopify_is_the_event_of_the_admins_export(settings: Settings) -> None:
    file = REPO_ROOT / "tests" / "data" / "shopify" / "orders_export.csv"
    order = {
        "name": "#2001", "created_at": "2026-02-01T10:05:00-05:00", "email": "ida@example.com",
        "financial_status": "paid", "currency": "EUR", "total_tax": "0.00", "total_price": "94.90",
        "total_discounts": "10.00", "total_shipping_price_set": {"shop_money": {"amount": "4.90"}},
        "source_name": "web", "shipping_address": {"country_code": "DE"},
        "line_items": [
            {"sku": "MUG-B", "name": "Mug - blue", "quantity": 1, "price": "10.00", "vendor": "Acme",
             "discount_allocations": [{"amount": "1.00"}]},
            {"sku": "PAN-1", "name": "Pan", "quantity": 3, "price": "30.00", "vendor": "Acme",
             "discount_allocations": [{"amount": "9.00"}]},
        ],
    }  # fmt: skip
    refund = {"transactions": [{"kind": "refund", "status": "success", "amount": "7.50"}]}
    updated = order | {"updated_at": "2026-02-03T10:00:00-05:00", "refunds": [refund]}
    translated(settings, shopify_request("orders/create", order), shopify_request("orders/updated", updated))
    (landed,) = land_collected(settings, received_at=LATER)
    assert (landed.accepted, landed.duplicates) == (3, 2)
    given_back = logged(settings).filter(pc.equal(logged(settings)["event_name"], "refund")).to_pylist()
    assert [row["value"] for row in given_back] == [7.5]
    imported = import_file(settings, "shopify", file, received_at=LATER)
    assert imported.duplicates == 2  # the lines of #2001


def test_the_newest_version_of_an_order_counts_in_whichever_order_webhooks_arrive(settings: Settings) -> None:
    order = {
        "name": "#1", "created_at": "2026-02-01T10:00:00Z", "email": "a@example.com", "financial_status": "paid",
        "currency": "EUR", "total_price": "10.00", "line_items": [{"sku": "A", "quantity": 1, "price": "10.00"}],
    }  # fmt: skip
    new = order | {"updated_at": "2026-02-01T12:00:00Z", "line_items": [{"sku": "A", "quantity": 2, "price": "10.00"}]}
    old = order | {"updated_at": "2026-02-01T11:00:00Z"}
    translated(settings, shopify_request("orders/updated", new), shopify_request("orders/create", old))
    (landed,) = land_collected(settings, received_at=LATER)
    assert (landed.accepted, landed.corrected) == (1, 1)
    assert logged(settings)["quantity"].to_pylist() == [2]
