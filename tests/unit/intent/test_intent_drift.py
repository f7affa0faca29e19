"""Drift of shoppers' texts: planted changes are named by the column that shows them, and none is seen where none is."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from models.evaluation.drift.findings import DriftConfig
from models.evaluation.drift.judgement import judge_drift
from models.evaluation.drift.windows import comparable_columns
from models.intent.drift_columns import WATCHED_COLUMNS, embed, known_words, watched, words_of

GARDEN = ("seeds", "garden", "plant", "pots", "green", "water", "outdoor", "flower")
OFFICE = ("laptop", "mouse", "phone", "screen", "black", "cable", "office", "charger")


def _window(words: tuple[str, ...], *, seed: int, rows: int = 400, chinese: float = 0.2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    texts = [
        "".join(rng.choice(list("买手机包鞋红色多少钱"), 6))
        if rng.random() < chinese
        else " ".join(rng.choice(np.array(words), int(rng.integers(2, 6))))
        for _ in range(rows)
    ]
    channels = rng.choice(["search", "question"], rows)
    return watched(
        pd.DataFrame({"text": texts, "channel": channels, "event_timestamp": datetime(2026, 1, 5, tzinfo=UTC)})
    )


def _drifted(reference: pd.DataFrame, current: pd.DataFrame) -> set[str]:
    judgement = judge_drift(reference, current, columns=WATCHED_COLUMNS, config=DriftConfig(), seed=1)
    assert all(finding.status != "not evaluable" for finding in judgement.columns)
    return {finding.column.rstrip("_12345678") for finding in judgement.columns if finding.status == "drifted"}


@pytest.mark.parametrize("seed", range(5))
def test_two_windows_of_one_kind_of_texts_are_stable(seed: int) -> None:
    assert _drifted(_window(GARDEN, seed=seed), _window(GARDEN, seed=100 + seed)) == set()


def test_texts_about_other_things_point_elsewhere() -> None:
    assert "embedding" in _drifted(_window(GARDEN, seed=1), _window(OFFICE, seed=2))


def test_half_the_words_replaced_by_words_that_nobody_taught_are_seen() -> None:
    strange = tuple(f"zorb{n}" for n in range(8))
    assert not known_words() & set(strange)
    assert {"unknown_word_share", "embedding"} <= _drifted(_window(GARDEN, seed=1), _window(GARDEN + strange, seed=2))


def test_a_new_mix_of_languages_is_seen() -> None:
    assert "language" in _drifted(_window(GARDEN, seed=1), _window(GARDEN, seed=2, chinese=0.5))


def test_longer_texts_are_seen() -> None:
    assert {"characters", "words"} <= _drifted(
        _window(GARDEN, seed=1), _window(tuple(2 * f"{w} " for w in GARDEN), seed=2)
    )


def test_a_reference_of_an_earlier_release_is_compared_in_what_it_kept() -> None:
    current = _window(GARDEN, seed=1)
    columns = comparable_columns(WATCHED_COLUMNS, current.drop(columns=["language", "embedding_3"]), current)
    names = {*columns.numerical, *columns.categorical}
    assert names == {*WATCHED_COLUMNS.numerical, *WATCHED_COLUMNS.categorical} - {"language", "embedding_3"}


def test_no_text_travels_with_the_watched_rows_and_odd_texts_have_figures() -> None:
    odd = ["", None, "👍", "\ud83d", "word " * 3000, "红" * 2000]
    frame = watched(
        pd.DataFrame({"text": odd, "channel": "search", "event_timestamp": datetime(2026, 1, 5, tzinfo=UTC)})
    )
    assert set(frame) == {"event_timestamp", *WATCHED_COLUMNS.numerical, *WATCHED_COLUMNS.categorical}
    assert np.isfinite(frame[list(WATCHED_COLUMNS.numerical)].to_numpy(dtype=float)).all()
    assert embed([]).shape == (0, 8)
    assert watched(frame.assign(text="").head(0)).empty


def test_words_are_told_apart_in_every_script() -> None:
    assert words_of("RED shoes,多少钱? 한국") == ["red", "shoes", "多", "少", "钱", "한", "국"]
