"""Is a model as good, and as true, for one group of people as for the others? No feature is made of groups.

Shapes: R rows.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.columns import encode
from models.evaluation.bootstrap import Estimate, bootstrap_clusters
from models.evaluation.probability import RankedScores

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Groups = Mapping[str, NDArray[np.object_]]
"""Group of each row's person by attribute, such as ``age_band``; ``None`` where it is not known."""

ATTRIBUTES = ("age_band", "gender")
"""Columns of the training tables that say whom a row is about; no feature is made of them."""
SKILL_GAP = "fairness_roc_auc_gap"
"""ROC AUC within the group minus that within all others whose group is known."""
TRUTH_GAP = "fairness_calibration_gap"
"""How far forecasts lie above the observed rate, in the group minus in all others."""
MAX_RESAMPLES = 300
"""A group's interval needs no more; there are ten groups and each resample sorts none of its rows again."""


def groups_of(table: pa.Table) -> dict[str, NDArray[np.object_]]:
    """Return the groups that a training table tells of; a group called ``unknown`` is none."""
    groups = {name: encode(table[name]).texts() for name in ATTRIBUTES if name in table.column_names}
    for values in groups.values():
        values[values == "unknown"] = None
    return groups


def group_slices(
    groups: Groups,
    outcomes: Bools,
    probabilities: Floats,
    *,
    weights: Floats,
    cases: NDArray[np.intp],
    people: NDArray[np.intp],
    min_cases: int,
    seed: int,
    resamples: int,
) -> dict[str, dict[str, Estimate]]:
    """Return figures of each group, with its gaps to everybody else whose group is known.

    Args:
        groups: who each row is about.
        outcomes: what happened.
        probabilities: what was forecast.
        weights: weight of each row.
        cases: number of the case (session, customer) of each row.
        people: number of the person behind each row; intervals resample people.
        min_cases: cases with the outcome, and without it, that a group and the others need to be told of.
        seed: of the bootstrap.
        resamples: number of its draws, of which at most :data:`MAX_RESAMPLES` are made.
    """
    slices: dict[str, dict[str, Estimate]] = {}
    for attribute, values in groups.items():
        named = np.array([value is not None for value in values], dtype=np.bool_)
        for value in sorted(set(values[named].tolist())):
            inside = values[named] == value
            truth = outcomes[named]
            counts = [len(np.unique(cases[named][side & had])) for side in (inside, ~inside) for had in (truth, ~truth)]
            if min(counts) < min_cases:
                continue
            figures = _Gaps(truth, probabilities[named], inside)
            slices[f"{attribute.replace('_', ' ')} {value}"] = bootstrap_clusters(
                figures,
                weights=weights[named],
                clusters=people[named],
                seed=seed,
                resamples=min(resamples, MAX_RESAMPLES),
            )
    return slices


class _Gaps:
    """Figures of a group beside the others as a function of row weights."""

    def __init__(self, outcomes: Bools, probabilities: Floats, inside: Bools) -> None:
        self._sides = {
            name: (side, RankedScores.of(outcomes[side], probabilities[side])) for name, side in _both(inside).items()
        }
        self._excess = probabilities - outcomes
        self._outcomes = outcomes.astype(np.float64)

    def __call__(self, weights: Floats) -> dict[str, float]:
        areas = {name: ranked.areas(weights[side]) for name, (side, ranked) in self._sides.items()}
        excess = {name: _mean(self._excess[side], weights[side]) for name, (side, _) in self._sides.items()}
        side, _ = self._sides["group"]
        return {
            "roc_auc": areas["group"].roc_auc,
            "pr_auc": areas["group"].pr_auc,
            "base_rate": _mean(self._outcomes[side], weights[side]),
            SKILL_GAP: areas["group"].roc_auc - areas["others"].roc_auc,
            TRUTH_GAP: excess["group"] - excess["others"],
        }


def _both(inside: Bools) -> dict[str, Bools]:
    return {"group": inside, "others": ~inside}


def _mean(values: Floats, weights: Floats) -> float:
    total = weights.sum()
    return float((weights * values).sum() / total) if total > 0 else float("nan")
