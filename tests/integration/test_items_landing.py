"""What was said of items, landed and built: the warehouse holds what held before, and the live items are gone."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from approved_toys import toys
from pydantic import SecretStr

from models.catalogue import Catalogue
from serving.items.live_catalogue import LiveCatalogue
from shopsight.ingestion.collecting.door import Door
from shopsight.ingestion.collecting.group_commit import GroupCommit, Request
from shopsight.ingestion.collecting.items import TAKEN_UP_SECONDS, ItemChange, ItemDoor
from shopsight.ingestion.collecting.journal import Journal
from shopsight.ingestion.collecting.landing import land_collected
from shopsight.live_items import LiveItems
from shopsight.marts import export_path
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings, prepare_environment
from shopsight.warehouse import run_dbt

NOON: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
COLUMNS: Final = ("titles", "categories", "brands", "available", "listed")

pytestmark = pytest.mark.slow


class Collector:
    """Takes what is said, a minute after what was said before."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.now, self.seconds = settings, NOON, 0.0
        self.door = ItemDoor(
            settings.live_items_path,
            export=export_path(settings, "items"),
            event_log=settings.event_log_dir,
            seconds_now=lambda: self.seconds,
        )
        journal = Journal(settings.collected_dir, max_bytes=10**9, max_seconds=10**9, now=lambda: self.now)
        door = Door(Pseudonymiser.from_settings(settings))
        self.commit = GroupCommit(door, journal, now=lambda: self.now, items=self.door)

    def say(self, *items: dict[str, Any], kind: Any = "describe", events: tuple[dict[str, Any], ...] = ()) -> None:
        self.now += timedelta(minutes=1)
        changes = tuple(ItemChange(line=json.dumps(item).encode(), kind=kind) for item in items)
        outcome = self.commit.take(Request(items=changes, events=events)).result(30)
        assert (outcome.item_refusals, outcome.refusals) == ((), ())


def state_of(catalogue: Catalogue) -> dict[str, list[Any]]:
    """Return what is known of every item, by its id."""
    return {
        item_id: [getattr(catalogue, column)[place] for column in COLUMNS] + [str(catalogue.prices[place])]
        for item_id, place in sorted(catalogue.positions.items())
    }


def test_the_state_after_a_build_is_the_state_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path / "home", pseudonym_key=SecretStr("a key for tests only"))
    monkeypatch.setenv("SHOPSIGHT_HOME", str(settings.home))
    prepare_environment(settings)
    trained = Catalogue.read(toys().write_recommender(tmp_path / "toy", items=8) / "catalogue.parquet")
    collector = Collector(settings)
    view = {"event_name": "view_item", "event_timestamp": NOON.isoformat(), "user_id": "maya", "item_id": "i_1"}
    collector.say(
        *({"item_id": f"i_{n}", "title": f"Item {n}", "category": "shoes", "price": 10 + n} for n in range(8)),
        events=(view,),
    )
    collector.say({"item_id": "i_1", "price": 3.5}, {"item_id": "i_2", "brand": "Acme", "category": None})
    collector.say({"item_id": "i_3", "availability": "sold_out"}, kind="change")
    collector.say({"item_id": "i_4"}, kind="remove")
    collector.say({"item_id": "new", "title": "New boot", "price": 7})
    collector.say({"item_id": "i_5"}, kind="remove")
    collector.say({"item_id": "i_5", "title": "Back again", "price": 1})
    collector.say({"item_id": "i_6", "price": 99, "valid_from": "2026-05-01T10:00:00Z"})

    def catalogue() -> Catalogue:
        return LiveCatalogue(trained, export_path(settings, "items"), settings.live_items_path)()

    before = state_of(catalogue())
    assert before["i_1"][-1] == "3.5"
    collector.commit.close()
    (receipt,) = land_collected(settings, received_at=collector.now)
    assert (receipt.items, receipt.companions_quarantined) == (16, 0)
    run_dbt(settings, "run", "--no-write-json")
    assert state_of(catalogue()) == before
    later = Collector(settings)
    later.door.tidy()
    later.seconds += TAKEN_UP_SECONDS
    later.door.tidy()
    later.commit.close()
    assert dict(LiveItems(settings.live_items_path).read()) == {}
    assert state_of(catalogue()) == before
