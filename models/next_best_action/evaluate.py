"""What the decisions are worth: each shopper is decided about by a model that did not see them.

Shapes: R rows of all campaigns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import Estimate, bootstrap_clusters
from models.evaluation.results import Evaluation, by_model
from models.next_best_action.baselines import EVERYBODY, NOTHING_AT_ALL, RESPONSE, everybody_acts, response_acts, whole
from models.next_best_action.config import NextBestActionConfig
from models.next_best_action.dataset import ActionRows
from models.next_best_action.effects import REACH, fit_actions, net_scores
from models.next_best_action.predict import NextBestAction
from models.uplift.outcomes import doubly_robust_scores, fit_outcomes
from models.uplift.trial import Floats

FAMILY: Final = "next_best_action"
CANDIDATE: Final = "uplift"
PRIMARY_METRIC: Final = "value_added"
BASELINES_TO_BEAT: Final = (NOTHING_AT_ALL, EVERYBODY, RESPONSE)
PROTOCOL: Final = (
    "shoppers on the lists of launched campaigns, those held out by lot included; each is decided about by a model "
    "that learnt from other shoppers; value_added: money a shopper that this adds to doing nothing (margin of orders "
    "within the horizon, less messages and discounts), by doubly robust scores with the lot's chances; intervals "
    "resample shoppers"
)
MIN_GROUP: Final = 30
"""Shoppers of a group, and of the others, from which a gap is told."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Rows of actions that could be learnt in every fold, and what each model does with them."""

    rows: ActionRows
    gain_R: Floats
    """Money that the row's action adds to nothing: a doubly robust score."""
    acts: Mapping[str, NDArray[np.bool_]]
    """By model: whether the row's action is taken."""


def judge(rows: ActionRows, *, config: NextBestActionConfig, seed: int) -> Judged:
    """Decide about every row by models that learnt from other shoppers."""
    fold_R = rows.folds(config.folds, seed=seed)
    gain_R = np.full(len(rows), np.nan)
    acts = {name: np.zeros(len(rows), dtype=np.bool_) for name in (CANDIDATE, *BASELINES_TO_BEAT)}
    for fold in range(config.folds):
        inside = rows.take(fold_R != fold)
        actions, untried = fit_actions(inside, config=config, seed=seed)
        model = NextBestAction(actions=actions, untried=untried, horizon_days=config.horizon_days)
        for name, action in actions.items():
            places = np.flatnonzero((fold_R == fold) & (rows.action == name))
            if not len(places):
                continue
            part = rows.take(places)
            taught = inside.take(inside.action == name)
            expected_RK = fit_outcomes(taught.trial(), config=config.uplift, seed=seed).predict(part.features_RF)
            scores_RK = net_scores(part, doubly_robust_scores(part.trial(), expected_RK))
            gain_R[places] = scores_RK[:, 1] - scores_RK[:, 0]
            chosen = np.array([one.action == name for one in _only(model, name).decide(part.features_RF)])
            acts[CANDIDATE][places] = chosen
            acts[EVERYBODY][places] = everybody_acts(whole(action), len(places))
            acts[RESPONSE][places] = response_acts(expected_RK, int(chosen.sum()))
    judged = np.isfinite(gain_R)
    return Judged(
        rows=rows.take(judged), gain_R=gain_R[judged], acts={name: taken[judged] for name, taken in acts.items()}
    )


def _only(model: NextBestAction, action: str) -> NextBestAction:
    """Return the model with one action: a row says what came of that one alone."""
    others = {name: "not tried in this campaign" for name in model.actions if name != action}
    return NextBestAction(
        actions={action: model.actions[action]},
        untried={**model.untried, **others},
        horizon_days=model.horizon_days,
    )


def evaluate(judged: Judged, *, config: NextBestActionConfig, seed: int) -> Evaluation:
    """Return the figures of the candidate and its baselines."""
    _, people = np.unique(judged.rows.users.astype(str), return_inverse=True)

    def figures(weights: Floats) -> dict[str, float]:
        total = weights.sum()
        scored: dict[str, float] = {}
        for name, acts in judged.acts.items():
            scored[f"{name}/{PRIMARY_METRIC}"] = float((weights * judged.gain_R * acts).sum() / total)
            scored[f"{name}/acted_on"] = float((weights * acts).sum() / total)
        best = scored[f"{CANDIDATE}/{PRIMARY_METRIC}"]
        return scored | {f"gain/{name}": best - scored[f"{name}/{PRIMARY_METRIC}"] for name in BASELINES_TO_BEAT}

    estimates = bootstrap_clusters(
        figures,
        weights=np.ones(len(judged.rows)),
        clusters=people.astype(np.intp),
        seed=seed,
        resamples=config.resamples,
    )
    models = by_model(estimates)
    gains = models.pop("gain")
    return Evaluation(
        family=FAMILY,
        candidate=CANDIDATE,
        primary_metric=PRIMARY_METRIC,
        protocol=PROTOCOL,
        cases=int(people.max()) + 1,
        metrics=models.pop(CANDIDATE),
        baselines=models,
        gains=gains,
        slices=_by_action(judged) | _offer_gaps(judged),
    )


def _by_action(judged: Judged) -> dict[str, dict[str, Estimate]]:
    slices = {}
    for action in sorted(set(judged.rows.action.tolist())):
        inside = judged.rows.action == action
        slices[f"action {action}"] = {PRIMARY_METRIC: _mean((judged.gain_R * judged.acts[CANDIDATE])[inside])}
    return slices


def _offer_gaps(judged: Judged) -> dict[str, dict[str, Estimate]]:
    """Return how far the share of each group that gets offers of a price lies above that of the others."""
    offered = judged.rows.action == "offer"
    acts = judged.acts[CANDIDATE][offered].astype(np.float64)
    gaps = {}
    for attribute, column in judged.rows.groups.items():
        group_R = column[offered]
        named = np.array([isinstance(one, str) and one != "unknown" for one in group_R], dtype=np.bool_)
        for group in sorted(set(group_R[named].tolist())):
            inside = named & (group_R == group)
            sides = [acts[inside], acts[named & ~inside]]
            if min(map(len, sides)) < MIN_GROUP:
                continue
            value = float(sides[0].mean() - sides[1].mean())
            reach = REACH * float(np.sqrt(sum(side.var() / len(side) for side in sides)))
            gap = Estimate(value=value, low=value - reach, high=value + reach)
            gaps[f"{attribute} {group}"] = {"fairness_offer_gap": gap}
    return gaps


def _mean(values: Floats) -> Estimate:
    mean = float(values.mean())
    reach = REACH * float(values.std() / np.sqrt(len(values)))
    return Estimate(value=mean, low=mean - reach, high=mean + reach)
