"""Marts as parts: what a run writes, what readers see of it, and what becomes of a run that fails or is killed."""

import random
from datetime import timedelta

import duckdb
import pyarrow.parquet as pq
import pytest
from batches import land, read_marts
from random_history import FIRST_DAY, a_history, an_item

from shopsight.feature_store import apply_definitions, training_set
from shopsight.marts import (
    MANIFEST,
    PARTS_FOLDER,
    export_path,
    mart_at,
    mart_names,
    open_duckdb,
    read_mart,
    replace_marts,
)
from shopsight.settings import Settings
from shopsight.warehouse import DbtError, run_dbt

SELECTED = ("--select", "+interactions", "+items", "+session_labels", "+user_features_daily", "--no-write-json")


@pytest.fixture
def shop(dbt_home: Settings) -> Settings:
    """A shop after its first delivery, with a second one waiting."""
    history = a_history(5, rows=200)
    random.Random(5).shuffle(history)
    items = [an_item(f"i{number}", f"Home > {number % 3}", FIRST_DAY) for number in range(8)]
    land(dbt_home, "0", events=history[:150], items=items)
    run_dbt(dbt_home, "run", *SELECTED)
    land(dbt_home, "1", events=history[150:], items=[an_item("i1", "Garden", FIRST_DAY + timedelta(days=50))])
    return dbt_home


def published(settings: Settings) -> str:
    return (settings.exports_dir / MANIFEST).read_text()


def warehouse(settings: Settings) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(settings.warehouse_path))


def test_a_run_adds_what_it_made_and_names_what_it_made_anew(shop: Settings) -> None:
    path = export_path(shop, "interactions")
    (base,) = mart_at(path).parts
    digest = base.path.read_bytes()
    run_dbt(shop, "run", *SELECTED)
    mart = mart_at(path)
    assert mart.parts[0] == base
    assert base.path.read_bytes() == digest, "a part never changes"
    assert len(mart.parts) == 2
    assert len(mart.deletes) == 1
    with warehouse(shop) as connection:
        connection.execute("set timezone = 'UTC'")
        in_warehouse = connection.execute("select * from marts.interactions order by all").fetchall()
    assert read_marts(shop)["interactions"] == in_warehouse
    table = mart.read()
    assert len(table) == len(in_warehouse)
    assert "part" not in table.column_names


@pytest.mark.slow
def test_where_a_model_fails_readers_keep_what_they_have_and_the_next_run_publishes_both(shop: Settings) -> None:
    before, rows_before = published(shop), read_marts(shop)
    run_dbt(shop, "run", "--select", "+int_users", "+int_personal_behaviour", "--exclude", "marts")
    with warehouse(shop) as connection:
        connection.execute("alter table intermediate.int_user_days rename to hidden")
        connection.execute("create view intermediate.int_user_days as select 1 as wrong")
    with pytest.raises(DbtError, match="user_features_daily"):
        run_dbt(shop, "run", "--select", "interactions", "items", "user_features_daily")
    assert published(shop) == before
    assert read_marts(shop) == rows_before
    with warehouse(shop) as connection:
        connection.execute("drop view intermediate.int_user_days")
        connection.execute("alter table intermediate.hidden rename to int_user_days")
    run_dbt(shop, "run", *SELECTED)
    after = read_marts(shop)
    assert after["interactions"] != rows_before["interactions"]
    run_dbt(shop, "run", *SELECTED, "--full-refresh")
    assert read_marts(shop) == after


@pytest.mark.slow
def test_a_mart_that_a_killed_run_left_unfinished_is_published_as_it_was(shop: Settings) -> None:
    run_dbt(shop, "run", *SELECTED)
    before = mart_at(export_path(shop, "interactions"))
    whole = read_marts(shop)
    with warehouse(shop) as connection:
        # As between two chunks of a full refresh: the old parts are no longer noted, and the new one is not whole.
        connection.execute(
            "delete from parts.files where mart = 'interactions' and number != $1", [before.parts[-1].number]
        )
        connection.execute("delete from changes.taken where model = 'interactions'")
    run_dbt(shop, "run", "--select", "items")
    assert mart_at(export_path(shop, "interactions")) == before
    assert read_marts(shop) == whole
    run_dbt(shop, "run", *SELECTED, "--full-refresh")
    assert read_marts(shop) == whole


@pytest.mark.slow
def test_who_was_taken_out_of_a_mart_does_not_come_back_with_a_run_of_others(shop: Settings) -> None:
    run_dbt(shop, "run", *SELECTED)
    mart = mart_at(export_path(shop, "interactions"))
    refuser = mart.read()["user_id"][0].as_py()
    with open_duckdb() as connection:
        replace_marts({mart: f"from ({mart.rows()}) where user_id != '{refuser}'"}, connection)
    run_dbt(shop, "run", "--select", "items")
    assert refuser not in read_mart(shop, "interactions")["user_id"].to_pylist()


