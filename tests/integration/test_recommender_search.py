"""A bounded search for settings: it starts from the shipped ones, keeps its trials and goes on after a stop."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from models.progress import Progress, ignore_progress
from models.recommender.config import for_size
from models.recommender.search import SearchResult, Trial, search
from shopsight.errors import ShopsightError

pytest.importorskip("optuna", reason="Optuna is not installed (extra `search`)")


@pytest.fixture(scope="module")
def shop() -> tuple[pa.Table, pa.Table]:
    """150 shoppers who walk along shelves of ten items."""
    rng = np.random.default_rng(5)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = []
    for user in range(150):
        shelf, place, day = int(rng.integers(3)), int(rng.integers(10)), float(rng.uniform(0, 20))
        for nth in range(1, 12):
            place = (place + 1) % 10 if rng.random() < 0.9 else int(rng.integers(10))
            day += float(rng.exponential(0.8))
            rows.append((f"u{user:03d}", f"s{shelf}-{place}", start + timedelta(days=day), nth))
    interactions = pa.table(
        {
            "user_id": [row[0] for row in rows],
            "item_id": [row[1] for row in rows],
            "event_name": ["view_item"] * len(rows),
            "event_timestamp": pa.array([row[2] for row in rows], pa.timestamp("us", tz="UTC")),
            "nth": pa.array([row[3] for row in rows], pa.int64()),
        }
    )
    ids = sorted({row[1] for row in rows})
    items = pa.table(
        {"item_id": ids, "category": [one[:2] for one in ids], "brand": pa.array([None] * len(ids), pa.string())}
    )
    return interactions, items


def searched(
    shop: tuple[pa.Table, pa.Table], folder: Path, *, trials: int, ended: list[Trial], minutes: float = 5
) -> SearchResult:
    return search(
        *shop, base=for_size("tiny"), folder=folder, trials=trials, minutes=minutes, seed=7, device="cpu",
        precision="fp32", report=ignore_progress, after=ended.append,
    )  # fmt: skip


def test_the_first_trial_is_what_is_shipped_and_a_later_search_goes_on_from_the_earlier_one(shop, tmp_path) -> None:
    first: list[Trial] = []
    second: list[Trial] = []
    result = searched(shop, tmp_path, trials=2, ended=first)
    shipped = for_size("tiny").transformer
    assert result.shipped.settings["learning_rate"] == pytest.approx(shipped.learning_rate)
    assert result.shipped.settings["hidden_size"] == shipped.hidden_size
    assert [trial.number for trial in first] == [0, 1]
    assert result.best.ndcg >= result.shipped.ndcg > 0.05, "items of a shelf follow one another"
    again = searched(shop, tmp_path, trials=3, ended=second)
    assert [trial.number for trial in second] == [2]
    assert again.trials[:2] == result.trials
    assert again.trials[2].settings not in [trial.settings for trial in result.trials]
    assert searched(shop, tmp_path, trials=3, ended=second).trials == again.trials, "there is nothing left to do"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trials.journal"], "no weights are left behind"


def test_a_shop_that_is_too_small_to_judge_is_refused(shop, tmp_path) -> None:
    interactions, items = shop
    with pytest.raises(ShopsightError, match="can be measured"):
        searched((interactions.slice(0, 60), items), tmp_path, trials=1, ended=[])


def test_a_search_that_is_interrupted_keeps_its_trials(shop, tmp_path) -> None:
    ended: list[Trial] = []

    def stop(_progress: Progress) -> None:
        if len(ended) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(
            *shop, base=for_size("tiny"), folder=tmp_path, trials=3, minutes=5, seed=7, device="cpu", precision="fp32",
            report=stop, after=ended.append,
        )  # fmt: skip
    result = searched(shop, tmp_path, trials=2, ended=ended)
    assert result.trials[0] == ended[0]
    assert len(result.trials) == 2
