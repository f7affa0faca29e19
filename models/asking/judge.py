"""From a question to a verdict: cut-off dates, sentinels, one look at the newest dates, the gate, today's scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.asking.deeds import WITHOUT_ITEMS, WITHOUT_STARS
from models.asking.model import QuestionModel, asks_for_any_order, bg_nbd_at, fit, steady_log_odds
from models.asking.question import Filter, Question, RefusedQuestionError
from models.asking.rows import STEP_DAYS, CaseRows, case_rows, log_span
from models.asking.sentinels import check_question
from models.evaluation.approval import Verdict, gate
from models.evaluation.bootstrap import Estimate, bootstrap_clusters
from models.evaluation.fairness import group_slices
from models.evaluation.probability import RankedScores, calibration_error, equal_mass_bins
from models.evaluation.results import Evaluation, by_model
from models.evaluation.sentinels import SentinelReading

if TYPE_CHECKING:
    import duckdb

Floats = NDArray[np.float64]

MAX_DATES: Final = 53
MAX_TEST_DATES: Final = 4
"""Cut-offs that are judged together where one has too few positives."""
ENOUGH_POSITIVES: Final = 50
"""Positives at the newest cut-off with which it is judged alone."""
MIN_POSITIVES: Final = 20
"""Shoppers that do the target, and that do not, without which nothing is judged."""
MAX_ROWS: Final = 200_000
"""Rows of all dates that are trained on; shoppers are drawn by a hash where there are more."""
PROTOCOL: Final = (
    "the population at the newest cut-offs whose horizon is over; trained on cut-offs whose horizons were over before "
    "the first of them; intervals resample shoppers"
)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What came of a question."""

    evaluation: Evaluation
    verdict: Verdict
    test_dates: tuple[float, ...]
    train_dates: tuple[float, ...]
    population: int
    """Shoppers judged, each once."""
    positives: int
    """Those of them that did the target at any judged cut-off."""
    train_rows: int
    train_positives: int
    sentinels: tuple[SentinelReading, ...]
    importance: Mapping[str, float]
    """Mean absolute contribution of the strongest features, in log odds."""
    model: QuestionModel


def judge(connection: "duckdb.DuckDBPyConnection", question: Question, *, seed: int, resamples: int = 300) -> Judgement:
    """Judge a question about shoppers.

    Args:
        connection: with the marts as views.
        question: what is asked.
        seed: of trees, shuffles and the bootstrap.
        resamples: bootstrap resamples behind each interval.

    Raises:
        RefusedQuestionError: it cannot be judged on this log.
        SentinelTrippedError: the data give the answer away.
    """
    _refuse_filters(question)
    first, newest = log_span(connection)
    dates = _dates(question, first, newest)
    rows = case_rows(connection, question, dates, max_rows=MAX_ROWS)
    test_dates = _test_dates(rows, question)
    tested = np.isin(rows.as_of, test_dates)
    until = float(test_dates[0])
    closed = rows.as_of + question.horizon_days <= until
    _refuse_too_few(rows, question, tested=tested, closed=closed)
    model = fit(rows, question, until=until, seed=seed)
    readings = check_question(rows, question, model, until=until, seed=seed)
    test = rows.take(tested)
    evaluation = _evaluate(test, _contenders(rows, test, question, model, until), seed=seed, resamples=resamples)
    return Judgement(
        evaluation=evaluation,
        verdict=gate(evaluation),
        test_dates=tuple(test_dates),
        train_dates=tuple(np.unique(rows.as_of[closed]).tolist()),
        population=len(np.unique(test.people)),
        positives=len(np.unique(test.people[test.outcomes])),
        train_rows=int(closed.sum()),
        train_positives=int(rows.outcomes[closed].sum()),
        sentinels=tuple(readings),
        importance=_importance(model, rows.take(closed)),
        model=model,
    )


def _refuse_filters(question: Question) -> None:
    for action in (*question.conditions, *question.target):
        items = action.items
        has_stars = items.min_stars is not None or items.max_stars is not None
        if has_stars and action.kind in WITHOUT_STARS:
            raise RefusedQuestionError(
                f"the log tells no stars of: {action.words(past=False)}",
                why="stars are told of reviews in words",
                fix="ask for reviews: 'who write a review with 1 or 2 stars within 60 days'",
            )
        if action.kind in WITHOUT_ITEMS and items != Filter():
            raise RefusedQuestionError(
                f"the log names no item in: {action.words(past=False)}",
                why="visits, searches, questions and checkouts are of no one item",
                fix="ask for views, carts or orders of the category or brand",
            )


