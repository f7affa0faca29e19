"""Ranking metrics against hand calculation, brute force, scikit-learn and torchmetrics."""

import doctest

import numpy as np
import pytest
import torch
from sklearn.metrics import ndcg_score
from torchmetrics.retrieval import RetrievalMRR, RetrievalNormalizedDCG, RetrievalRecall

from models.evaluation import ranking
from models.evaluation.ranking import coverage, mean_per_user, mrr_at, ndcg_at, rank_of_target, recall_at, top_items

NOTHING = np.array([], dtype=np.int64)


def test_the_examples_in_the_module_hold():
    failed, tried = doctest.testmod(ranking)
    assert (failed, tried > 5) == (0, True)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_ndcg_agrees_with_scikit_learn(k):
    rng = np.random.default_rng(0)
    scores = rng.permuted(np.tile(np.arange(30.0), (200, 1)), axis=1)
    targets = rng.integers(0, 30, 200)
    ranks = np.array([rank_of_target(row, int(target), NOTHING) for row, target in zip(scores, targets, strict=True)])
    assert ndcg_at(ranks, k).mean() == pytest.approx(ndcg_score(np.eye(30)[targets], scores, k=k))


@pytest.mark.parametrize("k", [1, 5, 10, 20])
@pytest.mark.parametrize(
    ("ours", "theirs"), [(ndcg_at, RetrievalNormalizedDCG), (recall_at, RetrievalRecall), (mrr_at, RetrievalMRR)]
)
def test_ndcg_recall_and_mrr_agree_with_torchmetrics(ours, theirs, k):
    """torchmetrics sees the masked items as gone from the list and forms each user's mean by itself."""
    rng = np.random.default_rng(1)
    scores = rng.permuted(np.tile(np.arange(40.0), (100, 1)), axis=1)
    metric, ranks = theirs(top_k=k), []
    for user, row in enumerate(scores):
        target = int(rng.integers(40))
        masked = np.setdiff1d(rng.choice(40, 6, replace=False), [target])
        ranks.append(rank_of_target(row, target, masked))
        unmasked = np.setdiff1d(np.arange(40), masked)
        metric.update(
            torch.from_numpy(row[unmasked]),
            torch.from_numpy(unmasked == target),
            indexes=torch.full((len(unmasked),), user),
        )
    assert ours(np.array(ranks), k).mean() == pytest.approx(float(metric.compute()))


@pytest.mark.parametrize("seed", range(5))
def test_the_rank_is_the_place_in_the_list_that_would_be_shown(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, 40).astype(np.float32)  # many ties
    target = int(rng.integers(40))
    masked = np.setdiff1d(rng.choice(40, 8, replace=False), [target])
    ranked_items = top_items(scores, length=40, masked=masked)
    assert ranked_items[rank_of_target(scores, target, masked) - 1] == target
    by_hand = sorted(set(range(40)) - set(masked.tolist()), key=lambda item: (-scores[item], item))
    assert ranked_items.tolist() == by_hand


def test_a_list_is_no_longer_than_what_may_be_shown():
    assert top_items(np.arange(4.0), length=10, masked=np.array([0, 2])).tolist() == [3, 1]
    assert top_items(np.arange(2.0), length=3, masked=np.array([0, 1])).tolist() == []


def test_metrics_by_hand_for_ranks_one_three_and_fifteen():
    ranks = np.array([1, 3, 15])
    assert ndcg_at(ranks, 10).tolist() == [1.0, 0.5, 0.0]
    assert recall_at(ranks, 20).tolist() == [1.0, 1.0, 1.0]
    assert mrr_at(ranks, 10) == pytest.approx([1.0, 1 / 3, 0.0])


def test_a_user_with_many_targets_weighs_as_much_as_one_with_a_single_target():
    users, means = mean_per_user(np.array([1.0, 0.0, 0.0, 0.0, 1.0]), np.array([4, 4, 4, 4, 2]))
    assert users.tolist() == [2, 4]
    assert means.tolist() == [1.0, 0.25]


def test_coverage_counts_an_item_once_and_padding_never():
    assert coverage(np.array([[3, 3, -1], [3, 2, -1]]), 8) == 0.25
