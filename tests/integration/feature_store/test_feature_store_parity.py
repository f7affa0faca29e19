"""What a service reads is what a training row of the same moment holds: 1,000 keys of every view, in both stores."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.feature_store import OnlineFeatures, apply_definitions, materialize, open_feature_store
from shopsight.settings import Settings

Row = dict[str, Any]
WriteMart = Callable[[str, list[Row]], None]
MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
MOMENT = MONDAY + timedelta(days=12, hours=5)
KEYS = 1_000
TEXTS = ["view_item", "Küche > Töpfe", "", "x" * 200]


def a_value(rng: random.Random, kind: pa.DataType) -> Any:
    if rng.random() < 0.1:
        return None
    if pa.types.is_integer(kind):
        return rng.choice([0, 1, 7, 2**40, -3])
    if pa.types.is_floating(kind):
        return rng.choice([0.0, 0.1, 1 / 3, 1e-9, rng.random() * 1e6])
    if pa.types.is_list(kind) and pa.types.is_floating(kind.value_type):
        return [rng.choice([0.0, 1 / 3, -1e-9, rng.random() * 1e6]) for _ in range(1 + rng.randrange(4))]
    if pa.types.is_list(kind):
        return [rng.choice(TEXTS) for _ in range(rng.randrange(4))]
    return rng.choice(TEXTS)


def plain(value: Any) -> Any:
    if isinstance(value, (list, np.ndarray)):
        return list(value)
    return None if value is None or value != value else value


def test_the_online_answer_equals_the_training_row_of_that_moment(
    shop: Settings, write_mart: WriteMart, with_all_views_online: Path
) -> None:
    apply_definitions(shop, repository=with_all_views_online)
    rng = random.Random(12)
    for written_by_a_model in ("user_embeddings", "item_embeddings"):
        write_mart(written_by_a_model, [])
    store = open_feature_store(shop, read_only=True)
    online = OnlineFeatures(shop)
    views = [view for view in store.list_feature_views() if view.online]
    assert len(views) == 14
    asked: dict[str, list[Row]] = {}
    for view in views:
        path, time = view.batch_source.path, view.batch_source.timestamp_field
        schema = pq.read_schema(path)
        asked[view.name] = [
            {key: f"{key}-{number // 3 if nth else number}" for nth, key in enumerate(sorted(view.join_keys))}
            for number in range(KEYS)
        ]
        rows: list[Row] = []
        for key in asked[view.name][: KEYS - 50]:
            for day in rng.sample(range(20), 3):
                known_at = MONDAY + timedelta(days=day, seconds=rng.randrange(3))
                values = {field.name: a_value(rng, field.type) for field in schema}
                rows.append({**values, **key, time: known_at, "created_timestamp": known_at - timedelta(seconds=5)})
        mart = path.rsplit("/", 1)[-1].removesuffix(".parquet")
        write_mart(mart, rows)
    materialize(shop, until=MOMENT)
    for view in views:
        keys = asked[view.name]
        frame = pd.DataFrame(keys).assign(event_timestamp=pd.Timestamp(MOMENT))
        references = [f"{view.name}:{field.name}" for field in view.features]
        offline = store.get_historical_features(frame, references, filter_by_created_timestamp=True).to_arrow()
        trained = offline.to_pylist()
        served = online.read(view.name, keys)
        names = [field.name for field in view.features]
        different = [
            (row, name, plain(row[name]), plain(answer[name]))
            for row, answer in zip(trained, served, strict=True)
            for name in names
            if plain(row[name]) != plain(answer[name])
        ]
        assert different == [], view.name
        answered = sum(any(answer[name] is not None for name in names) for answer in served)
        assert KEYS // 2 < answered < KEYS, "most keys are known, and some are not"


def test_on_demand_features_are_computed_alike_for_training_and_for_a_request(
    shop: Settings, write_mart: WriteMart, with_all_views_online: Path
) -> None:
    apply_definitions(shop, repository=with_all_views_online)
    rng = random.Random(13)
    users = [
        {
            "user_id": f"u_{n}",
            "price_low_28d": 10.0,
            "price_median_28d": rng.choice([20.0, None, 0.0]),
            "price_high_28d": 30.0,
            "top_brands": rng.choice([["Oak", "Ash"], None]),
        }
        for n in range(40)
    ]
    categories = [
        {"category": f"c_{n}", "category_price_min_28d": 5.0, "category_price_max_28d": 5.0 + 10 * n} for n in range(4)
    ]
    dated = {"feature_timestamp": MONDAY, "created_timestamp": MONDAY}
    write_mart("user_taste_features_daily", [{**row, **dated} for row in users])
    write_mart("category_price_features_daily", [{**row, **dated} for row in categories])
    materialize(shop, until=MOMENT)
    rows = [
        {
            "user_id": f"u_{n}",
            "category": f"c_{n % 5}",
            "item_id": "i_1",
            "item_price": rng.choice([5.0, 10.0, 25.0, 31.0]),
            "item_brand": rng.choice(["Oak", "Elm", ""]),
        }
        for n in range(45)
    ]
    names = ["price_position", "price_to_median", "is_in_price_band", "is_top_brand"]
    from shopsight.feature_store import training_set

    frame = pd.DataFrame(rows).assign(event_timestamp=pd.Timestamp(MOMENT))
    trained = training_set(shop, service="ranking_v1", entities=frame, columns=names)
    served = OnlineFeatures(shop).read("ranking_v1", rows)
    for name in names:
        offline = [plain(value) for value in trained[name]]
        assert offline == [answer[name] for answer in served], name
        assert 0 < sum(value is None for value in offline) < len(rows), name
    expected = [(r["item_price"] - 5) / (10 * n) for n, r in ((i % 5, r) for i, r in enumerate(rows)) if n in (1, 2, 3)]
    assert [a["price_position"] for i, a in enumerate(served) if i % 5 in (1, 2, 3)] == expected
