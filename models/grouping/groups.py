"""Behaviour groups: k-means over standardised traits, the number chosen by how alike the groups of two halves are.

A number of groups counts where two models, each fitted to one half of the shoppers, put all shoppers into the same
groups (adjusted Rand index). Sources: A. Ben-Hur, A. Elisseeff, I. Guyon, "A stability based method for discovering
structure in clustered data" (2002); L. Hubert, P. Arabie, "Comparing partitions" (1985).

Shapes: U shoppers, T traits, G groups.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.grouping.traits import TRAITS

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

COUNTS: Final = (3, 4, 5, 6, 7, 8)
"""Numbers of groups that are tried."""
STABLE: Final = 0.8
"""Adjusted Rand index of two halves with which a number of groups is stable; the largest such number is taken."""
SPLITS: Final = 3
"""Random halvings behind each index."""
MAX_FITTED: Final = 20_000
"""Shoppers that centres are fitted to; all are assigned."""
MIN_SHOPPERS: Final = 200
"""Shoppers without whom there are no groups."""


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """Centres of groups, in standardised traits."""

    means: Floats
    """Of the traits, shape (T,)."""
    spreads: Floats
    centres: Floats
    """Shape (G, T)."""
    ids: tuple[int, ...]
    """The identity of each group, which outlives a refresh."""
    half_index: float
    """Adjusted Rand index between halves, the mean over the halvings."""
    tried: dict[int, float]
    """That index by the number of groups."""

    def assign(self, traits: Floats) -> Places:
        """Return the place of each shopper's group among the centres, shape (U,)."""
        return _nearest((traits - self.means) / self.spreads, self.centres)

    def names(self, language: str = "en") -> list[str]:
        """Return each group's name: the two traits in which it lies furthest from all shoppers."""
        words = list(TRAITS.values())
        high, low = (1, 2) if language == "en" else (3, 4)
        joined = " and " if language == "en" else "，"
        named = []
        for centre in self.centres:
            far = np.argsort(-np.abs(centre))[:2]
            named.append(joined.join(words[place][high if centre[place] > 0 else low] for place in far))
        return named

    def as_json(self) -> dict[str, Any]:
        """Return the grouping as JSON, for the next refresh to be matched to."""
        return {
            "means": self.means.tolist(),
            "spreads": self.spreads.tolist(),
            "centres": self.centres.tolist(),
            "ids": list(self.ids),
            "half_index": self.half_index,
            "tried": {str(count): index for count, index in self.tried.items()},
            "traits": list(TRAITS),
        }

    @classmethod
    def of_json(cls, document: dict[str, Any]) -> "Grouping | None":
        """Return what :meth:`as_json` wrote; None where it was made of other traits."""
        if document.get("traits") != list(TRAITS):
            return None
        return cls(
            means=np.array(document["means"]),
            spreads=np.array(document["spreads"]),
            centres=np.array(document["centres"]),
            ids=tuple(document["ids"]),
            half_index=document["half_index"],
            tried={int(count): index for count, index in document["tried"].items()},
        )


def fit_groups(traits: Floats, *, seed: int, previous: Grouping | None = None) -> Grouping:
    """Fit groups.

    Args:
        traits: shape (U, T).
        seed: of the draws.
        previous: groups of an earlier refresh, whose identities go on.

    Raises:
        ValueError: there are fewer than :data:`MIN_SHOPPERS`.
    """
    if len(traits) < MIN_SHOPPERS:
        raise ValueError(f"{len(traits)} shoppers are too few for groups: {MIN_SHOPPERS} are needed")
    means, spreads = traits.mean(axis=0), traits.std(axis=0)
    spreads = np.where(spreads > 0, spreads, 1.0)
    scaled = (traits - means) / spreads
    rng = np.random.default_rng(seed)
    sample = scaled if len(scaled) <= MAX_FITTED else scaled[rng.permutation(len(scaled))[:MAX_FITTED]]
    tried = {count: _between_halves(sample, count, seed=seed) for count in COUNTS}
    stable = [count for count, index in tried.items() if index >= STABLE]
    count = max(stable) if stable else max(tried, key=lambda one: tried[one])
    grouping = Grouping(
        means=means,
        spreads=spreads,
        centres=_centres(sample, count, seed=seed),
        ids=tuple(range(1, count + 1)),
        half_index=tried[count],
        tried=tried,
    )
    return grouping if previous is None else match(grouping, previous, traits)


def match(grouping: Grouping, previous: Grouping, traits: Floats) -> Grouping:
    """Return the grouping with the identities of an earlier one, where groups have most of their shoppers in common.

    A group that shares less than half of its shoppers with any earlier group is new, and has a number never used.
    """
    from scipy.optimize import linear_sum_assignment

    now, then = grouping.assign(traits), previous.assign(traits)
    shared = np.zeros((len(grouping.ids), len(previous.ids)))
    np.add.at(shared, (now, then), 1.0)
    rows, columns = linear_sum_assignment(-shared)
    sizes = np.maximum(shared.sum(axis=1), 1.0)
    earlier = {
        row: column for row, column in zip(rows, columns, strict=True) if shared[row, column] / sizes[row] >= 0.5
    }
    fresh = iter(range(max(previous.ids) + 1, max(previous.ids) + 1 + len(grouping.ids)))
    ids = tuple(previous.ids[earlier[row]] if row in earlier else next(fresh) for row in range(len(grouping.ids)))
    return replace(grouping, ids=ids)


def adjusted_rand_index(one: Places, other: Places) -> float:
    """Return how far two partitions of the same shoppers agree beyond chance: 1 where they are equal, 0 by luck."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one, other))


def migration(before: Places, after: Places, groups: int) -> list[list[float]]:
    """Return the share of each group's shoppers (rows) that are in each group later (columns)."""
    counts = np.zeros((groups, groups))
    np.add.at(counts, (before, after), 1.0)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    return [[round(float(share), 4) for share in row] for row in shares]


def _between_halves(scaled: Floats, count: int, *, seed: int) -> float:
    indices = []
    for split in range(SPLITS):
        order = np.random.default_rng(seed + split).permutation(len(scaled))
        half = len(order) // 2
        one, other = (_centres(scaled[part], count, seed=seed) for part in (order[:half], order[half:]))
        indices.append(adjusted_rand_index(_nearest(scaled, one), _nearest(scaled, other)))
    return float(np.mean(indices))


def _centres(scaled: Floats, count: int, *, seed: int) -> Floats:
    from sklearn.cluster import KMeans

    return np.asarray(KMeans(count, n_init=8, random_state=seed).fit(scaled).cluster_centers_, dtype=np.float64)


def _nearest(scaled: Floats, centres: Floats) -> Places:
    """Return the nearest centre of each row; 100,000 rows at a time, so that memory does not grow with the shop."""
    half_norms = (centres**2).sum(axis=1) / 2
    parts = [
        np.argmax(scaled[at : at + 100_000] @ centres.T - half_norms, axis=1) for at in range(0, len(scaled), 100_000)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.intp)
