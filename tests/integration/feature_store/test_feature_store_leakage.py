"""A training row never sees what happened, or arrived, after its own moment: 1,000 random histories and an oracle.

A history is one entity's: rows that arrive at once, late, or twice, several of one moment, corrections of old days.
Questions are asked at, just before and just after every moment that matters. The oracle tries every row.
"""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from shopsight.feature_store import apply_definitions, asof_store, history, training_set
from shopsight.settings import Settings

Row = dict[str, Any]
Question = tuple[tuple[str, ...], datetime]
WriteMart = Callable[[str, list[Row]], None]
MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
HISTORIES = 1_000
MICROSECOND = timedelta(microseconds=1)
LATE = [timedelta(0)] * 4 + [timedelta(seconds=1), timedelta(hours=7), timedelta(days=1), timedelta(days=6)]


def a_history(rng: random.Random, keys: Row, value: str) -> list[Row]:
    rows: list[Row] = []
    for _ in range(rng.randint(0, 7)):
        known_at = MONDAY + timedelta(days=rng.randrange(12), microseconds=rng.choice([0, 0, 1]))
        # A day's row may be ready before the day ends, and a correction may replace it days later.
        for late in rng.sample(LATE, rng.randint(1, 3)):
            created = known_at + late - rng.choice([timedelta(0), timedelta(minutes=5)])
            rows.append(
                {**keys, "feature_timestamp": known_at, "created_timestamp": created, value: rng.randrange(1 << 40)}
            )
    unique = {(row["feature_timestamp"], row["created_timestamp"]): row for row in rows}
    rows = [*unique.values(), *rng.sample(list(unique.values()), rng.randrange(len(unique) + 1))]
    rng.shuffle(rows)
    return rows


def questions(rng: random.Random, key: tuple[str, ...], rows: Sequence[Row]) -> list[Question]:
    moments = {row[name] for row in rows for name in ("feature_timestamp", "created_timestamp")} or {MONDAY}
    chosen = rng.sample(sorted(moments), min(len(moments), 4))
    return [(key, moment + shift) for moment in chosen for shift in (-MICROSECOND, timedelta(0), MICROSECOND)]


def what_could_be_known(rows: Sequence[Row], moment: datetime, value: str) -> Any:
    """The oracle: of all rows that were true and had arrived by then, the newest."""
    seen = [row for row in rows if row["feature_timestamp"] <= moment and row["created_timestamp"] <= moment]
    newest = max(seen, key=lambda row: (row["feature_timestamp"], row["created_timestamp"]), default=None)
    return None if newest is None else newest[value]


def user_histories(seed: int) -> tuple[list[Row], list[Question], list[Any]]:
    rng = random.Random(seed)
    rows, asked, expected = [], [], []
    for number in range(HISTORIES):
        own = a_history(rng, {"user_id": f"u_{number}"}, "events_7d")
        rows += own
        for question in questions(rng, (f"u_{number}",), own):
            asked.append(question)
            expected.append(what_could_be_known(own, question[1], "events_7d"))
    order = list(range(len(asked)))
    rng.shuffle(order)
    rng.shuffle(rows)
    return rows, [asked[n] for n in order], [expected[n] for n in order]


def joined(home: Settings, asked: Sequence[Question]) -> list[Any]:
    moments = pd.to_datetime([moment for _, moment in asked], utc=True)
    frame = pd.DataFrame({"user_id": [key[0] for key, _ in asked], "event_timestamp": moments})
    values = training_set(home, service="churn_v1", entities=frame, columns=["events_7d"])["events_7d"]
    return [None if pd.isna(value) else int(value) for value in values]


def test_a_thousand_random_histories_equal_a_search_of_every_row(home: Settings, write_mart: WriteMart) -> None:
    apply_definitions(home)
    rows, asked, expected = user_histories(seed=8)
    write_mart("user_features_daily", rows)
    assert joined(home, asked) == expected
    assert len(asked) > 8_000
    num_known = sum(value is not None for value in expected)
    assert 2_000 < num_known < len(asked) - 1_000
    own = {f"u_{n}": [row for row in rows if row["user_id"] == f"u_{n}"] for n in range(100)}
    withheld = sum(
        what_could_be_known([{**row, "created_timestamp": MONDAY} for row in own[key[0]]], moment, "events_7d") != value
        for (key, moment), value in zip(asked, expected, strict=True)
        if key[0] in own
    )
    assert withheld > 100, "late rows must make a difference, or nothing is tested"


