import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from models.evaluation.bootstrap import bootstrap_clusters
from models.evaluation.probability import (
    RankedScores,
    brier_score,
    calibration_error,
    equal_mass_bins,
    negative_log_likelihood,
    pr_auc,
    roc_auc,
)


def cases(seed: int, rows: int = 400, *, ties: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.random(rows)
    if ties:
        scores = np.round(scores, 1)
    return rng.random(rows) < scores, scores, rng.random(rows) + 0.1


@pytest.mark.parametrize("ties", [False, True])
def test_weighted_areas_agree_with_scikit_learn(ties: bool) -> None:
    outcomes, scores, weights = cases(1, ties=ties)
    assert roc_auc(outcomes, scores, weights) == pytest.approx(roc_auc_score(outcomes, scores, sample_weight=weights))
    expected = average_precision_score(outcomes, scores, sample_weight=weights)
    assert pr_auc(outcomes, scores, weights) == pytest.approx(expected)


def test_weighted_losses_agree_with_scikit_learn() -> None:
    outcomes, scores, weights = cases(2)
    clipped = np.clip(scores, 1e-9, 1 - 1e-9)
    assert brier_score(outcomes, clipped, weights) == pytest.approx(
        brier_score_loss(outcomes, clipped, sample_weight=weights)
    )
    expected = log_loss(outcomes, clipped, sample_weight=weights)
    assert negative_log_likelihood(outcomes, clipped, weights) == pytest.approx(expected)


def test_a_row_of_weight_two_counts_like_two_rows() -> None:
    outcomes, scores, _ = cases(3, rows=30, ties=True)
    weights = np.ones(30)
    weights[:10] = 2
    twice = np.r_[np.arange(30), np.arange(10)]
    assert pr_auc(outcomes, scores, weights) == pytest.approx(pr_auc(outcomes[twice], scores[twice]))
    assert roc_auc(outcomes, scores, weights) == pytest.approx(roc_auc(outcomes[twice], scores[twice]))


def test_a_constant_score_earns_the_base_rate_and_a_coin_flip() -> None:
    outcomes = np.array([True, False, False, False])
    assert pr_auc(outcomes, np.full(4, 0.3)) == pytest.approx(0.25)
    assert roc_auc(outcomes, np.full(4, 0.3)) == pytest.approx(0.5)


def test_areas_over_one_class_are_undefined() -> None:
    assert np.isnan(roc_auc(np.array([True, True]), np.array([0.1, 0.2])))
    assert np.isnan(pr_auc(np.array([False, False]), np.array([0.1, 0.2])))


@pytest.mark.parametrize("scores", [np.array([]), np.array([np.nan, 0.2]), np.array([np.inf, 0.2])])
def test_scores_that_cannot_be_ranked_are_refused(scores: np.ndarray) -> None:
    with pytest.raises(ValueError, match="scores"):
        RankedScores.of(np.zeros(len(scores), dtype=bool), scores)


def test_certain_and_wrong_costs_a_finite_amount() -> None:
    assert negative_log_likelihood(np.array([True]), np.array([0.0])) == pytest.approx(27.63, abs=0.01)


def test_true_probabilities_are_calibrated_and_overconfident_ones_are_not() -> None:
    rng = np.random.default_rng(5)
    truth = rng.beta(1, 6, 50_000)
    outcomes = rng.random(50_000) < truth
    assert calibration_error(outcomes, truth) < 0.01
    assert calibration_error(outcomes, np.clip(2 * truth, 0, 1)) > 0.1


def test_bins_hold_equal_mass_and_keep_ties_together() -> None:
    _, scores, _ = cases(6, rows=1500)
    assert np.bincount(equal_mass_bins(scores)).tolist() == [100] * 15
    rounded = np.round(scores, 1)
    bins = equal_mass_bins(rounded)
    assert all(len(set(bins[rounded == value])) == 1 for value in np.unique(rounded))


def test_intervals_widen_when_rows_of_a_cluster_repeat_each_other() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(size=60)
    repeated = np.repeat(values, 20)

    def width(clusters: np.ndarray) -> float:
        def mean(weights: np.ndarray) -> dict[str, float]:
            return {"mean": float(np.average(repeated, weights=weights))}

        intervals = bootstrap_clusters(mean, weights=np.ones(1200), clusters=clusters, seed=1, resamples=300)
        return intervals["mean"].high - intervals["mean"].low

    by_cluster, by_row = width(np.repeat(np.arange(60), 20)), width(np.arange(1200))
    assert by_cluster == pytest.approx(4 * 1.0 / np.sqrt(60), rel=0.35)  # about 3.92 standard errors of 60 cases
    assert by_row < by_cluster / 3


def test_a_difference_is_paired_so_a_model_differs_from_itself_by_nothing() -> None:
    outcomes, scores, weights = cases(9, rows=100)
    ranked = RankedScores.of(outcomes, scores)
    intervals = bootstrap_clusters(
        lambda drawn: {"gain": ranked.areas(drawn).pr_auc - ranked.areas(drawn).pr_auc},
        weights=weights,
        clusters=np.arange(100),
        seed=1,
        resamples=20,
    )
    assert (intervals["gain"].low, intervals["gain"].high) == (0.0, 0.0)


def test_a_figure_without_any_defined_resample_is_an_error() -> None:
    nothing = RankedScores.of(np.array([False, False]), np.array([0.1, 0.4]))
    with pytest.raises(ValueError, match="roc_auc was undefined"):
        bootstrap_clusters(
            lambda drawn: nothing.areas(drawn)._asdict(), weights=np.ones(2), clusters=np.arange(2), seed=1, resamples=5
        )
