"""The levels that items add up to, and forecasts of all levels made to add up.

Forecasts of aggregates are sure of the season and of the trend, those of items of what each sells. The reconciled ones
are the closest to both, each by how far it was wrong before: MinT with a diagonal covariance. The system to be solved
has a row per aggregate, never one per item.

Source: S. L. Wickramasuriya, G. Athanasopoulos, R. J. Hyndman, "Optimal forecast reconciliation for hierarchical and
grouped time series through trace minimization" (2019).

Shapes: N items, A aggregates, M = A + N series, H periods ahead.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from models.demand.panel import PATH, Floats, Panel

ITEM: Final = "item"


@dataclass(frozen=True, kw_only=True)
class Hierarchy:
    """Which items each aggregate adds up; aggregates come first, by level, items last."""

    levels: NDArray[np.str_]
    """Level of each series, shape (M,): ``total``, ``department``, ``category``, ``item``."""
    names: NDArray[np.str_]
    """Name of each series, shape (M,)."""
    sums_AN: csr_matrix
    """1 where an item belongs to an aggregate."""

    @property
    def aggregates(self) -> int:
        """A."""
        return int(self.sums_AN.shape[0])

    def all_levels(self, items_N: Floats) -> Floats:
        """Return values of items with those of the aggregates before them, shape (M, …)."""
        return np.concatenate([self.sums_AN @ items_N, items_N])


def hierarchy_of(panel: Panel) -> Hierarchy:
    """Return the levels of a panel: those that part items in some way, and differ from the level above."""
    categories = pd.Series(panel.categories)
    columns = {"total": pd.Series("total", index=categories.index)}
    department = categories.str.split(PATH, n=1, regex=False).str[0]
    for name, column in (("department", department), ("category", categories)):
        if columns[list(columns)[-1]].nunique() < column.nunique() < len(categories):
            columns[name] = column
    if "department" in columns and "category" not in columns:
        columns["category"] = columns.pop("department")
    levels, names, parts = [], [], []
    for level, column in columns.items():
        codes, groups = pd.factorize(column, sort=True)
        parts.append(csr_matrix((np.ones(len(codes)), (codes, np.arange(len(codes)))), shape=(len(groups), len(codes))))
        levels += [level] * len(groups)
        names += [str(group) for group in groups]
    return Hierarchy(
        levels=np.array(levels + [ITEM] * len(categories)),
        names=np.concatenate([np.array(names, dtype=str), panel.item_ids]),
        sums_AN=csr_matrix(vstack(parts)),
    )


def reconcile(hierarchy: Hierarchy, forecasts_MH: Floats, variances_M: Floats) -> Floats:
    """Return forecasts that add up, none below 0, shape (M, H).

    Args:
        hierarchy: the levels.
        forecasts_MH: of every series, made apart.
        variances_M: mean squared error of each series' forecasts before; above 0.
    """
    aggregates = hierarchy.aggregates
    sums, items_NH = hierarchy.sums_AN, forecasts_MH[aggregates:]
    weights_N = variances_M[aggregates:]
    gaps_AH = forecasts_MH[:aggregates] - sums @ items_NH
    spread_AN = sums.multiply(weights_N).tocsr()
    system = (spread_AN @ sums.T).toarray() + np.diag(variances_M[:aggregates])
    items_NH = np.maximum(items_NH + spread_AN.T @ np.linalg.solve(system, gaps_AH), 0.0)
    return hierarchy.all_levels(items_NH)