@pytest.mark.slow
def test_what_a_failed_run_wrote_is_published_by_no_run_that_does_not_make_it(shop: Settings) -> None:
    run_dbt(shop, "run", "--select", "+int_users", "+int_personal_behaviour", "--exclude", "marts")
    before = mart_at(export_path(shop, "interactions"))
    with warehouse(shop) as connection:
        connection.execute("alter table intermediate.int_user_days rename to hidden")
        connection.execute("create view intermediate.int_user_days as select 1 as wrong")
    with pytest.raises(DbtError, match="user_features_daily"):
        run_dbt(shop, "run", "--select", "interactions", "user_features_daily")
    run_dbt(shop, "run", "--select", "items")
    assert mart_at(export_path(shop, "interactions")) == before


@pytest.mark.slow
def test_a_mart_is_not_made_from_a_model_that_is_behind(shop: Settings) -> None:
    before = published(shop)
    run_dbt(shop, "run", "--select", "+int_sessions")
    with pytest.raises(DbtError, match=r"session_labels is made from int_session_moments, which has not taken up"):
        run_dbt(shop, "run", "--select", "session_labels")
    assert published(shop) == before
    run_dbt(shop, "run", *SELECTED)
    after = read_marts(shop)
    run_dbt(shop, "run", *SELECTED, "--full-refresh")
    assert read_marts(shop) == after


@pytest.mark.slow
def test_a_mart_whose_files_are_lost_is_made_anew(shop: Settings) -> None:
    run_dbt(shop, "run", *SELECTED)
    whole = read_marts(shop)
    for path in (shop.exports_dir / PARTS_FOLDER).glob("*.parquet"):
        path.unlink()
    (shop.exports_dir / MANIFEST).unlink()
    run_dbt(shop, "run", *SELECTED)
    assert read_marts(shop) == whole


@pytest.mark.slow
def test_many_parts_become_one_that_says_the_same(shop: Settings) -> None:
    run_dbt(shop, "run", *SELECTED)
    whole = read_marts(shop)
    assert len(mart_at(export_path(shop, "session_labels")).parts) > 1
    land(shop, "2", items=[an_item("i2", "Garden", FIRST_DAY + timedelta(days=60))])
    run_dbt(shop, "run", *SELECTED, "--vars", "{most_parts: 0}")
    for mart in ("interactions", "session_labels", "user_features_daily"):
        merged = mart_at(export_path(shop, mart))
        assert (len(merged.parts), merged.deletes) == (1, ())
        if mart != "user_features_daily":  # the category of an item is in a shopper's favourite
            assert read_marts(shop)[mart] == whole[mart]


@pytest.mark.slow
def test_a_mart_whose_columns_have_changed_is_refused_with_both_lists(shop: Settings) -> None:
    with warehouse(shop) as connection:
        connection.execute("update parts.marts set shape = 'user_id varchar' where mart = 'interactions'")
    with pytest.raises(DbtError, match=r"interactions has other columns .*--full-refresh(?s:.*)item_id varchar"):
        run_dbt(shop, "run", "--select", "interactions")


@pytest.mark.slow
def test_a_null_where_none_may_be_is_refused_with_the_columns_name(shop: Settings) -> None:
    with warehouse(shop) as connection:
        connection.execute("update intermediate.int_session_moments set position = null")
        connection.execute("delete from changes.taken where model = 'session_labels'")
    before = published(shop)
    with pytest.raises(DbtError, match=r"NOT NULL constraint failed: session_labels\.position is null in \d+ rows"):
        run_dbt(shop, "run", "--select", "session_labels")
    assert published(shop) == before


@pytest.mark.slow
def test_training_sets_of_many_parts_are_those_of_one_file(shop: Settings) -> None:
    history = a_history(6, rows=100)
    land(shop, "2", events=[row | {"event_id": f"later-{row['event_id']}"} for row in history])
    run_dbt(shop, "run", "--no-write-json")
    land(shop, "3", events=[row | {"event_id": f"last-{row['event_id']}"} for row in history[:40]])
    run_dbt(shop, "run", "--no-write-json")
    apply_definitions(shop)
    features = mart_at(export_path(shop, "user_features_daily"))
    assert len(features.parts) > 1
    assert features.deletes
    entities = read_mart(shop, "session_labels")
    of_parts = training_set(shop, service="purchase_intent_v1", entities=entities)
    tables = {name: read_mart(shop, name) for name in mart_names(shop)}
    (shop.exports_dir / MANIFEST).unlink()
    for name, table in tables.items():
        pq.write_table(table, export_path(shop, name))
    of_files = training_set(shop, service="purchase_intent_v1", entities=entities)
    assert of_parts.equals(of_files)
    assert of_parts["events_7d"].notna().any()