def ignore_arrival(patch: pytest.MonkeyPatch) -> None:
    real = history._join  # noqa: SLF001 - the very join is broken, to see the check notice it
    patch.setattr(history, "_join", lambda store, service, frame, **_: real(store, service, frame, arrived=False))


def look_a_day_ahead(patch: pytest.MonkeyPatch) -> None:
    ahead = asof_store.NEWEST_SEEN.replace("asked.moment_us >= ", "asked.moment_us + 86400000000 >= ")
    assert ahead != asof_store.NEWEST_SEEN
    patch.setattr(asof_store, "NEWEST_SEEN", ahead)


def look_a_microsecond_ahead(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        asof_store, "NEWEST_SEEN", asof_store.NEWEST_SEEN.replace("asked.moment_us >= ", "asked.moment_us + 1 >= ")
    )


def let_the_last_to_arrive_win(patch: pytest.MonkeyPatch) -> None:
    wins = asof_store.NEWEST_SEEN.replace("where seen_version is null or version > seen_version", "")
    assert wins != asof_store.NEWEST_SEEN
    patch.setattr(asof_store, "NEWEST_SEEN", wins)


@pytest.mark.parametrize(
    "plant", [ignore_arrival, look_a_day_ahead, look_a_microsecond_ahead, let_the_last_to_arrive_win]
)
def test_the_oracle_finds_a_planted_leak(
    home: Settings, write_mart: WriteMart, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    apply_definitions(home)
    rows, asked, expected = user_histories(seed=9)
    write_mart("user_features_daily", rows)
    plant(monkeypatch)
    assert joined(home, asked) != expected


def test_every_view_of_a_service_is_joined_as_of_the_same_moment_also_by_two_keys(
    home: Settings, write_mart: WriteMart
) -> None:
    """Views by user, user and category, item, and category; the on-demand features follow from what was joined."""
    apply_definitions(home)
    rng = random.Random(10)
    entities: list[Row] = []
    expected: dict[str, list[Any]] = {
        name: [] for name in ("active_days_28d", "category_events_28d", "refunds_total", "category_prices_28d")
    }
    marts = {
        "user_taste_features_daily": (("user_id",), "active_days_28d"),
        "user_category_features_daily": (("user_id", "category"), "category_events_28d"),
        "item_quality_features_daily": (("item_id",), "refunds_total"),
        "category_price_features_daily": (("category",), "category_prices_28d"),
    }
    made: dict[tuple[str, ...], list[Row]] = {}
    for number in range(150):
        keys = {"user_id": f"u_{number // 2}", "category": f"Home > {number}", "item_id": f"i_{number}"}
        own = {}
        for mart, (names, value) in marts.items():
            mine = {name: keys[name] for name in names}
            place = (mart, *mine.values())
            if place not in made:
                made[place] = a_history(rng, mine, value)
            own[value] = made[place]
        moments = questions(rng, (), [row for rows in own.values() for row in rows])
        for _, moment in moments:
            entities.append({**keys, "event_timestamp": moment, "item_price": 5.0, "item_brand": None})
            for value, rows in own.items():
                expected[value].append(what_could_be_known(rows, moment, value))
    for mart in marts:
        write_mart(mart, [row for place, rows in made.items() if place[0] == mart for row in rows])
    frame = pd.DataFrame(entities)
    joined = training_set(home, service="ranking_v1", entities=frame, columns=[*expected, "price_position"])
    for name, values in expected.items():
        assert [None if pd.isna(value) else int(value) for value in joined[name]] == values, name
        assert 100 < sum(value is not None for value in values) < len(values) - 100
    assert joined["price_position"].isna().all(), "no prices are known"
