"""The answer to a question, as one JSON document."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.asking.catalogue import Catalogue
from models.asking.deeds import MARTS as DEED_MARTS
from models.asking.grammar import parse
from models.asking.judge import Judgement, judge
from models.asking.question import Question, RefusedQuestionError
from models.asking.rows import MARTS as FEATURE_MARTS
from models.asking.rows import CaseRows, case_rows, log_span
from models.asking.visits import MARTS as VISIT_MARTS
from models.asking.visits import judge_visits
from models.evaluation.approval import Verdict
from models.evaluation.results import Evaluation
from models.evaluation.sentinels import SentinelTrippedError

if TYPE_CHECKING:
    import duckdb

MARTS: Final = tuple(sorted({*DEED_MARTS, *FEATURE_MARTS, *VISIT_MARTS}))
"""Marts that a question is answered from."""
TOP: Final = 10
"""Shoppers of today's scores that the answer names."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is said to a question."""

    document: dict[str, Any]
    """As ``shopsight ask --json`` prints it."""
    users: NDArray[np.object_]
    """Today's population; empty where nothing is scored."""
    probabilities: NDArray[np.float64]
    """What is forecast of each."""


def answer(connection: "duckdb.DuckDBPyConnection", text: str, *, seed: int = 7, resamples: int = 300) -> Answer:
    """Answer a question, or say why it cannot be asked.

    Args:
        connection: with :data:`MARTS` as views.
        text: the question.
        seed: of everything that is drawn.
        resamples: bootstrap resamples behind each interval.
    """
    no_users, nothing = np.empty(0, dtype=np.object_), np.empty(0)
    question = None
    try:
        question = parse(text, catalogue(connection))
        if question.subject == "sessions":
            return Answer(
                document=_of_visits(question, judge_visits(connection, question, seed=seed)),
                users=no_users,
                probabilities=nothing,
            )
        judgement = judge(connection, question, seed=seed, resamples=resamples)
    except (RefusedQuestionError, SentinelTrippedError) as error:
        return Answer(document=_refused(text, question, error), users=no_users, probabilities=nothing)
    today = case_rows(connection, question, [log_span(connection)[1]])
    scores = judgement.model.probabilities(today) if len(today) else nothing
    document = _of_shoppers(question, judgement) | {"scores": _scores(today, scores)}
    return Answer(document=document, users=today.users, probabilities=scores)


def catalogue(connection: "duckdb.DuckDBPyConnection") -> Catalogue:
    """Return what the shop's items are called."""

    def column(name: str) -> list[str]:
        rows = connection.execute(f"select distinct {name} from items where {name} is not null").fetchall()
        return [row[0] for row in rows]

    return Catalogue.of(column("category"), column("brand"), column("item_id"))


def _refused(
    text: str, question: Question | None, error: RefusedQuestionError | SentinelTrippedError
) -> dict[str, Any]:
    return {
        "question": text,
        "understood": question.words() if question else None,
        "population": None,
        "positives": None,
        "roc_auc": None,
        "interval": None,
        "baselines": {},
        "verdict": "refused",
        "reason": f"{error.what}: {error.why}",
        "suggestion": error.fix,
    }


def _figures(question: Question, evaluation: Evaluation, verdict: Verdict) -> dict[str, Any]:
    area = evaluation.metrics["roc_auc"]
    passed = [rule.sentence for rule in verdict.rules if rule.outcome == "passed"]
    return {
        "question": question.text,
        "understood": question.words(),
        "population_is": question.population,
        "target_is": question.outcome,
        "roc_auc": round(area.value, 4),
        "interval": [round(area.low, 4), round(area.high, 4)],
        "pr_auc": round(evaluation.metrics["pr_auc"].value, 4),
        "ece": round(evaluation.metrics["ece"].value, 4),
        "baselines": {name: round(figures["roc_auc"].value, 4) for name, figures in evaluation.baselines.items()},
        "gains": {
            name: [round(one, 4) for one in (gain.value, gain.low, gain.high)]
            for name, gain in evaluation.gains.items()
        },
        "verdict": "eligible" if verdict.eligible else "not eligible",
        "reason": " ".join(verdict.reasons or passed),
        "protocol": evaluation.protocol,
    }


def _of_visits(question: Question, figures: dict[str, Any]) -> dict[str, Any]:
    document = _figures(question, figures.pop("evaluation"), figures.pop("verdict"))
    return document | figures


def _of_shoppers(question: Question, judgement: Judgement) -> dict[str, Any]:
    return _figures(question, judgement.evaluation, judgement.verdict) | {
        "population": judgement.population,
        "positives": judgement.positives,
        "horizon_days": question.horizon_days,
        "cut_offs": {"judged": _days(judgement.test_dates), "learnt_from": _days(judgement.train_dates)},
        "learnt_from": {"rows": judgement.train_rows, "positives": judgement.train_positives},
        "sentinels": {one.sentinel: [round(one.value, 4), round(one.limit, 4)] for one in judgement.sentinels},
        "importance": {name: round(share, 4) for name, share in judgement.importance.items()},
    }


def _scores(today: CaseRows, scores: Any) -> dict[str, Any]:
    if not len(today):
        return {"shoppers": 0, "expected": 0.0, "top": []}
    order = np.lexsort((today.users, -scores))[:TOP]
    return {
        "as_of": _days([today.as_of[0]])[0],
        "shoppers": len(today),
        "expected": round(float(scores.sum()), 1),
        "top": [{"user_id": today.users[row], "probability": round(float(scores[row]), 4)} for row in order],
    }


def _days(dates: Any) -> list[str]:
    return [str(np.datetime64(int(day), "D")) for day in dates]
