"""The committee of boosted trees: honest on rows it did not see, exact in its reasons, the same for the same seed."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.purchase_intent.thresholds import best_threshold, f1_score
from models.evaluation.probability import calibration_error, roc_auc
from models.tabular.committee import Committee, CommitteeConfig, deal_people, fit_committee

CONFIG = CommitteeConfig(members=3, repeats=1, learning_rate=0.1, rounds=60, early_stopping_rounds=10, threads=1)


def table(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, outcomes and the true probabilities they were drawn with."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, 4))
    truth = 1 / (1 + np.exp(2 - 1.5 * features[:, 0] - np.maximum(features[:, 1], 0)))
    return features, rng.random(rows) < truth, truth


@pytest.fixture(scope="module")
def committee() -> Committee:
    features, outcomes, _ = table(3_000, seed=1)
    return fit_committee(features, outcomes, config=CONFIG, seed=1)


def test_it_ranks_unseen_rows_nearly_as_well_as_the_truth_does_and_its_probabilities_are_true(committee) -> None:
    features, outcomes, truth = table(4_000, seed=2)
    probabilities = committee.probabilities(features)
    assert roc_auc(outcomes, probabilities) > roc_auc(outcomes, truth) - 0.02
    assert calibration_error(outcomes, probabilities) < 0.03


def test_held_out_answers_are_no_better_than_answers_on_new_rows(committee) -> None:
    _, outcomes, _ = table(3_000, seed=1)
    features, later, _ = table(4_000, seed=2)
    assert abs(roc_auc(outcomes, committee.held_out) - roc_auc(later, committee.probabilities(features))) < 0.03


def test_contributions_sum_to_the_log_odds(committee) -> None:
    features, _, _ = table(50, seed=3)
    probabilities = committee.probabilities(features)
    log_odds = np.log(probabilities / (1 - probabilities))
    np.testing.assert_allclose(committee.contributions(features).sum(axis=1), log_odds, atol=1e-9)


def test_the_same_seed_grows_the_same_committee(committee) -> None:
    features, outcomes, _ = table(3_000, seed=1)
    again = fit_committee(features, outcomes, config=CONFIG, seed=1)
    np.testing.assert_array_equal(again.held_out, committee.held_out)


def test_rows_of_one_person_are_never_on_both_sides() -> None:
    # Each person's rows are alike and their outcome is a coin's: only somebody who saw the person can know it.
    rng = np.random.default_rng(5)
    features, outcomes = np.repeat(rng.normal(size=(600, 3)), 5, axis=0), np.repeat(rng.random(600) < 0.5, 5)
    people = np.repeat(np.arange(600), 5)
    config = replace(CONFIG, num_leaves=63, min_rows_in_leaf=4)
    apart = fit_committee(features, outcomes, config=config, seed=1, groups=people)
    mixed = fit_committee(features, outcomes, config=config, seed=1)
    assert roc_auc(outcomes, apart.held_out) < 0.6
    assert roc_auc(outcomes, mixed.held_out) > 0.8


def test_too_few_of_one_outcome_are_refused() -> None:
    features, outcomes, _ = table(100, seed=1)
    with pytest.raises(ValueError, match="as many rows of each outcome"):
        fit_committee(features, np.zeros_like(outcomes), config=CONFIG, seed=1)


def test_the_best_threshold_is_the_one_with_the_highest_f1() -> None:
    outcomes, probabilities = np.array([True, False, True, False, False]), np.array([0.9, 0.8, 0.7, 0.2, 0.1])
    chosen = best_threshold(outcomes, probabilities)
    assert chosen == 0.7
    scores = [f1_score(outcomes, probabilities >= threshold) for threshold in probabilities]
    assert f1_score(outcomes, probabilities >= chosen) == max(scores) == pytest.approx(0.8)


def test_many_people_are_dealt_to_folds_with_as_many_positives_each() -> None:
    rng = np.random.default_rng(3)
    people = np.repeat(np.arange(3_000), 2)
    outcomes = rng.random(len(people)) < 0.1

    folds = deal_people(outcomes, people, 3, seed=1)

    assert sorted(np.concatenate([outside for _, outside in folds]).tolist()) == list(range(len(people)))
    assert all(not np.intersect1d(people[inside], people[outside]).size for inside, outside in folds)
    shares = [outcomes[outside].mean() for _, outside in folds]
    assert max(shares) - min(shares) < 0.01
