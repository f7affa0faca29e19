"""Marts are read as their manifest says, and files that nothing names go."""

import json
import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from cli.app import app
from shopsight.marts import (
    MANIFEST,
    PARTS_FOLDER,
    export_path,
    mart_at,
    mart_exists,
    mart_file,
    mart_names,
    open_duckdb,
    open_marts,
    read_mart,
    replace_marts,
)
from shopsight.settings import Settings
from shopsight.warehouse import READ_SECONDS, remove_old_parts


def write_part(home: Settings, file: str, number: int, users: list[str], **columns: list[int]) -> dict[str, str | int]:
    folder = home.exports_dir / PARTS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"user_id": users, **columns, "part": [number] * len(users)}), folder / file)
    return {"file": file, "number": number, "rows": len(users)}


@pytest.fixture
def shop(home: Settings) -> Settings:
    """Ann was made anew by part 3, and Bob is gone since record 2; the mart `items` is one part."""
    users = {
        "entity": ["user_id"],
        "sorted_by": ["user_id"],
        "parts": [
            write_part(home, "users-1.parquet", 1, ["eve", "bob", "ann"], orders=[1, 2, 3]),
            write_part(home, "users-3.parquet", 3, ["ann"], orders=[4]),
        ],
        "deletes": [write_part(home, "users-2-deletes.parquet", 2, ["ann", "bob"])],
    }
    items = {
        "entity": [],
        "sorted_by": [],
        "parts": [write_part(home, "items-4.parquet", 4, ["i1"])],
        "deletes": [],
    }
    (home.exports_dir / MANIFEST).write_text(json.dumps({"marts": {"users": users, "items": items}}))
    pq.write_table(pa.table({"user_id": ["ann"]}), export_path(home, "churn_scores"))
    return home


def test_a_row_counts_unless_a_later_record_deletes_it(shop: Settings) -> None:
    table = read_mart(shop, "users")
    assert table.to_pydict() == {"user_id": ["ann", "eve"], "orders": [4, 1]}
    assert read_mart(shop, "users", ["orders"]).to_pydict() == {"orders": [4, 1]}


def test_what_a_model_wrote_is_its_file_and_a_query_sees_both(shop: Settings) -> None:
    assert mart_names(shop) == ["churn_scores", "items", "users"]
    assert read_mart(shop, "churn_scores").to_pydict() == {"user_id": ["ann"]}
    with open_marts(shop) as connection:
        assert connection.sql("select orders from users semi join churn_scores using (user_id)").fetchall() == [(4,)]


def test_a_mart_that_is_not_there_is_missed_by_name(shop: Settings) -> None:
    assert not mart_exists(export_path(shop, "orders"))
    with pytest.raises(FileNotFoundError, match=r"orders\.parquet"):
        read_mart(shop, "orders")


def test_a_mart_that_every_build_makes_whole_is_one_file(shop: Settings) -> None:
    assert mart_file(export_path(shop, "items")).name == "items-4.parquet"
    assert mart_file(export_path(shop, "churn_scores")) == export_path(shop, "churn_scores")
    assert mart_file(export_path(shop, "orders")) == export_path(shop, "orders"), "none yet: the reader says so"
    with pytest.raises(ValueError, match="users is made of 2 files"):
        mart_file(export_path(shop, "users"))


def test_a_mart_is_as_old_as_its_newest_file_whatever_was_published_since(shop: Settings) -> None:
    """What was pushed into the online store after a mart was made is not missing from it."""
    mart = mart_at(export_path(shop, "users"))
    for age, path in enumerate([*mart.files, mart.deletes[0].path], start=1):
        os.utime(path, (1_000 * age, 1_000 * age))
    assert mart.written_us() == 3_000 * 1_000_000


