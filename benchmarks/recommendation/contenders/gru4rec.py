"""GRU4Rec: a recurrent network over the items of a session or history; a baseline, not a part of what is served.

Source: B. Hidasi, A. Karatzoglou, "Recurrent neural networks with top-k gains for session-based recommendations", CIKM
2018, with tied item vectors. The loss is the cross-entropy that the transformer learns by, over all items or, above
``full_softmax_items``, over sampled ones: with the same loss, networks differ in what reads the history alone.

Shapes: B histories, L interactions, D width.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.progress import ReportProgress
from models.recommender.dataset import Case, Interactions
from models.recommender.evaluate import mean_ndcg, rank_cases
from models.recommender.linear.item_knn import Similarity, item_factors
from models.recommender.transformer.fit import train_model
from models.recommender.transformer.item_table import ItemTable
from models.recommender.transformer.model import SequenceModel, TransformerConfig
from models.recommender.transformer.scorer import SequenceScorer
from models.recommender.views import Run
from shopsight.settings import Size

GRU4REC = "gru4rec"
"""Its name in the tables of leave-one-out and of sessions, where the order of a history is asked about."""
_STOPPING_CASES = 1_500


@dataclass(frozen=True, kw_only=True)
class Gru4RecConfig:
    """Sizes and rates; length, negatives and clipping are the transformer's."""

    hidden_size: int = 64
    """Size of an item's vector and of the recurrent state."""
    dropout: float = 0.3
    """Share of the inputs and of the states dropped in training."""
    learning_rate: float = 5e-3
    """Peak rate of AdamW."""
    batch_size: int = 64
    """Histories per optimiser step."""
    epochs: int = 8
    """At most this many passes over the training histories."""
    patience: int = 2
    """Stop after this many epochs without a better validation NDCG@10."""

    def __post_init__(self) -> None:
        if min(self.hidden_size, self.batch_size, self.epochs, self.patience) < 1:
            raise ValueError("sizes and counts must be at least 1")
        if not 0 <= self.dropout < 1 or self.learning_rate <= 0:
            raise ValueError("dropout must be in [0, 1) and learning_rate above 0")


def for_size(size: Size) -> Gru4RecConfig:
    """Return the preset beside that of the transformer."""
    return Gru4RecConfig(hidden_size=16, batch_size=32, epochs=2) if size == "tiny" else Gru4RecConfig()


class GruEncoder(nn.Module):
    """From item vectors to what comes next; the kind of an interaction is not read, as in the source."""

    def __init__(self, *, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.scale = hidden_size**0.5
        self.drop = nn.Dropout(dropout)
        self.recurrent = nn.GRU(hidden_size, hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, hidden_size)

    def forward(self, items_BLD: Tensor, behaviours_BL: Tensor) -> Tensor:  # noqa: ARG002 - called as the transformer is
        """Return the state after each interaction, (B, L, D); padding is on the right, behind every state asked for."""
        hidden_BLD, _ = self.recurrent(self.drop(items_BLD * self.scale))
        out_BLD: Tensor = self.out(self.drop(hidden_BLD))
        return out_BLD


def fit_gru4rec(
    train: Interactions,
    similarity: Similarity,
    config: Gru4RecConfig,
    run: Run,
    *,
    stop_on: Sequence[Case],
    epochs: int,
    report: ReportProgress,
) -> tuple[SequenceScorer, dict[str, Any]]:
    """Return the network after ``epochs``, or its best on ``stop_on``, if there are any, and how it was trained.

    Args:
        train: what may be learnt from; a user's interactions are one session, or one history.
        similarity: of the same data; the item vectors start as its factors, as the transformer's do. From random ones,
            eight epochs of RetailRocket's sessions reach a validation NDCG@10 of .010, from factors .039.
        config: the network's own sizes and rates.
        run: batches and negatives are those of its transformer.
        stop_on: validation cases, of which an evenly spaced part is read after each epoch.
        epochs: at most this many passes.
        report: told of every epoch.
    """
    cases = stop_on[:: -(-len(stop_on) // _STOPPING_CASES)] if stop_on else []
    users_C = np.array([case.user for case in cases], dtype=np.int64)

    def validate(scorer: SequenceScorer) -> float:
        return mean_ndcg(rank_cases({GRU4REC: scorer}, {GRU4REC: {GRU4REC: 1.0}}, cases, lists=False)[GRU4REC], users_C)

    started = time.process_time()
    torch.manual_seed(run.seed)
    no_attributes_NA = np.zeros((train.items, 0), dtype=np.int64)
    table = ItemTable.of(train, no_attributes_NA, item_factors(similarity, width=config.hidden_size, seed=run.seed))
    trained = train_model(
        SequenceModel(table, GruEncoder(hidden_size=config.hidden_size, dropout=config.dropout)),
        train,
        config=_loop(config, run.config.transformer),
        epochs=epochs,
        validate=validate if cases else None,
        seed=run.seed,
        accelerator=run.accelerator,
        checkpoint=None,
        fingerprint="",
        report=report,
    )
    how = {
        "epochs": trained.epochs,
        "validation_by_epoch": [round(value, 5) for value in trained.validation],
        "losses": [round(loss, 4) for loss in trained.losses],
        "parameters": sum(parameter.numel() for parameter in trained.model.parameters()),
        "train_cpu_seconds": round(time.process_time() - started, 1),
    }
    return SequenceScorer.of(trained.model, length=run.config.transformer.max_length), how


def _loop(own: Gru4RecConfig, transformer: TransformerConfig) -> TransformerConfig:
    """Return the training loop's settings: the transformer's, but for what a recurrent network needs otherwise."""
    return replace(
        transformer,
        hidden_size=own.hidden_size,
        num_heads=1,
        learning_rate=own.learning_rate,
        batch_size=own.batch_size,
        epochs=own.epochs,
        patience=own.patience,
        ema_decay=0.0,
    )
