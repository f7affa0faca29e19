"""GRU4Rec: a recurrent network over the items of a session or history; a baseline, not a part of what is served.

Source: B. Hidasi, A. Karatzoglou, "Recurrent neural networks with top-k gains for session-based recommendations", CIKM
2018, with tied item vectors. The loss is the cross-entropy that the transformer learns by, over all items or, above
``full_softmax_items``, over sampled ones: with the same loss, networks differ in what reads the history alone.

Shapes: B histories, L interactions, D width.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from models.progress import ReportProgress
from models.recommender.config import RecommenderConfig, TransformerConfig
from models.recommender.dataset import Interactions
from models.recommender.fit_transformer import Trained, train_model
from models.recommender.item_knn import Similarity, item_factors
from models.recommender.model import ItemTable, SequenceModel
from models.recommender.sequence_scorer import SequenceScorer


class GruEncoder(nn.Module):
    """From item vectors to what comes next; the kind of an interaction is not read, as in the source."""

    def __init__(self, *, width: int, dropout: float) -> None:
        super().__init__()
        self.scale = width**0.5
        self.drop = nn.Dropout(dropout)
        self.recurrent = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, width)

    def forward(self, items_BLD: Tensor, behaviours_BL: Tensor) -> Tensor:
        """Return the state after each interaction, (B, L, D); padding is on the right, behind every state asked for."""
        hidden_BLD, _ = self.recurrent(self.drop(items_BLD * self.scale))
        out_BLD: Tensor = self.out(self.drop(hidden_BLD))
        return out_BLD


def fit_gru4rec(
    train: Interactions,
    similarity: Similarity,
    config: RecommenderConfig,
    *,
    epochs: int,
    validate: Callable[[SequenceScorer], float] | None,
    seed: int,
    accelerator: Accelerator,
    report: ReportProgress,
) -> Trained:
    """Train for ``epochs``, or until ``validate`` (higher is better) has not improved for a while.

    Args:
        train: what may be learnt from; a user's interactions are one session, or one history.
        similarity: of the same data; the item vectors start as its factors, as the transformer's do. From random ones,
            eight epochs of RetailRocket's sessions reach a validation NDCG@10 of .010, from factors .039.
        config: the network's own sizes and rates; batches and negatives are those of the transformer.
        epochs: at most this many passes.
        validate: scores the model on held-out cases; without it, the last epoch's weights are kept.
        seed: of the weights, the order, the negatives and the dropout.
        accelerator: device, precision and processes.
        report: called after every epoch.
    """
    own = config.gru4rec
    torch.manual_seed(seed)
    no_attributes_NA = np.zeros((train.items, 0), dtype=np.int64)
    table = ItemTable.over(train, no_attributes_NA, item_factors(similarity, width=own.width, seed=seed))
    return train_model(
        SequenceModel(table, GruEncoder(width=own.width, dropout=own.dropout)),
        train,
        config=_loop(config),
        epochs=epochs,
        validate=validate,
        seed=seed,
        accelerator=accelerator,
        checkpoint=None,
        fingerprint="",
        report=report,
    )


def _loop(config: RecommenderConfig) -> TransformerConfig:
    """Return the training loop's settings: the transformer's, but for what a recurrent network needs otherwise."""
    own = config.gru4rec
    return replace(
        config.transformer,
        width=own.width,
        heads=1,
        learning_rate=own.learning_rate,
        batch_size=own.batch_size,
        epochs=own.epochs,
        patience=own.patience,
        averaging=0.0,
    )
