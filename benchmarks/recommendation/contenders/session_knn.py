"""V-SKNN: what shoppers did in the sessions that share most with this one, its newest items counting most.

Source: M. Ludewig, D. Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 28 (2018), where it beats
many networks. Shapes: S sessions of the training part, B histories, N items.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from models.recommender.dataset import Interactions
from models.recommender.history import History
from models.recommender.scoring import Scores


@dataclass(frozen=True, kw_only=True)
class SessionKnnConfig:
    """V-SKNN."""

    neighbours: int = 100
    """Nearest sessions that vote."""
    max_items: int = 10
    """Newest distinct items of the current session that are compared."""

    def __post_init__(self) -> None:
        if min(self.neighbours, self.max_items) < 1:
            raise ValueError("neighbours and max_items must be at least 1")


@dataclass(frozen=True, kw_only=True)
class SessionKnn:
    """The training sessions, each a row of 1 / sqrt(length) at its items."""

    sessions_SN: Any  # scipy ships no types
    config: SessionKnnConfig

    def scores(self, histories: Sequence[History]) -> Scores:
        """Return the similarity-weighted votes of each history's nearest sessions, shape (B, N)."""
        shape = (len(histories), self.sessions_SN.shape[1])
        weights: list[float] = []
        items: list[int] = []
        starts = [0]
        for history in histories:
            newest = list(dict.fromkeys(history.items[::-1].tolist()))[: self.config.max_items]
            items += newest
            weights += [1 - place / len(newest) for place in range(len(newest))]
            starts.append(len(items))
        current_BN = sparse.csr_array((np.array(weights, dtype=np.float32), np.array(items), starts), shape=shape)
        similar_BS = _largest((current_BN @ self.sessions_SN.T).tocsr(), self.config.neighbours)
        votes: Scores = (similar_BS @ self.sessions_SN).toarray().astype(np.float32)
        return votes


def fit_session_knn(train: Interactions, config: SessionKnnConfig) -> SessionKnn:
    """Return the sessions of ``train``, whose users are sessions."""
    first_E = train.first_contacts()
    rows = np.unique(train.users_E[first_E], return_inverse=True)[1]
    items = train.items_E[first_E]
    lengths = np.bincount(rows)
    values = (1 / np.sqrt(lengths[rows])).astype(np.float32)
    matrix = sparse.coo_array((values, (rows, items)), shape=(len(lengths), train.items)).tocsr()
    return SessionKnn(sessions_SN=matrix, config=config)


def _largest(similar_BS: Any, keep: int) -> Any:
    """Return each row's ``keep`` largest entries."""
    kept_data, kept_columns, starts = [], [], [0]
    for row in range(similar_BS.shape[0]):
        part = slice(similar_BS.indptr[row], similar_BS.indptr[row + 1])
        data, columns = similar_BS.data[part], similar_BS.indices[part]
        if len(data) > keep:
            best = np.argpartition(-data, keep - 1)[:keep]
            data, columns = data[best], columns[best]
        kept_data.append(data)
        kept_columns.append(columns)
        starts.append(starts[-1] + len(data))
    return sparse.csr_array((np.concatenate(kept_data), np.concatenate(kept_columns), starts), shape=similar_BS.shape)
