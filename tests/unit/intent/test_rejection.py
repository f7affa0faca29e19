"""The threshold under which a label is too unsure to act on."""

import numpy as np
import pytest

from models.intent.rejection import reject_threshold


def test_the_texts_kept_reach_the_precision_and_one_more_would_not() -> None:
    rng = np.random.default_rng(7)
    confidence = rng.uniform(0.4, 1.0, 2000)
    right = rng.uniform(size=2000) < confidence
    threshold = reject_threshold(confidence, right, precision=0.8, min_coverage=0.1)
    accepted = confidence >= threshold
    assert right[accepted].mean() >= 0.8
    looser = np.sort(confidence[~accepted])[::-1]
    assert all(right[confidence >= lower].mean() < 0.8 for lower in looser)


@pytest.mark.parametrize(("precision", "kept"), [(0.75, 4), (0.9, 3), (1.0, 3)])
def test_a_higher_precision_keeps_fewer_texts(precision: float, kept: int) -> None:
    confidence, right = np.array([0.5, 0.9, 0.6, 0.8]), np.array([False, True, True, True])
    threshold = reject_threshold(confidence, right, precision=precision, min_coverage=0.25)
    assert (confidence >= threshold).sum() == kept


def test_where_the_precision_is_out_of_reach_no_more_is_rejected_than_was_allowed() -> None:
    confidence, right = np.linspace(0.3, 0.9, 10), np.zeros(10, dtype=bool)
    threshold = reject_threshold(confidence, right, precision=0.95, min_coverage=0.7)
    assert (confidence >= threshold).sum() == 7


def test_nothing_is_rejected_where_everything_is_right() -> None:
    assert reject_threshold(np.array([0.2, 0.3]), np.array([True, True]), precision=1.0, min_coverage=0.5) == 0.0
