"""The recurrent baseline: it learns a sequence, and its state knows the past alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.recommendation.contenders.gru4rec import Gru4RecConfig, GruEncoder, fit_gru4rec
from benchmarks.recommendation.split import leave_one_out
from models.device import new_accelerator
from models.progress import Progress
from models.recommender.baselines import plain_popularity
from models.recommender.config import for_size
from models.recommender.evaluate import mean_ndcg, rank_cases
from models.recommender.linear.item_knn import cooccurrence
from models.recommender.views import Run

TINY = for_size("tiny")


@pytest.fixture(scope="module")
def trained():
    """A ring of 40 items that 150 shoppers walk along."""
    rng = np.random.default_rng(1)
    starts = rng.integers(40, size=150)
    split = leave_one_out([[f"{(start + step) % 40:02d}" for step in range(9)] for start in starts])
    run = Run(config=TINY, seed=3, accelerator=new_accelerator("cpu", "fp32"), checkpoints=None)
    reports: list[Progress] = []
    scorer, how = fit_gru4rec(
        split.train,
        cooccurrence(split.train, TINY.item_knn),
        Gru4RecConfig(hidden_size=16, batch_size=32),
        run,
        stop_on=(),
        epochs=4,
        report=reports.append,
    )
    return split, scorer, how, reports


def test_the_next_item_of_a_ring_is_learnt(trained):
    split, scorer, how, reports = trained
    assert how["losses"][-1] < how["losses"][0]
    assert len(reports) == how["epochs"] == 4
    scorers = {
        "gru": scorer,
        "popularity": plain_popularity(split.train),
    }
    ranked = rank_cases(scorers, {name: {name: 1.0} for name in scorers}, split.test, lists=False)
    users = np.array([case.user for case in split.test])
    assert mean_ndcg(ranked["gru"], users) > 2 * mean_ndcg(ranked["popularity"], users)


def test_the_state_after_an_item_knows_nothing_of_what_follows():
    encoder = GruEncoder(hidden_size=4, dropout=0.5).eval()
    items = torch.randn(1, 5, 4)
    changed = items.clone()
    changed[:, 3:] = 7.0
    kinds = torch.ones(1, 5, dtype=torch.int64)
    assert torch.equal(encoder(items, kinds)[:, :3], encoder(changed, kinds)[:, :3])
    assert not torch.allclose(encoder(items, kinds)[:, 3:], encoder(changed, kinds)[:, 3:])


@pytest.mark.parametrize("change", [{"hidden_size": 0}, {"dropout": 1.0}, {"learning_rate": 0.0}, {"patience": 0}])
def test_an_impossible_setting_is_refused(change):
    with pytest.raises(ValueError, match=r"\w"):
        replace(Gru4RecConfig(), **change)
