"""Marts of any size for the feature store's benchmarks: made by DuckDB from hashes, so that every run has the same."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from shopsight.contracts import SESSION_FEATURES, USER_FEATURES
from shopsight.marts import MANIFEST, PARTS_FOLDER, mart_at
from shopsight.whole_files import write_json

DAYS: Final = 90
START_US: Final = 1_767_225_600_000_000
"""2026-01-01 UTC."""
EVENTS_PER_SESSION: Final = 5
TEXTS: Final = {"favourite_category", "last_event_name"}
COUNTS: Final = ("_7d", "s_28d", "s_so_far", "_total", "_of_day", "_of_week")


def write_sessions(exports: Path, *, rows: int) -> None:
    """Write ``session_features`` and ``session_labels`` of this many rows, five to a session."""
    with _connect() as connection:
        connection.execute(
            f"""
            CREATE TABLE sessions AS
            SELECT 's_' || nth // {EVENTS_PER_SESSION} AS session_id,
                'u_' || hash(nth // {EVENTS_PER_SESSION}) % {_users(rows)} AS user_id,
                make_timestamptz({START_US} + (hash(nth // {EVENTS_PER_SESSION}, 1) % ({DAYS} * 86400))::BIGINT
                    * 1000000 + nth % {EVENTS_PER_SESSION} * 20000000) AS event_timestamp,
                event_timestamp + INTERVAL 1 SECOND AS created_timestamp,
                {_features(SESSION_FEATURES)}
            FROM range({rows}) AS made (nth)
            """
        )
        _write(connection, "SELECT * FROM sessions ORDER BY session_id, event_timestamp", exports / "session_features")
        labels = "SELECT session_id, user_id, event_timestamp, hash(session_id) % 9 = 0 AS purchased FROM sessions"
        _write(connection, f"{labels} ORDER BY session_id, event_timestamp", exports / "session_labels")


def write_user_days(exports: Path, *, users: int, days_per_user: int) -> None:
    """Write ``user_features_daily``: so many random days of each user, fewer where two fall together."""
    with _connect() as connection:
        query = f"""
            SELECT DISTINCT ON (user_id, feature_timestamp) 'u_' || nth % {users} AS user_id,
                make_timestamptz({START_US} + (hash(nth, 9) % {DAYS})::BIGINT * 86400000000) AS feature_timestamp,
                feature_timestamp AS created_timestamp, {_features(USER_FEATURES)}
            FROM range({users * days_per_user}) AS made (nth)
            ORDER BY user_id, feature_timestamp, nth
        """
        _write(connection, query, exports / "user_features_daily")


def publish_user_days(exports: Path) -> None:
    """Make what :func:`write_user_days` wrote a mart of parts, as the warehouse publishes it."""
    with _connect() as connection:
        whole = exports / "user_features_daily.parquet"
        _publish(connection, exports, [("parts", f"from '{whole}'")])


def publish_next_day(exports: Path, *, one_in: int) -> int:
    """Add a day of every ``one_in``-th user, whose newest day before is made anew; return how many users that is."""
    mart = mart_at(exports / "user_features_daily.parquet")
    with _connect() as connection:
        connection.execute(
            f"""
            create temp table changed as select * from ({mart.rows()}) where hash(user_id, 3) % {one_in} = 0
            qualify row_number() over (partition by user_id order by feature_timestamp desc) = 1
            """
        )
        moved = ", ".join(f"{name} + interval 1 day as {name}" for name in ("feature_timestamp", "created_timestamp"))
        anew = f"from changed union all select * replace ({moved}, events_7d + 1 as events_7d) from changed"
        _publish(connection, exports, [("deletes", "select user_id, feature_timestamp from changed"), ("parts", anew)])
        ((users,),) = connection.execute("select count(*) from changed").fetchall()
    return int(users)


def _publish(connection: duckdb.DuckDBPyConnection, exports: Path, made: Sequence[tuple[str, str]]) -> None:
    """Write files beside those of ``user_features_daily``, and the manifest that names all of them."""
    manifest, name = exports / MANIFEST, "user_features_daily"
    empty: dict[str, Any] = {
        "marts": {name: {"entity": ["user_id", "feature_timestamp"], "sorted_by": [], "parts": [], "deletes": []}}
    }
    document: dict[str, Any] = json.loads(manifest.read_text()) if manifest.exists() else empty
    state = document["marts"][name]
    (exports / PARTS_FOLDER).mkdir(exist_ok=True)
    for kind, query in made:
        number = 1 + len(state["parts"]) + len(state["deletes"])
        file = f"{name}-{number}-{kind}.parquet"
        copied = f"copy (select *, {number}::bigint as part from ({query})) to '{exports / PARTS_FOLDER / file}'"
        ((rows,),) = connection.execute(f"{copied} (format parquet, compression zstd)").fetchall()
        state[kind].append({"file": file, "number": number, "rows": rows})
    write_json(manifest, document)


def _users(rows: int) -> int:
    return max(rows // 10, 1)


def _features(names: tuple[str, ...]) -> str:
    return ", ".join(f"{_value(name, number)} AS {name}" for number, name in enumerate(names))


def _value(name: str, number: int) -> str:
    if name in TEXTS:
        return f"'Home > ' || hash(nth, {number}) % 40"
    whole = name.endswith(COUNTS) and not name.startswith("mean")
    return f"(hash(nth, {number}) % 50)::BIGINT" if whole else f"(hash(nth, {number}) % 5000)::DOUBLE / 7"


def _connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _write(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"COPY ({query}) TO '{target}.parquet' (FORMAT parquet, COMPRESSION zstd)")
