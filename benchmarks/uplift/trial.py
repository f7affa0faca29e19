"""The file of a trial: what is its control, what its features, and every figure of it."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.uplift.columns import Features, choose_features
from benchmarks.uplift.judge import BASELINES, BUDGETS, Judgement, arm_effects, judge, over_repeats
from benchmarks.uplift.qini import qini
from models.evaluation.bootstrap import Estimate
from models.uplift.config import UpliftConfig
from models.uplift.outcomes import cross_fitted_outcomes, doubly_robust_scores
from models.uplift.trial import Trial
from shopsight.errors import ShopsightError

NO_TREATMENT: Final = ("control", "0", "0.0", "false", "placebo", "none", "untreated", "holdout", "hold-out")
"""Values that name a control where none begins with "No"."""
BEGINS_WITH_NO: Final = re.compile(r"\s*no(t|ne)?(?![a-z])", re.IGNORECASE)
"""``No E-Mail``, ``no_mail`` and ``None``, but not ``north``."""
MIN_ROWS_OF_ARM: Final = 200
"""Rows of an arm below which no policy is judged."""
MAX_ARMS: Final = 20
"""Values of a treatment column beyond which it is not one."""


@dataclass(frozen=True, kw_only=True)
class TrialFile:
    """What is asked about a file."""

    path: Path
    treatment: str
    outcome: str
    control: str | None = None
    features: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


def measure(asked: TrialFile, *, cost: float, folds: int, repeats: int, seed: int) -> dict[str, Any]:
    """Return every figure of a trial.

    Raises:
        ShopsightError: the file is none of a trial.
    """
    started = time.perf_counter()
    trial, arms, features, warnings = read_trial(asked)
    cost_K = np.where(np.arange(trial.arms) > 0, cost, 0.0)
    config = UpliftConfig()
    judged = judge(trial, cost_K=cost_K, config=config, folds=folds, repeats=repeats, seed=seed)
    scores_RK = doubly_robust_scores(trial, cross_fitted_outcomes(trial, config=config, seed=seed))
    effects = arm_effects(trial, scores_RK=scores_RK)
    best = judged.best_arm
    both = np.isin(trial.arm_R, (0, best))
    areas = {
        name: qini(ranks[:, both], (trial.arm_R[both] == best).astype(np.intp), trial.outcome_R[both], seed=seed)
        for name, ranks in judged.rank_share.items()
    }
    policy = judged.estimate("policy")
    return {
        "benchmark": "uplift",
        "trial": asked.path.name,
        "treatment": asked.treatment,
        "outcome": asked.outcome,
        "rows": len(trial),
        "control": arms[0],
        "arms": {
            name: {
                "rows": int((trial.arm_R == arm).sum()),
                "mean": float(trial.outcome_R[trial.arm_R == arm].mean()),
                "effect": _numbers(effects[arm]),
                "share_of_policy": round(float(judged.arm_shares[arm]), 4),
            }
            for arm, name in enumerate(arms)
        },
        "features": list(features.names),
        "left_out": features.left_out,
        "warnings": warnings,
        "cost": cost,
        "policy_value": policy.value,
        "interval": [policy.low, policy.high],
        "policy_value_ips": _numbers(over_repeats(judged.ips)),
        "baselines": {name: judged.estimate(name).value for name in BASELINES},
        "ahead_of": {name: _numbers(judged.estimate("policy", name)) for name in BASELINES},
        "with_a_budget": {f"{share:g}": _budget(judged, share) for share in BUDGETS},
        "best_arm": arms[best],
        "qini": areas["policy"].coefficient.value,
        "qini_interval": [areas["policy"].coefficient.low, areas["policy"].coefficient.high],
        "auuc": areas["policy"].auuc.value,
        "qini_response_model": areas["response_model"].coefficient.value,
        "learners": dict(judged.learners),
        "forms": dict(judged.forms),
        "reasons": list(judged.reasons),
        **_verdict(judged, effects, arms),
        "splits": {"folds": folds, "repeats": repeats, "seed": seed},
        "seconds": round(time.perf_counter() - started, 1),
    }


def _budget(judged: Judgement, share: float) -> dict[str, Any]:
    """Return the figures where at most ``share`` of the shoppers may be treated, each policy with as many."""
    names = [name for name in BASELINES if f"{name}@{share:g}" in judged.values]
    value = judged.estimate(f"policy@{share:g}")
    return {
        "policy_value": value.value,
        "interval": [value.low, value.high],
        "baselines": {name: judged.estimate(f"{name}@{share:g}").value for name in names},
        "ahead_of": {name: _numbers(judged.estimate(f"policy@{share:g}", f"{name}@{share:g}")) for name in names},
    }


def _verdict(judged: Judgement, effects: list[Estimate], arms: list[str]) -> dict[str, str]:
    """Return whether an effect was seen, and whether choosing among shoppers adds to it, in words."""
    sure = [f"{name} {one.value:+.4g}" for name, one in zip(arms, effects, strict=True) if one.low > 0 or one.high < 0]
    ahead, half = judged.estimate("policy", "best_arm"), judged.estimate("policy@0.5", "best_arm@0.5")
    if not sure and half.low <= 0:
        return {
            "verdict": "no effect to be found",
            "reason": "no arm differs surely from the control, and no order of shoppers is surely better than chance",
        }
    words = [f"sure effects beside {arms[0]}: {', '.join(sure) or 'none on average'}"]
    if ahead.low > 0:
        words.append(f"choosing adds {ahead.value:.4g} a shopper to the best single arm")
    else:
        words.append(
            f"where treatments are unlimited, choosing by shopper adds nothing sure to the best single arm "
            f"({ahead.value:+.4g}, 95% from {ahead.low:+.4g} to {ahead.high:+.4g})"
        )
    sign = "adds" if half.low > 0 else "adds nothing sure:"
    words.append(f"for half of the shoppers, choosing whom {sign} {half.value:+.4g} to that arm by lot")
    return {"verdict": "effect", "reason": "; ".join(words)}


def read_trial(asked: TrialFile) -> tuple[Trial, list[str], Features, list[str]]:
    """Return the trial, the names of its arms (the control first), its features, and what to be careful of.

    Raises:
        ShopsightError: the file cannot be read, or is none of a trial.
    """
    rows = _read(asked)
    warnings = []
    outcome = _outcome(rows, asked)
    usable = outcome.notna() & rows[asked.treatment].notna()
    if not usable.all():
        warnings.append(f"{int((~usable).sum())} rows without treatment or outcome do not count")
        rows, outcome = rows[usable].reset_index(drop=True), outcome[usable].reset_index(drop=True)
    values = rows[asked.treatment].astype("string")
    control = _control(values, asked)
    arms = [control, *sorted(name for name in values.unique() if name != control)]
    arm_R = np.array([arms.index(value) for value in values], dtype=np.intp)
    counts = np.bincount(arm_R, minlength=len(arms))
    if not 2 <= len(arms) <= MAX_ARMS or counts.min() < MIN_ROWS_OF_ARM:
        raise ShopsightError(
            f"{asked.treatment} is no treatment that can be judged",
            why=f"it has {len(arms)} values, the rarest in {counts.min()} rows; 2 to {MAX_ARMS} are wanted, each in "
            f"{MIN_ROWS_OF_ARM} rows",
            fix="name the column that says what each shopper got",
        )
    others = rows.drop(columns=[asked.treatment, asked.outcome, *asked.drop])
    try:
        features = choose_features(others, arm_R, np.asarray(outcome, dtype=np.float64), named=asked.features)
    except ValueError as error:
        raise ShopsightError(
            f"{asked.path.name} has no features", why=str(error), fix="name some by --features"
        ) from error
    unlike = [name for name, reason in features.left_out.items() if "arms differ" in reason]
    if unlike:
        warnings.append(
            f"the arms differ in {', '.join(unlike)}: such columns are taken for measured afterwards. If one was "
            "measured before, the treatment was not drawn by lot, and no figure here holds"
        )
    trial = Trial(
        features_RF=features.values_RF,
        arm_R=arm_R,
        outcome_R=np.asarray(outcome, dtype=np.float64),
        # One lot for all: the chances are the arms' shares.
        chance_RK=np.tile(counts / counts.sum(), (len(arm_R), 1)),
        categorical=features.categorical,
    )
    return trial, arms, features, warnings


def _read(asked: TrialFile) -> pd.DataFrame:
    try:
        rows = pd.read_csv(asked.path, keep_default_na=False, na_values=["", "NA", "NaN", "nan", "null", "NULL"])
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise ShopsightError(f"{asked.path} cannot be read", why=str(error), fix="give a CSV or CSV.gz file") from error
    missing = [name for name in (asked.treatment, asked.outcome, *asked.drop) if name not in rows]
    if missing:
        raise ShopsightError(
            f"{asked.path.name} lacks {', '.join(missing)}",
            why=f"its columns are {', '.join(map(str, rows.columns))}",
            fix="name columns that it has",
        )
    return rows


def _outcome(rows: pd.DataFrame, asked: TrialFile) -> "pd.Series[float]":
    column = rows[asked.outcome]
    if not pd.api.types.is_numeric_dtype(column):
        words = column.astype("string").str.strip().str.lower()
        column = words.map({"yes": 1, "no": 0, "true": 1, "false": 0, "y": 1, "n": 0}).where(words.notna())
        if column.isna().sum() > words.isna().sum():
            raise ShopsightError(
                f"{asked.outcome} is no outcome", why="it has texts", fix="name a column of numbers, or of yes and no"
            )
    return column.astype(np.float64)


def _control(values: "pd.Series[str]", asked: TrialFile) -> str:
    counts = values.value_counts()
    if asked.control is not None:
        if asked.control in counts:
            return asked.control
        raise ShopsightError(
            f"{asked.treatment} has no value {asked.control}",
            why=f"its values are {', '.join(map(str, counts.index[:MAX_ARMS]))}",
            fix="give one of them by --control",
        )
    begins = [str(name) for name in counts.index if BEGINS_WITH_NO.match(str(name))]
    named = [str(name) for name in counts.index if str(name).strip().lower() in NO_TREATMENT]
    if not begins + named:
        raise ShopsightError(
            f"which value of {asked.treatment} is the control?",
            why=f"none of {', '.join(map(str, counts.index[:MAX_ARMS]))} begins with No",
            fix="say it by --control",
        )
    return (begins + named)[0]


def _numbers(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
