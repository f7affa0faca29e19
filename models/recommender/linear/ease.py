"""EASE: every item regressed on all others, in closed form.

Source: H. Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019: with the Gram matrix G of the
user-item matrix and P = (G + λI)⁻¹, the weights are B_ij = -P_ij / P_jj, with a zero diagonal.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from scipy import sparse

from models.recommender.dataset import Interactions
from models.recommender.history import HistoryConfig
from models.recommender.scoring import Neighbours


@dataclass(frozen=True, kw_only=True)
class EaseConfig:
    """EASE, a linear item-to-item regression in closed form."""

    history: HistoryConfig = field(default_factory=HistoryConfig)
    """What a history item counts when scores are summed."""
    regularisation: float = 50.0
    """Added to the diagonal of the Gram matrix."""
    max_items: int = 6_000
    """Only this many items, by distinct users, take part: the inverse takes n³ (8,000 items: 8 s on two cores)."""
    neighbours: int = 200
    """Weights kept per item, by size; the served scores are those of the kept weights."""

    def __post_init__(self) -> None:
        if self.regularisation <= 0:
            raise ValueError("regularisation must be above 0, or the Gram matrix may have no inverse")
        if min(self.max_items, self.neighbours) < 1:
            raise ValueError("max_items and neighbours must be at least 1")


def fit_ease(train: Interactions, config: EaseConfig, *, device: str) -> Neighbours:
    """Return the strongest weights of each item; items beyond ``max_items`` by distinct users have none.

    Runs in float32 on ``device``: 6,000 items take 150 MB a matrix and about 4 s on two cores.
    """
    chosen = _popular_items(train, config.max_items)
    weights = _weights(train, chosen, config.regularisation, device=device)
    dense = Neighbours.from_rows(
        weights,
        keep=config.neighbours,
        decay=config.history.decay,
        behaviour_weights=config.history.behaviour_weights,
    )
    items_NK = np.zeros((train.items, dense.items_NK.shape[1]), dtype=np.int32)
    weights_NK = np.zeros(items_NK.shape, dtype=np.float32)
    items_NK[chosen] = chosen[dense.items_NK]
    weights_NK[chosen] = dense.weights_NK
    return Neighbours(
        items_NK=items_NK, weights_NK=weights_NK, decay=dense.decay, behaviour_weights=dense.behaviour_weights
    )


def _popular_items(train: Interactions, max_items: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    users_per_item = train.distinct_users_per_item()
    ranked = np.argsort(-users_per_item, kind="stable")[:max_items]
    # An item of a single user has no weight worth keeping, and one without users has none.
    return np.sort(ranked[users_per_item[ranked] >= 2])


def _weights(
    train: Interactions, chosen: np.ndarray[tuple[int], np.dtype[np.int64]], regularisation: float, *, device: str
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    if len(chosen) == 0:
        return np.zeros((0, 1), dtype=np.float32)
    first = train.first_contacts() & np.isin(train.items_E, chosen)
    rows, columns = train.users_E[first], np.searchsorted(chosen, train.items_E[first])
    matrix = sparse.coo_array(
        (np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=(int(rows.max()) + 1, len(chosen))
    ).tocsr()
    gram = torch.from_numpy((matrix.T @ matrix).toarray()).to(device)
    gram.diagonal().add_(regularisation)
    # In place: 18,000 items take 1.3 GB a matrix, and two of them are enough.
    torch.linalg.cholesky(gram, out=gram)
    weights = torch.cholesky_inverse(gram)
    del gram
    weights /= -weights.diagonal().clone()
    weights.fill_diagonal_(0.0)
    return weights.cpu().numpy()
