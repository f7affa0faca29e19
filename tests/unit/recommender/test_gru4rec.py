"""The recurrent baseline: it learns a sequence, and its state knows the past alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.device import new_accelerator
from models.progress import Progress
from models.recommender.baselines import plain_popularity
from models.recommender.config import Gru4RecConfig, for_size
from models.recommender.evaluate import mean_ndcg, rank_cases
from models.recommender.gru4rec import GruEncoder, fit_gru4rec
from models.recommender.item_knn import cooccurrence
from models.recommender.leave_one_out import leave_one_out
from models.recommender.sequence_scorer import SequenceScorer

TINY = for_size("tiny")


@pytest.fixture(scope="module")
def trained():
    """A ring of 40 items that 150 shoppers walk along."""
    rng = np.random.default_rng(1)
    starts = rng.integers(40, size=150)
    split = leave_one_out([[f"{(start + step) % 40:02d}" for step in range(9)] for start in starts])
    config = replace(TINY, gru4rec=replace(TINY.gru4rec, epochs=4))
    reports: list[Progress] = []
    fitted = fit_gru4rec(
        split.train,
        cooccurrence(split.train, config.item_knn),
        config,
        epochs=config.gru4rec.epochs,
        validate=None,
        seed=3,
        accelerator=new_accelerator("cpu", "fp32"),
        report=reports.append,
    )
    return split, fitted, reports


def test_the_next_item_of_a_ring_is_learnt(trained):
    split, fitted, reports = trained
    assert fitted.losses[-1] < fitted.losses[0]
    assert len(reports) == fitted.epochs == 4
    scorers = {
        "gru": SequenceScorer.of(fitted.model, length=50),
        "popularity": plain_popularity(split.train),
    }
    ranked = rank_cases(scorers, {name: {name: 1.0} for name in scorers}, split.test, lists=False)
    users = np.array([case.user for case in split.test])
    assert mean_ndcg(ranked["gru"], users) > 2 * mean_ndcg(ranked["popularity"], users)


def test_the_state_after_an_item_knows_nothing_of_what_follows():
    encoder = GruEncoder(width=4, dropout=0.5).eval()
    items = torch.randn(1, 5, 4)
    changed = items.clone()
    changed[:, 3:] = 7.0
    kinds = torch.ones(1, 5, dtype=torch.int64)
    assert torch.equal(encoder(items, kinds)[:, :3], encoder(changed, kinds)[:, :3])
    assert not torch.allclose(encoder(items, kinds)[:, 3:], encoder(changed, kinds)[:, 3:])


@pytest.mark.parametrize("change", [{"width": 0}, {"dropout": 1.0}, {"learning_rate": 0.0}, {"patience": 0}])
def test_an_impossible_setting_is_refused(change):
    with pytest.raises(ValueError, match=r"\w"):
        replace(Gru4RecConfig(), **change)
