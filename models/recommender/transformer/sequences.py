"""Histories as padded batches for the transformer, in an order that depends on nothing but the seed and the epoch.

Shapes: B histories, L interactions, K negatives. Rows are item codes + 1; 0 is padding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.recommender.dataset import Interactions
from models.recommender.history import History

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class TrainingHistory:
    """A stretch of one user's interactions and, after each, the row of the next new item (0: nothing to learn)."""

    rows: Ints
    behaviours: Ints
    targets: Ints


@dataclass(frozen=True)
class Batch:
    """Padded on the right."""

    rows_BL: Ints
    behaviours_BL: Ints
    targets_BL: Ints
    negatives_K: Ints


def training_histories(train: Interactions, *, length: int) -> list[TrainingHistory]:
    """Cut every user's interactions into stretches of at most ``length`` and name the target after each of them.

    The target is the next item that the user had not interacted with before, which is what is recommended, not the
    purchase of what already lies in the cart. Stretches overlap by a quarter; a target is learnt
    once, with the longer past.
    """
    first_E = train.first_contacts()
    stretches: list[TrainingHistory] = []
    for rows in train.user_slices():
        items, behaviours = train.items_E[rows] + 1, train.behaviours_E[rows]
        targets = _next_new(items, first_E[rows])
        stride = max(3 * length // 4, 1)
        learnt = 0
        for start in range(0, max(len(items) - length, 0) + stride, stride):
            end = min(start + length, len(items))
            fresh = targets[start:end].copy()
            fresh[: learnt - start] = 0
            if fresh.any():
                stretches.append(TrainingHistory(items[start:end], behaviours[start:end], fresh))
            learnt = end
            if end == len(items):
                break
    return stretches


def _next_new(items: Ints, first: NDArray[np.bool_]) -> Ints:
    places = np.flatnonzero(first)
    following = np.searchsorted(places, np.arange(len(items)), side="right")
    exists = following < len(places)
    targets = np.zeros(len(items), dtype=np.int64)
    targets[exists] = items[places[following[exists]]]
    return targets


def batches(
    histories: Sequence[TrainingHistory],
    *,
    batch_size: int,
    batch_places: int = 0,
    items: int,
    negatives: int,
    seed: int,
    epoch: int,
    interaction_dropout: float = 0.0,
) -> Iterator[Batch]:
    """Yield one epoch: shuffled, bucketed by length (half of all places would be padding otherwise), shuffled again.

    A batch of short histories is filled up to ``batch_places``.

    ``negatives`` 0 asks for the full softmax. Negatives are uniform, distinct and shared by a batch. Of the
    interactions a share ``interaction_dropout`` is taken out, other ones in each epoch; the rest still predicts what
    came next.
    """
    rng = np.random.default_rng([seed, epoch])
    if interaction_dropout:
        histories = _thinned(histories, interaction_dropout, rng)
    order = rng.permutation(len(histories))
    lengths = np.array([len(history.rows) for history in histories])
    bucket = 20 * batch_size
    grouped = [
        piece[np.argsort(lengths[piece], kind="stable")]
        for piece in (order[start : start + bucket] for start in range(0, len(order), bucket))
    ]
    chunks = [chunk for piece in grouped for chunk in _chunks(piece, lengths[piece], batch_size, batch_places)]
    for index in rng.permutation(len(chunks)):
        chosen = [histories[row] for row in chunks[index]]
        sampled = rng.choice(items, negatives, replace=False) + 1 if negatives else np.zeros(0, dtype=np.int64)
        yield Batch(
            rows_BL=_padded([history.rows for history in chosen]),
            behaviours_BL=_padded([history.behaviours for history in chosen]),
            targets_BL=_padded([history.targets for history in chosen]),
            negatives_K=sampled.astype(np.int64),
        )


def _chunks(histories: Ints, lengths: Ints, batch_size: int, batch_places: int) -> Iterator[Ints]:
    """Yield stretches of histories, sorted by length, of at least ``batch_size`` or of ``batch_places`` together."""
    start = 0
    while start < len(histories):
        end = start + max(batch_size, batch_places // int(lengths[start]))
        yield histories[start:end]
        start = end


def _thinned(histories: Sequence[TrainingHistory], share: float, rng: np.random.Generator) -> list[TrainingHistory]:
    thinned = []
    for history in histories:
        mask = rng.random(len(history.rows)) >= share
        if not history.targets[mask].any():
            mask = history.targets > 0
        thinned.append(TrainingHistory(history.rows[mask], history.behaviours[mask], history.targets[mask]))
    return thinned


def padded_histories(histories: Sequence[History], *, length: int) -> tuple[Ints, Ints]:
    """Return rows and behaviours of the newest ``length`` interactions, padded on the right to the longest."""
    recent = [history.last(length) for history in histories]
    return (
        _padded([history.items + 1 for history in recent]),
        _padded([history.behaviours for history in recent]),
    )


def _padded(pieces: Sequence[Ints]) -> Ints:
    max_length = max((len(piece) for piece in pieces), default=0)
    padded = np.zeros((len(pieces), max(max_length, 1)), dtype=np.int64)
    for row, piece in enumerate(pieces):
        padded[row, : len(piece)] = piece
    return padded
