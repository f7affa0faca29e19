"""Item-kNN: cosine over co-occurrence, counted within a window of each shopper's history and weighted by distance.

Source: B. Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001; the weight by
distance is that of M. Ludewig, D. Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 28 (2018).
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.recommender.config import ItemKnnConfig
from models.recommender.dataset import Interactions
from models.recommender.scoring import Neighbours

Similarity: TypeAlias = sparse.csr_array  # scipy ships no types: mypy can't take its subscript
"""Row i: what an interaction with i says for every other item, shape (N, N)."""


def cooccurrence(train: Interactions, config: ItemKnnConfig) -> Similarity:
    """Return the similarities of all items, directed where ``config.backward`` is not 1.

    Time and memory grow with interactions × window, not with users × items².
    """
    first = train.first_contacts()
    users, items = train.users_E[first], train.items_E[first]
    shape = (train.items, train.items)
    similarity = sparse.csr_array(shape, dtype=np.float32)
    for distance in range(1, min(config.window, max(len(items) - 1, 0)) + 1):
        same_user = users[distance:] == users[:-distance]
        left, right = items[:-distance][same_user], items[distance:][same_user]
        weight = np.full(len(left), distance**-config.distance_power, dtype=np.float32)
        similarity = similarity + sparse.coo_array((weight, (left, right)), shape=shape).tocsr()
    total_N = np.asarray(similarity.sum(axis=0) + similarity.sum(axis=1)).ravel() + config.shrinkage
    scale = sparse.diags_array(1.0 / np.sqrt(np.maximum(total_N, 1e-9)))
    directed = similarity + config.backward * similarity.T
    return (scale @ directed @ scale).tocsr().astype(np.float32)


def item_factors(similarity: Similarity, *, width: int, seed: int) -> NDArray[np.float32]:
    """Return vectors whose dot products approximate the mean of both directions, shape (N, ``width``), mean norm 1.

    A randomised subspace iteration: N. Halko, P. Martinsson, J. Tropp, "Finding structure with randomness", SIAM
    Review 53 (2011). Four rounds on 26,000 items take under two seconds.
    """
    items = similarity.shape[0]
    rank = min(width, items)
    similarity = (similarity + similarity.T).tocsr()
    basis = np.random.default_rng(seed).standard_normal((items, rank)).astype(np.float32)
    for _ in range(4):
        basis, _triangle = np.linalg.qr(similarity @ basis)
    small = basis.T @ (similarity @ basis)
    values, rotation = np.linalg.eigh((small + small.T) / 2)
    factors = (basis @ rotation) * np.sqrt(np.abs(values))
    norms = np.linalg.norm(factors, axis=1)
    padded = np.zeros((items, width), dtype=np.float32)
    padded[:, :rank] = factors / max(float(norms[norms > 0].mean()) if norms.any() else 1.0, 1e-12)
    return padded


def fit_item_knn(similarity: Similarity, config: ItemKnnConfig) -> Neighbours:
    """Return the strongest neighbours of every item."""
    items = similarity.shape[0]
    keep = max(min(config.neighbours, int(np.diff(similarity.indptr).max(initial=1))), 1)
    items_NK = np.zeros((items, keep), dtype=np.int32)
    weights_NK = np.zeros((items, keep), dtype=np.float32)
    for item in range(items):
        row = slice(similarity.indptr[item], similarity.indptr[item + 1])
        order = np.argsort(-similarity.data[row], kind="stable")[:keep]
        items_NK[item, : len(order)] = similarity.indices[row][order]
        weights_NK[item, : len(order)] = similarity.data[row][order]
    return Neighbours(
        items_NK=items_NK,
        weights_NK=weights_NK,
        decay=config.history.decay,
        behaviour_weights=np.array([0.0, *config.history.behaviour_weights]),
    )
