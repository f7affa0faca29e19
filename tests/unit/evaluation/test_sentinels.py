import numpy as np
import pytest

from models.evaluation.probability import roc_auc
from models.evaluation.sentinels import (
    SentinelTrippedError,
    chance_half_width,
    check_apart,
    check_features_not_newer,
    check_newcomers_have_no_past,
    check_not_too_good,
    check_older_features_keep_skill,
    check_shuffled_accuracy,
    check_shuffled_labels,
)


def test_random_scores_stay_within_chance() -> None:
    rng = np.random.default_rng(1)
    limit = chance_half_width(30, 170)
    strays = [abs(roc_auc(np.arange(200) < 30, rng.random(200)) - 0.5) for _ in range(500)]
    assert max(strays) < limit
    assert np.std(strays) > limit / 10  # the limit is not so wide that nothing could trip it


def test_shuffled_labels_that_can_still_be_told_stop_the_run() -> None:
    with pytest.raises(SentinelTrippedError, match=r"shuffled labels scores ROC AUC 0\.800"):
        check_shuffled_labels(0.8, positives=50, negatives=200)


def test_shuffled_labels_at_chance_are_noted_with_their_limit() -> None:
    reading = check_shuffled_labels(0.52, positives=50, negatives=200)
    assert (reading.value, reading.limit) == (0.52, pytest.approx(4 * 0.0457, abs=0.01))


def test_a_classifier_that_is_right_of_shuffled_labels_stops_the_run() -> None:
    with pytest.raises(SentinelTrippedError, match=r"shuffled labels is right in 0\.710 of the validation cases"):
        check_shuffled_accuracy(0.71, chance=0.5, cases=100)
    reading = check_shuffled_accuracy(0.69, chance=0.5, cases=100)
    assert (reading.value, reading.limit) == (0.69, pytest.approx(0.7))


def test_chance_over_one_class_has_no_width() -> None:
    with pytest.raises(ValueError, match="one class"):
        chance_half_width(0, 10)


@pytest.mark.parametrize(("auc", "stops"), [(0.984, False), (0.985, False), (0.99, True), (1.0, True)])
def test_an_auc_that_is_too_good_stops_the_run(auc: float, stops: bool) -> None:
    if stops:
        with pytest.raises(SentinelTrippedError, match="holds the outcome"):
            check_not_too_good(auc, limit=0.985)
    else:
        assert check_not_too_good(auc, limit=0.985).value == auc


def test_a_feature_newer_than_its_label_stops_the_run() -> None:
    moments = np.array(["2024-01-02T10:00", "2024-01-03T10:00"], dtype="datetime64[us]")
    feature_times = np.array(["2024-01-02T00:00", "2024-01-03T10:01"], dtype="datetime64[us]")
    with pytest.raises(SentinelTrippedError, match="1 of 2 rows use user_features from their future"):
        check_features_not_newer(feature_times, moments, name="user_features")


def test_a_feature_of_the_same_instant_or_none_at_all_is_fine() -> None:
    moments = np.array(["2024-01-02T10:00", "2024-01-03T10:00"], dtype="datetime64[us]")
    feature_times = np.array(["2024-01-02T10:00", "NaT"], dtype="datetime64[us]")
    assert check_features_not_newer(feature_times, moments, name="user_features").value == 0


def test_skill_that_goes_with_the_day_stops_the_run() -> None:
    assert check_older_features_keep_skill(0.76, 0.74, limit=0.05, name="visits").value == pytest.approx(0.02)
    assert check_older_features_keep_skill(0.74, 0.76, limit=0.05, name="visits").value < 0
    for older in (0.70, float("nan")):
        with pytest.raises(SentinelTrippedError, match=r"with visits of an earlier day ROC AUC falls from 0\.760"):
            check_older_features_keep_skill(0.76, older, limit=0.05, name="visits")


def test_newcomers_with_a_past_stop_the_run() -> None:
    assert check_newcomers_have_no_past({"orders": 0.01, "views": 0.04}, limit=0.05).value == 0.04
    with pytest.raises(SentinelTrippedError, match="20% of shoppers seen for the first time have orders above zero"):
        check_newcomers_have_no_past({"orders": 0.2, "views": 0.04}, limit=0.05)


def test_a_key_in_two_parts_stops_the_run() -> None:
    apart = {"train": np.array([1, 2]), "validation": np.array([3]), "test": np.array([4, 5])}
    assert check_apart(apart, what="sessions").sentinel == "sessions_apart"
    with pytest.raises(SentinelTrippedError, match="1 sessions are in both train and test"):
        check_apart(apart | {"test": np.array([2, 9])}, what="sessions")
