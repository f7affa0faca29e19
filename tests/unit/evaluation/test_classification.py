import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss, precision_recall_fscore_support

from models.evaluation.calibration import softmax
from models.evaluation.classification import (
    accuracy,
    confusion,
    confusion_table,
    fit_temperature,
    label_brier_score,
    label_calibration_error,
    label_negative_log_likelihood,
    macro_f1,
    per_label_scores,
)

TRUTH = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 0, 2])


def test_the_confusion_matrix_has_the_truth_in_its_rows() -> None:
    assert confusion(TRUTH, PREDICTED, labels=3).tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert confusion_table(confusion(TRUTH, PREDICTED, labels=3), ["a", "b", "c"])["a"] == {"a": 2, "b": 1, "c": 0}


def test_scores_per_label_are_those_worked_out_by_hand() -> None:
    scores = per_label_scores(TRUTH, PREDICTED, labels=3)
    np.testing.assert_allclose(scores["precision"], [2 / 3, 1 / 2, 1])
    np.testing.assert_allclose(scores["recall"], [2 / 3, 1 / 2, 1])
    np.testing.assert_allclose(scores["f1"], [2 / 3, 1 / 2, 1])
    np.testing.assert_allclose(macro_f1(TRUTH, PREDICTED, labels=3), (2 / 3 + 1 / 2 + 1) / 3)
    assert accuracy(TRUTH, PREDICTED) == pytest.approx(4 / 6)


def test_scores_agree_with_scikit_learn_on_random_labels() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        truth, predicted = rng.integers(0, 5, 60), rng.integers(0, 5, 60)
        scores = per_label_scores(truth, predicted, labels=5)
        precision, recall, f1, _ = precision_recall_fscore_support(truth, predicted, labels=range(5), zero_division=0)
        np.testing.assert_allclose(scores["precision"], precision)
        np.testing.assert_allclose(scores["recall"], recall)
        np.testing.assert_allclose(scores["f1"], f1)
        present = sorted(set(truth.tolist()))
        expected = f1_score(truth, predicted, labels=present, average="macro", zero_division=0)
        assert macro_f1(truth, predicted, labels=5) == pytest.approx(expected)


def test_a_label_that_never_occurs_does_not_lower_macro_f1() -> None:
    assert macro_f1(np.array([0, 0]), np.array([0, 0]), labels=5) == 1.0
    assert np.isnan(macro_f1(np.array([], dtype=int), np.array([], dtype=int), labels=5))


def test_confidence_equal_to_accuracy_has_no_calibration_error() -> None:
    probabilities = np.tile([0.75, 0.25], (80, 1))
    truth = np.array([0, 0, 0, 1] * 20)
    assert label_calibration_error(truth, probabilities, bins=1) == pytest.approx(0.0)


def test_the_calibration_error_of_two_bins_is_the_one_worked_out_by_hand() -> None:
    sure, unsure = np.tile([0.9, 0.1], (4, 1)), np.tile([0.6, 0.4], (4, 1))
    truth = np.array([0, 0, 0, 1, 0, 0, 0, 0])  # sure: 3 of 4 right; unsure: 4 of 4
    error = label_calibration_error(truth, np.concatenate([sure, unsure]), bins=2, min_cases_per_bin=4)
    assert error == pytest.approx((0.15 + 0.4) / 2)


def test_few_cases_make_few_bins() -> None:
    probabilities = np.tile([0.75, 0.25], (40, 1))
    truth = np.array([1] * 10 + [0] * 30)  # sorted: bins of ten would each be all right or all wrong
    assert label_calibration_error(truth, probabilities) == pytest.approx(0.0)


def test_brier_and_surprise_are_those_worked_out_by_hand_and_by_scikit_learn() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4]])
    truth = np.array([0, 2])
    assert label_brier_score(truth, probabilities) == pytest.approx(
        ((0.3**2 + 0.2**2 + 0.1**2) + (0.1**2 + 0.5**2 + 0.6**2)) / 2
    )
    assert label_negative_log_likelihood(truth, probabilities) == pytest.approx(
        log_loss(truth, probabilities, labels=[0, 1, 2])
    )
    assert np.isfinite(label_negative_log_likelihood(np.array([0]), np.array([[0.0, 1.0]])))


def test_the_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(1)
    honest = rng.normal(size=(4000, 5))
    truth = np.array([rng.choice(5, p=row) for row in softmax(honest)])
    assert fit_temperature(truth, honest * 3) == pytest.approx(3.0, rel=0.1)


def test_softmax_survives_large_logits() -> None:
    np.testing.assert_allclose(softmax(np.array([[1000.0, 1000.0, -1000.0]])), [[0.5, 0.5, 0.0]])
