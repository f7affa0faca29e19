"""Keys per second from the Parquet of a mart into the online store, against a bare bulk write of the same rows.

``python -m benchmarks.materialize --keys 1000000 --json -`` prints one JSON document. The bare write gets its rows
ready made in memory and stores them with nothing asked: one ``executemany`` into a table of the same columns in the
same SQLite file, ``HSET`` in pipelines into the same Redis. Ours reads the Parquet parts of a mart, finds the newest
row of each key, checks it and writes it unless a newer one is held. ``again`` is a second materialisation, which finds
nothing new; ``next_day`` follows a run of the warehouse that brought a day of one user in a hundred. Feast's own
``get_online_features`` reads a sample back. Redis is left out where none answers or its database is not empty.
"""

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.feature_marts import publish_next_day, publish_user_days, write_user_days
from benchmarks.output import add_json_option, write_figures
from shopsight.feature_store.online_rows import FEATURES, KEY
from shopsight.settings import Settings

GOAL: Final = 3.0
"""Times the bare write that the materialisation may take."""
REDIS: Final = "redis://127.0.0.1:6379/9"
UNTIL: Final = datetime(2027, 1, 1, tzinfo=UTC)
VIEW: Final = "user_features"
SAMPLE: Final = 1_000
ONE_IN: Final = 100
"""One user in so many has a next day."""


def measure(*, keys: int, redis_url: str) -> dict[str, Any]:
    """Return the figures of each store."""
    figures: dict[str, Any] = {"keys": keys, "goal_ratio": GOAL}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        write_user_days(settings.exports_dir, users=keys, days_per_user=2)
        publish_user_days(settings.exports_dir)
        figures["sqlite"] = _store(settings, _bare_sqlite)
        client = _empty_redis(redis_url)
        if client is None:
            figures["redis"] = f"not measured: no Redis with an empty database answers at {redis_url}"
            return figures
        try:
            figures["redis"] = _store(settings.model_copy(update={"online_store": redis_url}), _bare_redis)
        finally:
            client.flushdb()
    return figures


def _store(settings: Settings, bare: Any) -> dict[str, Any]:
    from shopsight.feature_store import OnlineFeatures, apply_definitions, materialize, open_feature_store

    apply_definitions(settings)
    store = open_feature_store(settings, read_only=True)
    (view,) = [view for view in store.list_feature_views() if view.name == VIEW]
    batches = list(_rows_ready_made(view))
    keys = sum(len(batch) for batch in batches)
    bare_seconds = bare(store, view, batches)
    sample = {
        row[KEY]: row[FEATURES] for batch in batches for row in batch[:: max(len(batch) * len(batches) // SAMPLE, 1)]
    }
    del batches
    first, again = [_timed(lambda: materialize(settings, until=UNTIL, views=[VIEW])) for _ in range(2)]
    read = OnlineFeatures(settings).read(VIEW, [{"user_id": key} for key in sample])
    names = [field.name for field in view.features]
    equal = sum([row[name] for name in names] == list(sample[row["user_id"]]) for row in read)
    users = publish_next_day(settings.exports_dir, one_in=ONE_IN)
    next_day = _timed(lambda: materialize(settings, until=UNTIL, views=[VIEW]))
    return {
        "keys": keys,
        "bare_keys_per_second": round(keys / bare_seconds),
        "materialized_keys_per_second": round(keys / first),
        "ratio": round(first / bare_seconds, 2),
        "again_to_first": round(again / first, 4),
        "next_day_users": users,
        "next_day_to_first": round(next_day / first, 4),
        "read_back_equal": f"{equal} of {len(sample)}",
    }


def _rows_ready_made(view: Any) -> Iterator[list[Any]]:
    from shopsight.feature_store.online_rows import microseconds
    from shopsight.feature_store.view_rows import batches_of, make_newest, sql_of_entities
    from shopsight.marts import mart_at, open_duckdb

    mart = mart_at(Path(view.batch_source.path))
    with open_duckdb() as connection:
        make_newest(connection, view, sql_of_entities(view, mart), mart=mart, until_us=microseconds(UNTIL))
        yield from batches_of(connection, "from newest")


def _timed(job: Any) -> float:
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def _bare_sqlite(store: Any, view: Any, batches: Sequence[Sequence[Any]]) -> float:
    rows = [row for batch in batches for row in batch]
    names = ", ".join(["event_us", "created_us", *(field.name for field in view.features)])
    connection = sqlite3.connect(store.config.online_store.path, isolation_level=None)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"CREATE TABLE bare (entity TEXT PRIMARY KEY, {names})")
    started = time.perf_counter()
    connection.execute("BEGIN")
    connection.executemany(f"INSERT INTO bare VALUES (?{', ?' * (len(rows[0]) - 1)})", rows)
    connection.execute("COMMIT")
    seconds = time.perf_counter() - started
    connection.execute("DROP TABLE bare")
    connection.close()
    return seconds


def _bare_redis(store: Any, view: Any, batches: Sequence[Sequence[Any]]) -> float:
    from shopsight.feature_store.redis_encoding import RowEncoder

    encoder = RowEncoder(store.config, view)
    connection = store.provider.online_store._get_client(store.config.online_store)  # noqa: SLF001 - Feast does not give it out
    seconds = 0.0
    for batch in batches:
        ready = [
            (b"bare:" + row[KEY].encode(), dict(zip(encoder.fields, encoder.values(row), strict=True))) for row in batch
        ]
        started = time.perf_counter()
        pipe = connection.pipeline(transaction=False)
        for key, mapping in ready:
            pipe.hset(key, mapping=mapping)
        pipe.execute()
        seconds += time.perf_counter() - started
    connection.flushdb()
    return seconds


def _empty_redis(url: str) -> Any:
    import redis

    client = redis.Redis.from_url(url)
    try:
        return None if client.dbsize() else client
    except redis.ConnectionError:
        return None


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000, help="users to bring online")
    parser.add_argument("--redis", default=REDIS, help="a Redis database that is empty; it is emptied afterwards")
    add_json_option(parser)
    options = parser.parse_args()
    write_figures(measure(keys=options.keys, redis_url=options.redis), options.json)


if __name__ == "__main__":
    main()
