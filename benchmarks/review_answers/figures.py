"""Figures of answers beside the marked ones, with intervals over items."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.answers.scoring import answer_f1
from models.answers.train import Case
from models.evaluation.bootstrap import Estimate, bootstrap_clusters
from models.evaluation.probability import roc_auc


class Answered(NamedTuple):
    """The answer to one question."""

    text: str | None
    """None: it abstained."""
    confidence: float
    """The higher, the likelier is there an answer."""
    best: str
    """What it would have answered, had it had to."""


def figures(cases: Sequence[Case], answers: Sequence[Answered], *, seed: int) -> dict[str, Any]:
    """Return F1 and the AUROC of abstaining, and of which both are made up."""
    answered = np.array([bool(case.question.marked) for case in cases])
    f1 = _f1(cases, answers)
    forced = np.array([answer_f1(one.best, case.question.marked) for one, case in zip(answers, cases, strict=True)])
    given = np.array([one.text is not None for one in answers])
    agreed = np.array(
        [len(case.question.marked) == 0 or len(case.question.marked) >= case.question.people for case in cases]
    )
    confidence = np.array([one.confidence for one in answers])

    def compute(weights: NDArray[np.float64]) -> dict[str, float]:
        return {
            "f1": _mean(f1, weights),
            "abstention_auroc": roc_auc(answered, confidence, weights),
            "abstention_auroc_where_people_agree": roc_auc(answered[agreed], confidence[agreed], weights[agreed]),
            "f1_of_answerable_if_forced_to_answer": _mean(forced, weights * answered),
            "share_answered": _mean(given, weights),
            "answered_rightly": _mean(answered, weights * given),
        }

    whole = compute(np.ones(len(cases)))
    defined = [name for name, value in whole.items() if not np.isnan(value)]

    def compute_defined(weights: NDArray[np.float64]) -> dict[str, float]:
        drawn = compute(weights)
        return {name: drawn[name] for name in defined}

    _, items = np.unique([case.question.item_id for case in cases], return_inverse=True)
    estimates = bootstrap_clusters(compute_defined, weights=np.ones(len(cases)), clusters=items, seed=seed)
    return {name: as_json(estimates[name]) if name in estimates else None for name in whole}


def gains(cases: Sequence[Case], ours: Sequence[Answered], others: Sequence[Answered], *, seed: int) -> dict[str, Any]:
    """Return by how much our F1 is above another's on the same questions."""
    difference = _f1(cases, ours) - _f1(cases, others)
    _, items = np.unique([case.question.item_id for case in cases], return_inverse=True)
    estimate = bootstrap_clusters(
        lambda drawn: {"f1": _mean(difference, drawn)}, weights=np.ones(len(cases)), clusters=items, seed=seed
    )
    return as_json(estimate["f1"])


def as_json(estimate: Estimate) -> dict[str, Any]:
    """Return an estimate as figures of four digits."""
    return {"value": round(estimate.value, 4), "interval": [round(estimate.low, 4), round(estimate.high, 4)]}


def _f1(cases: Sequence[Case], answers: Sequence[Answered]) -> NDArray[np.float64]:
    return np.array([answer_f1(one.text, case.question.marked) for one, case in zip(answers, cases, strict=True)])


def _mean(values: NDArray[Any], weights: NDArray[np.float64]) -> float:
    return float((values * weights).sum() / weights.sum()) if weights.sum() else float("nan")