def test_a_query_with_a_folder_that_has_a_quote_in_its_name_works(tmp_path: Path) -> None:
    home = Settings(home=tmp_path / "it's")
    home.exports_dir.mkdir(parents=True)
    pq.write_table(pa.table({"user_id": ["ann"]}), export_path(home, "churn_scores"))
    assert len(read_mart(home, "churn_scores")) == 1


def test_marts_are_replaced_together_and_later_records_still_count_against_them(shop: Settings) -> None:
    users, scores = (mart_at(export_path(shop, name)) for name in ("users", "churn_scores"))
    with open_duckdb() as connection:
        replace_marts(
            {users: f"from ({users.rows()}) where user_id != 'ann'", scores: f"from ({scores.rows()}) where false"},
            connection,
        )
    assert read_mart(shop, "users").to_pydict() == {"user_id": ["eve"], "orders": [1]}
    assert len(read_mart(shop, "churn_scores")) == 0
    (part,) = mart_at(export_path(shop, "users")).parts
    assert part.number == 3
    assert pq.read_table(part.path)["part"].to_pylist() == [3]


def test_files_go_minutes_after_nothing_names_them_and_those_of_an_unpublished_run_stay(
    shop: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shop.exports_dir / PARTS_FOLDER
    write_part(shop, "users-9-killed.parquet", 9, ["dan"])
    write_part(shop, "users-8-noted.parquet", 8, ["dan"])
    with duckdb.connect(str(shop.warehouse_path)) as connection:
        connection.execute("create schema parts; create table parts.files as select 'users-8-noted.parquet' as file")
    now = 1_000_000.0
    monkeypatch.setattr("shopsight.warehouse.time.time", lambda: now)
    old = now - 10 * READ_SECONDS
    for path in folder.glob("*.parquet"):
        os.utime(path, (old, old))
    before = {path.name for path in folder.glob("*.parquet")}
    export_path(shop, "users").write_bytes(b"of a version that had no parts")
    remove_old_parts(shop)
    assert {path.name for path in folder.glob("*.parquet")} == before, "a reader may have just begun"
    now += READ_SECONDS + 1
    remove_old_parts(shop)
    assert before - {path.name for path in folder.glob("*.parquet")} == {"users-9-killed.parquet"}
    assert {path.name for path in shop.exports_dir.glob("*.parquet")} == {"churn_scores.parquet"}


def asked(shop: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("SHOPSIGHT_HOME", str(shop.home))
    return CliRunner().invoke(app, ["query", *arguments])


def test_a_query_is_answered_as_a_table_json_or_csv(shop: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "select user_id, orders from users order by orders"
    assert json.loads(asked(shop, monkeypatch, sql, "--json").stdout) == [
        {"user_id": "eve", "orders": 1},
        {"user_id": "ann", "orders": 4},
    ]
    assert asked(shop, monkeypatch, sql, "--csv").stdout.splitlines()[1:] == ['"eve",1', '"ann",4']
    assert "eve" in asked(shop, monkeypatch, sql).stdout
    wide = ", ".join(f"'value number {number}' as a_long_name_{number}" for number in range(20))
    assert "value number 19" in asked(shop, monkeypatch, f"select {wide}").stdout, "no terminal is too narrow"
    listed = json.loads(asked(shop, monkeypatch, "--json").stdout)
    assert {"mart": "users", "rows": 2, "files": 2} in listed


def test_the_views_that_are_printed_work_in_another_duckdb(shop: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    views = asked(shop, monkeypatch, "--views").stdout
    with duckdb.connect() as connection:
        connection.execute(views)
        assert connection.sql("select sum(orders) from users").fetchall() == [(5,)]


def test_a_wrong_query_and_a_home_without_marts_say_what_to_do(shop: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = asked(shop, monkeypatch, "select * from userz")
    assert wrong.exit_code == 1
    assert "userz" in wrong.stderr
    assert "lists the marts" in wrong.stderr
    empty = shop.model_copy(update={"home": shop.home / "empty"})
    assert "there are no marts" in asked(empty, monkeypatch).stderr
