"""Which columns of a trial's file may be features: those from before the lot was drawn.

A file says of no column when it was measured. What comes after the treatment gives itself away in one of four ways:

- the arms differ in it. The lot makes them alike in all that came before;
- it says the outcome: a value of it comes with one outcome only, or it orders the outcomes almost perfectly;
- it is a figure that the outcome implies, or the other way round: spend is 0 wherever there was no visit;
- its name is one that outcomes have.

Whoever knows better names the features, or the columns to leave out.

Shapes: R rows, K arms.
"""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, kruskal
from sklearn.metrics import roc_auc_score

Arms = NDArray[np.intp]
Floats = NDArray[np.float64]

OUTCOME_NAMES: Final = re.compile(
    r"(^|_)(visit(s|ed)?|convert(ed)?|conversions?|spend|spent|purchase[ds]?|bought|clicks?|clicked|opens?|opened|exposure|"
    r"exposed|redeem(ed)?|redemptions?|response|respond(ed)?|outcomes?|target|label|sales?|revenue|unsubscribed?|churned|after|post)($|_)"
)
BEFORE_NAMES: Final = re.compile(r"(^|_)(before|previous|prior|past|last|pre|history|historical|lag|days_since)($|_)")
ALPHA: Final = 1e-4
"""Level, over all columns together, at which the arms are said to differ in a column."""
MIN_ALONE: Final = 20
"""Rows from which a value that comes with one outcome only may be more than luck."""
TELLS_ALL: Final = 0.97
"""Area under the ROC curve from which a column is the outcome by another name."""
MAX_LEVELS: Final = 100
"""Different texts from which a column names rows rather than kinds of shoppers."""


@dataclass(frozen=True)
class Features:
    """The columns that may be features, as numbers."""

    names: tuple[str, ...]
    values_RF: Floats
    categorical: tuple[int, ...]
    left_out: dict[str, str]
    """The other columns, with the reason."""


def choose_features(rows: pd.DataFrame, arm_R: Arms, outcome_R: Floats, *, named: tuple[str, ...] = ()) -> Features:
    """Return the features of a trial.

    Args:
        rows: the columns but those of treatment and outcome.
        arm_R: what each row got.
        outcome_R: what came of it.
        named: columns that somebody vouches for; nothing else is taken then, and of these nothing is left out that
            can be a number.

    Raises:
        ValueError: a named column is missing, or no column is left.
    """
    missing = [name for name in named if name not in rows]
    if missing:
        raise ValueError(f"the trial has no column {', '.join(missing)}; it has {', '.join(rows.columns)}")
    left_out = {} if named else reasons_to_leave_out(rows, arm_R, outcome_R)
    names = tuple(name for name in (named or rows.columns) if name not in left_out)
    if not names:
        raise ValueError(f"no column is left as a feature: {left_out}")
    columns, categorical = [], []
    for place, name in enumerate(names):
        number_R, is_category = _as_numbers(rows[name])
        columns.append(number_R)
        if is_category:
            categorical.append(place)
    return Features(names, np.stack(columns, axis=1), tuple(categorical), left_out)


def reasons_to_leave_out(rows: pd.DataFrame, arm_R: Arms, outcome_R: Floats) -> dict[str, str]:
    """Return the columns that may not be features, each with the reason."""
    reasons = {}
    for name in rows.columns:
        reason = _reason(str(name), rows[name], arm_R, outcome_R, alpha=ALPHA / len(rows.columns))
        if reason is not None:
            reasons[str(name)] = reason
    return reasons


def _reason(name: str, column: pd.Series, arm_R: Arms, outcome_R: Floats, *, alpha: float) -> str | None:
    levels = column.nunique(dropna=True)
    if levels + int(column.isna().any()) < 2:
        return "has one value only"
    is_text = not pd.api.types.is_numeric_dtype(column)
    if is_text and levels > MAX_LEVELS:
        return f"names rows: {levels} different texts"
    if levels == len(column) and (is_text or pd.api.types.is_integer_dtype(column)):
        return "names rows: every row has a value of its own"
    number_R, _ = _as_numbers(column)
    by_lot = _chance_by_lot(number_R, arm_R, levels)
    if by_lot < alpha:
        return f"the arms differ in it (p = {by_lot:.1g}), and the lot makes them alike in all that came before"
    says = _says_outcome(number_R, levels, outcome_R)
    if says is None and OUTCOME_NAMES.search(name.lower()) and not BEFORE_NAMES.search(name.lower()):
        return "is named like an outcome"
    return says


def _chance_by_lot(number_R: Floats, arm_R: Arms, levels: int) -> float:
    """Return with which chance a lot would make the arms differ so much in a column, or in where it is missing."""
    present = ~np.isnan(number_R)
    chances = [1.0]
    if not present.all():
        chances.append(float(chi2_contingency(pd.crosstab(present, arm_R)).pvalue))
    if levels > 1 and len(np.unique(arm_R[present])) > 1:
        if levels <= MAX_LEVELS:
            chances.append(float(chi2_contingency(pd.crosstab(number_R[present], arm_R[present])).pvalue))
        parts = [number_R[present & (arm_R == arm)] for arm in np.unique(arm_R[present])]
        chances.append(float(kruskal(*parts).pvalue))
    return min(chances)


def _says_outcome(number_R: Floats, levels: int, outcome_R: Floats) -> str | None:
    """Return how a column gives the outcome away, or None."""
    came_R = outcome_R > 0
    rate = came_R.mean()
    if rate in (0.0, 1.0):
        return None
    present = ~np.isnan(number_R)
    if 0 < came_R[present].sum() < present.sum():
        area = float(roc_auc_score(came_R[present], number_R[present]))
        if max(area, 1 - area) >= TELLS_ALL:
            return f"orders the outcome almost perfectly (ROC AUC {max(area, 1 - area):.3f})"
    groups = {"is 0": number_R == 0, "is above 0": number_R > 0} if levels > 2 else {}
    groups |= {f"is {value:g}": number_R == value for value in np.unique(number_R[present])[:2] if levels == 2}
    groups["is missing"] = ~present
    for what, inside in groups.items():
        count, came = int(inside.sum()), int(came_R[inside].sum())
        if count < MIN_ALONE or count == len(number_R):
            continue
        if came == 0 and (1 - rate) ** count < 1e-6:
            return f"says the outcome: where it {what}, in {count} rows, the outcome never came"
        if came == count and rate**count < 1e-6:
            return f"says the outcome: where it {what}, in {count} rows, the outcome always came"
    return None


def _as_numbers(column: pd.Series) -> tuple[Floats, bool]:
    """Return a column as numbers, and whether they are those of categories."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), False
    codes, _ = pd.factorize(column.astype("string"), sort=True)
    return np.where(codes < 0, np.nan, codes).astype(np.float64), True