def _dates(question: Question, first: float, newest: float) -> list[float]:
    span, horizon = newest - first, question.horizon_days
    if span < 2 * horizon + STEP_DAYS:
        possible = int((span - STEP_DAYS) // 2)
        raise RefusedQuestionError(
            f"the horizon of {horizon} days is too long for a log of {span + 1:.0f} days",
            why="a cut-off to judge needs its horizon behind it, and one to learn from another horizon before that",
            fix=f"ask for at most {possible} days" if possible > 0 else "import a longer history",
        )
    dates = newest - STEP_DAYS * np.arange(MAX_DATES + horizon // STEP_DAYS)
    return [float(date) for date in dates[::-1] if date >= first and date + horizon <= newest]


def _test_dates(rows: CaseRows, question: Question) -> list[float]:
    """Return the newest closed cut-off, with those before it while they leave as much to learn from as they need."""
    dates = sorted(np.unique(rows.as_of).tolist(), reverse=True)
    chosen: list[float] = []
    for date in dates[:MAX_TEST_DATES]:
        if chosen and date - question.horizon_days < dates[-1] + STEP_DAYS:
            break
        chosen.append(date)
        here = np.isin(rows.as_of, chosen)
        if (
            min(len(np.unique(rows.people[here & wanted])) for wanted in (rows.outcomes, ~rows.outcomes))
            >= ENOUGH_POSITIVES
        ):
            break
    if not chosen:
        raise RefusedQuestionError(
            f"nobody is in the population: {question.population}",
            why=f"at no cut-off whose {question.horizon_days} days are over is any shopper like that",
            fix="ask about more shoppers: leave a condition out, or choose a longer span for it",
        )
    return chosen[::-1]


def _refuse_too_few(
    rows: CaseRows, question: Question, *, tested: NDArray[np.bool_], closed: NDArray[np.bool_]
) -> None:
    for name, chosen in (("judged", tested), ("learnt from", closed)):
        people = len(np.unique(rows.people[chosen]))
        doing = len(np.unique(rows.people[chosen & rows.outcomes]))
        if people and (rows.outcomes[chosen].all() or not doing) and people >= MIN_POSITIVES:
            raise RefusedQuestionError(
                f"{'everybody' if doing else 'nobody'} in the population will {question.outcome}",
                why=f"so it is with all {people} shoppers of the cut-offs that are {name}: the population decides it, "
                "or the log knows no such event",
                fix="take what decides it out of the population, or ask for an event that the log holds",
            )
        rest = len(np.unique(rows.people[chosen & ~rows.outcomes]))
        if min(doing, rest) < MIN_POSITIVES:
            raise RefusedQuestionError(
                f"there are too few cases: of {people} shoppers of the cut-offs that are {name}, {doing} did it",
                why=f"{MIN_POSITIVES} must have done it and {MIN_POSITIVES} not, or the figures say nothing",
                fix="ask for a longer horizon, a wider category, fewer times, or a wider population",
            )


def _contenders(
    rows: CaseRows, test: CaseRows, question: Question, model: QuestionModel, until: float
) -> dict[str, Floats]:
    """Return the scores of the model and of what it has to beat, by name; a baseline has an order alone."""
    sign = -1.0 if question.target[0].negated else 1.0
    scores = {
        "lightgbm": model.probabilities(test),
        "recency": sign * -np.minimum(test.since_last, 1e6),
        "frequency": sign * test.done_before,
        "last_seen": sign * -test.features[:, test.names.index("days_since_active_day")],
    }
    if asks_for_any_order(question):
        steady = steady_log_odds(test, bg_nbd_at(rows, until), question)
        scores |= {} if steady is None else {"bg_nbd": steady}
    return scores


def _evaluate(test: CaseRows, scores: Mapping[str, Floats], *, seed: int, resamples: int) -> Evaluation:
    truth, candidate = test.outcomes, "lightgbm"
    ranked = {name: RankedScores.of(truth, score) for name, score in scores.items()}
    bins = equal_mass_bins(scores[candidate])

    def figures(weights: Floats) -> dict[str, float]:
        areas = {name: one.areas(weights) for name, one in ranked.items()}
        made = {f"{name}/roc_auc": area.roc_auc for name, area in areas.items()}
        made[f"{candidate}/pr_auc"] = areas[candidate].pr_auc
        made[f"{candidate}/ece"] = calibration_error(truth, scores[candidate], weights, bin_of_row=bins)
        return made | {
            f"gain/{name}": areas[candidate].roc_auc - area.roc_auc for name, area in areas.items() if name != candidate
        }

    estimates = by_model(
        bootstrap_clusters(figures, weights=np.ones(len(test)), clusters=test.people, seed=seed, resamples=resamples)
    )
    gains, metrics = estimates.pop("gain"), estimates.pop(candidate)
    one = Estimate(value=0.5, low=0.5, high=0.5)
    return Evaluation(
        family="asked",
        candidate=candidate,
        primary_metric="roc_auc",
        protocol=PROTOCOL,
        cases=len(np.unique(test.people)),
        metrics=metrics,
        baselines=estimates | {"base_rate": {"roc_auc": one}},
        gains=gains,
        slices=group_slices(
            test.groups,
            truth,
            scores[candidate],
            weights=np.ones(len(test)),
            cases=np.arange(len(test)),
            people=test.people,
            min_cases=30,
            seed=seed,
            resamples=min(resamples, 200),
        ),
    )


def _importance(model: QuestionModel, rows: CaseRows, *, max_rows: int = 5_000, count: int = 8) -> dict[str, float]:
    sample = rows.take(np.arange(len(rows)) % max(len(rows) // max_rows, 1) == 0)
    shares = np.abs(model.committee.contributions(model.features(sample))[:, :-1]).mean(axis=0)
    means = dict(zip(model.names(sample), shares.tolist(), strict=True))
    return dict(sorted(means.items(), key=lambda pair: -pair[1])[:count])
