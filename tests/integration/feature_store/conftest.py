"""Small marts with the columns that dbt exports, for the feature store to read."""

import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis
import yaml

from shopsight.contracts import ITEM_FEATURES, SESSION_FEATURES, USER_FEATURES
from shopsight.events import TIMESTAMP
from shopsight.feature_store import apply_definitions
from shopsight.feature_store.definitions import FEATURE_REPOSITORY
from shopsight.settings import REPO_ROOT, Settings

# A database per test process: two that share one would empty it under each other.
DATABASE = 15 - int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
REDIS = f"redis://127.0.0.1:6379/{DATABASE}"
MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
TEXTS = {"favourite_category", "last_event_name"}
REALS = {
    *("revenue_28d", "mean_price_28d", "days_since_first_event", "days_since_last_event", "days_since_last_order"),
    *("popularity", "cart_rate_28d", "conversion_rate_28d", "rating_mean", "seconds_since_start"),
    *("seconds_since_last_event", "min_price_so_far", "mean_price_so_far", "max_price_so_far"),
}

Row = dict[str, Any]
WriteMart = Callable[[str, Iterable[Row]], None]


def feature_type(name: str) -> pa.DataType:
    if name in TEXTS:
        return pa.string()
    return pa.float64() if name in REALS else pa.int64()


def _schema(keys: tuple[str, ...], time: str, features: tuple[str, ...]) -> pa.Schema:
    return pa.schema(
        [
            *((key, pa.string()) for key in keys),
            (time, TIMESTAMP),
            ("created_timestamp", TIMESTAMP),
            *((name, feature_type(name)) for name in features),
        ]
    )


HISTORY = _schema(("user_id",), "feature_timestamp", ())
for _name in ("item_ids", "event_names"):
    HISTORY = HISTORY.append(pa.field(_name, pa.list_(pa.string())))

SCHEMAS = {
    "user_features_daily": _schema(("user_id",), "feature_timestamp", USER_FEATURES),
    "user_history_daily": HISTORY,
    "item_features_daily": _schema(("item_id",), "feature_timestamp", ITEM_FEATURES),
    "session_features": _schema(("session_id", "user_id"), "event_timestamp", SESSION_FEATURES),
    "utterances": _schema(("utterance_id", "user_id"), "event_timestamp", ("channel", "text")),
}
SCHEMAS["utterances"] = pa.schema(
    [field.with_type(pa.string()) if field.name in ("channel", "text") else field for field in SCHEMAS["utterances"]]
)


DBT_TYPES = {
    "varchar": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "timestamptz": TIMESTAMP,
    "varchar[]": pa.list_(pa.string()),
}
for _name in (
    "user_taste_features_daily",
    "user_category_features_daily",
    "item_quality_features_daily",
    "category_price_features_daily",
    "session_flow_features",
    "session_state_features",
    "user_order_history_daily",
    "user_purchases",
):
    (_file,) = (REPO_ROOT / "dbt_project" / "models" / "marts").rglob(f"{_name}.yml")
    _columns = yaml.safe_load(_file.read_text())["models"][0]["columns"]
    SCHEMAS[_name] = pa.schema(
        [(column["name"], DBT_TYPES[column["data_type"]]) for column in _columns if column["name"] != "fingerprint"]
    )

WRITTEN_BY_MODELS = {
    f"{key}_embeddings": pa.schema(
        [
            (f"{key}_id", pa.string()),
            (f"{key}_vector", pa.list_(pa.float64())),
            *([("taste_group", pa.int64())] if key == "user" else []),
            (f"{key}_model_version", pa.string()),
            ("feature_timestamp", TIMESTAMP),
            ("created_timestamp", TIMESTAMP),
        ]
    )
    for key in ("user", "item")
}
"""What `models.recommender.vectors.embeddings` writes; not there before a model is approved."""
MARTS = tuple(SCHEMAS)
SCHEMAS |= WRITTEN_BY_MODELS


@pytest.fixture
def write_mart(home: Settings) -> WriteMart:
    """Write rows as a mart's export; columns that a row leaves out are null. All marts exist, empty at first."""

    def write(mart: str, rows: Iterable[Row]) -> None:
        home.exports_dir.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMAS[mart]), home.exports_dir / f"{mart}.parquet")

    for mart in MARTS:
        write(mart, [])
    return write


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.slow)])
def shop(request: pytest.FixtureRequest, home: Settings) -> Iterator[Settings]:
    """Settings with definitions applied, once for each kind of online store; all marts exist, empty at first."""
    request.getfixturevalue("write_mart")
    if request.param == "sqlite":
        apply_definitions(home)
        yield home
        return
    client = redis.Redis.from_url(REDIS)
    try:
        client.ping()
    except redis.ConnectionError:
        pytest.skip("no Redis answers at 127.0.0.1:6379")
    if client.dbsize():
        pytest.skip(f"database {DATABASE} of the Redis at 127.0.0.1:6379 is not empty, and a test must not touch it")
    settings = home.model_copy(update={"online_store": REDIS})
    apply_definitions(settings)
    try:
        yield settings
    finally:
        client.flushdb()


@pytest.fixture
def changed_repository(tmp_path: Path) -> Callable[[dict[str, dict[str, str]]], Path]:
    """Make a copy of the feature repository with texts replaced, by module."""

    def change(replacements: dict[str, dict[str, str]]) -> Path:
        folder = tmp_path / "feature_repo"
        shutil.copytree(FEATURE_REPOSITORY, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for module, texts in replacements.items():
            file = folder / f"{module}.py"
            text = file.read_text()
            for old, new in texts.items():
                assert old in text, f"{old!r} is not in {module}.py, so nothing would be changed"
                text = text.replace(old, new)
            file.write_text(text)
        return folder

    return change


@pytest.fixture
def with_all_views_online(changed_repository: Callable[[dict[str, dict[str, str]]], Path]) -> Path:
    """Feature definitions as they would be if something read every view of the marts and of the models online."""
    modules = ("users", "items", "categories", "sessions", "embeddings")
    return changed_repository({module: {"online=False": "online=True"} for module in modules})


@pytest.fixture
def random_user_days() -> Callable[[random.Random], list[Row]]:
    """Make random histories of a few users: days, odd microseconds, late arrivals and later corrections."""

    def make(rng: random.Random) -> list[Row]:
        rows: list[Row] = []
        for user in range(rng.randint(2, 4)):
            for day in rng.sample(range(20), rng.randint(1, 10)):
                known_at = MONDAY + timedelta(days=day, microseconds=rng.choice([0, 0, 1, 999_999]))
                arrivals = rng.sample([0, 1, 3_600, 86_400, 5 * 86_400], rng.randint(1, 2))
                for seconds in arrivals:
                    created = known_at + timedelta(seconds=seconds) - timedelta(seconds=rng.choice([0, 60]))
                    rows.append(
                        {
                            "user_id": f"u_{user}",
                            "feature_timestamp": known_at,
                            "created_timestamp": created,
                            "events_7d": len(rows),
                        }
                    )
        return rows

    return make
