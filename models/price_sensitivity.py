"""How much a shopper prefers what is cheap on a shelf: a choice model with a slope of everybody's own.

Whoever looks at an item chose it among its shelf. The chance of an item is its popularity there times
``exp(-slope * price)``, with the price as its rank on the shelf; slopes are normal over shoppers, and each is the
posterior mean (empirical Bayes), so that somebody with few looks is told to be like everybody. A look counts as far as
the item was chosen afresh: an item that often follows the one seen before it was led to, whatever it costs.

Sources: D. McFadden, "Conditional logit analysis of qualitative choice behavior" (1974); D. Revelt, K. Train, "Mixed
logit with repeated choices" (1998).

Shapes: V looks, U users, I items, L shelves, G slopes of the grid.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Numbers = NDArray[np.intp]

SLOPES: Final = np.linspace(-3.0, 3.0, 61)
"""Slopes at which every shopper's likelihood is known: with one parameter each, a grid is exact enough."""
ROUNDS: Final = 30
"""Steps of expectation and maximisation for the mean and spread of the slopes."""

KEYS: Final = ("user_id", "item_id", "category")
SCHEMA: Final = pa.schema(
    [("user_id", pa.string()), ("price_sensitivity", pa.float64()), ("price_sensitivity_spread", pa.float64())]
)


@dataclass(frozen=True, kw_only=True)
class Looks:
    """First looks of visits, a shopper's together and oldest first."""

    users: Numbers
    """User number of each look, from 0, shape (V,)."""
    items: Numbers
    """Item number of each look, from 0."""
    shelves: Numbers
    """Shelf number of each item, from 0, shape (I,)."""
    prices: Floats
    """Price of each item; ``nan`` where it has none: looks at it say nothing."""


@dataclass(frozen=True, kw_only=True)
class PriceSlopes:
    """What is known of each shopper's slope; positive: prefers what is cheap."""

    mean: Floats
    """Posterior mean, shape (U,), in standard deviations of the price's rank on its shelf."""
    spread: Floats
    """Posterior standard deviation."""
    looks: Floats
    """Looks that were chosen afresh, as far as the log tells."""


def price_slopes(looks: Looks) -> PriceSlopes:
    """Estimate every shopper's slope from the looks alone.

    Raises:
        ValueError: there is no look at an item with a price.
    """
    priced = np.isfinite(looks.prices)
    afresh_V = np.where(priced[looks.items], chosen_afresh(looks), 0.0)
    if not afresh_V.any():
        raise ValueError("nobody looked at an item with a price")
    users, shelves = int(looks.users.max()) + 1, int(looks.shelves.max()) + 1
    rank_I = _price_ranks(looks, priced)
    weight_I = np.where(priced, np.bincount(looks.items, weights=afresh_V, minlength=len(priced)) + 1.0, 0.0)
    weight_I /= np.maximum(np.bincount(looks.shelves, weights=weight_I, minlength=shelves), 1e-12)[looks.shelves]
    tilted = [np.bincount(looks.shelves, weights=weight_I * np.exp(-b * rank_I), minlength=shelves) for b in SLOPES]
    log_total_LG = np.log(np.maximum(np.stack(tilted, axis=1), 1e-300))
    looks_UL = csr_matrix((afresh_V, (looks.users, looks.shelves[looks.items])), shape=(users, shelves))
    paid_U = np.bincount(looks.users, weights=afresh_V * rank_I[looks.items], minlength=users)
    mean, spread = _posterior(-paid_U[:, None] * SLOPES - looks_UL @ log_total_LG)
    return PriceSlopes(
        mean=mean, spread=spread, looks=np.bincount(looks.users, weights=afresh_V, minlength=users).astype(np.float64)
    )


