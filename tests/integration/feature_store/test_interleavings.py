"""A slice of the campaign of racing writers, and that it would notice an older row that won."""

import pytest
from interleavings.campaign import Write, fault_of, run

from shopsight.feature_store import redis_store, sqlite_store
from shopsight.settings import Settings

OLDER, NEWER = (("u", event, 1, ["i"], ["view_item"]) for event in (1, 2))


def test_whatever_the_order_of_writes_the_newest_row_is_held(shop: Settings) -> None:
    assert run(shop, count=100, seed=3) == []


def test_a_store_that_writes_whatever_comes_last_is_found_out(shop: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    upsert = sqlite_store._upsert  # noqa: SLF001 - the defect is planted here

    def last_wins(connection, config, table, rows, **_):
        connection.executemany(f'delete from "{config.project}_{table.name}" where entity = ?', [(r[0],) for r in rows])
        return upsert(connection, config, table, rows, rewrite=True)

    monkeypatch.setattr(sqlite_store, "_upsert", last_wins)
    monkeypatch.setattr(redis_store, "WRITE_NEWER", redis_store.WRITE_NEWER.replace("held < offered", "true"))
    assert len(run(shop, count=60, seed=3)) > 10


def test_a_row_that_is_made_of_two_and_one_that_is_missing_are_faults() -> None:
    writes = [Write(kind="push", row=OLDER), Write(kind="newer", row=NEWER)]
    assert fault_of(writes, NEWER) == ""
    assert "and (2, 1) was written" in fault_of(writes, OLDER)
    assert "made of two rows" in fault_of(writes, (*NEWER[:3], ["another"], ["view_item"]))
    assert fault_of(writes, None) == "nothing is held"