def price_sensitivities(looks: pa.Table) -> pa.Table:
    """Return ``user_id, price_sensitivity, price_sensitivity_spread``, a row per shopper who looked at a priced item.

    Args:
        looks: ``user_id, item_id, category, price``, as :func:`shopsight.first_looks.read_first_looks` reads them.
    """
    (users, items, shelves) = (looks[name].combine_chunks().dictionary_encode() for name in KEYS)
    if looks.num_rows == looks["price"].null_count:
        return SCHEMA.empty_table()
    item_V = items.indices.to_numpy().astype(np.intp)
    first_I = np.unique(item_V, return_index=True)[1]
    slopes = price_slopes(
        Looks(
            users=users.indices.to_numpy().astype(np.intp),
            items=item_V,
            shelves=shelves.indices.to_numpy().astype(np.intp)[first_I],
            prices=looks["price"].to_numpy().astype(np.float64)[first_I],
        )
    )
    sensitivities = pa.table([users.dictionary, slopes.mean, slopes.spread], schema=SCHEMA)
    return sensitivities.filter(pa.array(slopes.looks > 0))


def with_price_sensitivity(scores: pa.Table, looks: pa.Table) -> pa.Table:
    """Return a table of customers with both columns of :func:`price_sensitivities`, null where nobody looked."""
    sensitivities = price_sensitivities(looks)
    # No join: Arrow's carries no lists along, and the table has reasons.
    place = pc.index_in(scores["user_id"], sensitivities["user_id"])
    for name in sensitivities.column_names[1:]:
        scores = scores.append_column(name, sensitivities[name].take(place))
    return scores


def chosen_afresh(looks: Looks) -> Floats:
    """Return, for each look, the chance that its item was chosen afresh, not led to by the item before it, shape (V,).

    It is how often the shelf's popularity alone would have brought the item after the one before it, beside how often
    it came, this look left out of both.
    """
    items, shelves = len(looks.shelves), int(looks.shelves.max()) + 1
    follows = np.append(False, looks.users[1:] == looks.users[:-1])
    before = np.append(0, looks.items[:-1])
    shelf_V = looks.shelves[looks.items]
    came = _counts(before * items + looks.items, follows)
    onto_shelf = _counts(before * shelves + shelf_V, follows)
    popularity = np.bincount(looks.items, minlength=items)[looks.items] / np.bincount(shelf_V)[shelf_V]
    chance = onto_shelf * popularity / np.maximum(came - 1.0, 1e-9)
    return np.where(follows, np.minimum(chance, 1.0), 1.0)


def _counts(keys: Numbers, counted: NDArray[np.bool_]) -> Floats:
    """Return how often each row's key is there among the counted rows."""
    _, place = np.unique(keys, return_inverse=True)
    return np.asarray(np.bincount(place, weights=counted)[place], dtype=np.float64)


def _price_ranks(looks: Looks, priced: NDArray[np.bool_]) -> Floats:
    """Return each price's rank on its shelf, of mean 0 and standard deviation 1; 0 where there is no price."""
    ranks = np.zeros(len(priced))
    order = np.argsort(looks.shelves, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(looks.shelves[order])) + 1):
        with_price = part[priced[part]]
        if len(with_price) > 1:
            ranks[with_price] = (rankdata(looks.prices[with_price]) - 0.5) / len(with_price) - 0.5
    return np.asarray(ranks * np.sqrt(12.0), dtype=np.float64)


def _posterior(log_likelihood_UG: Any) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each slope, under the normal prior of most likely mean and spread."""
    mean, variance = 0.0, 0.25
    for _ in range(ROUNDS):
        logs = log_likelihood_UG - (SLOPES - mean) ** 2 / (2.0 * variance)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        means = shares @ SLOPES
        variances = np.maximum(shares @ SLOPES**2 - means**2, 0.0)
        mean = float(means.mean())
        variance = max(float((variances + (means - mean) ** 2).mean()), 1e-4)
    return np.asarray(means, dtype=np.float64), np.asarray(np.sqrt(variances), dtype=np.float64)
