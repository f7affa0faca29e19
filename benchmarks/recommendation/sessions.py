"""Next item of a session: the last days of a log are the test, whole sessions at a time.

A session ends after half an hour without an event. Repeated events of one item in a row count once; nothing is masked,
since people go back to what they saw. Items that the training part does not know are no targets; they are counted.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.recommendation.baselines import BASELINES, fit_baselines
from benchmarks.recommendation.contenders.gru4rec import GRU4REC, Gru4RecConfig, fit_gru4rec
from benchmarks.recommendation.contenders.session_knn import SessionKnnConfig, fit_session_knn
from benchmarks.recommendation.results import (
    Say,
    SeedResult,
    Stopwatch,
    ablated,
    peak_memory_mb,
    progress_to,
    training_report,
)
from models.recommender.blend import choose_blend
from models.recommender.dataset import Case, Interactions
from models.recommender.evaluate import rank_cases
from models.recommender.history import History
from models.recommender.views import Run, fit_views
from shopsight.contracts import HISTORY_LENGTH

GAP_SECONDS = 1_800.0
SESSION_KNN = "session_knn"
SESSION_BASELINES = (*BASELINES, SESSION_KNN, GRU4REC)
WITH_SESSION_KNN = "with session_knn"
"""The candidate's views and session-kNN, blended as the candidate is; a contender, and nothing that is served."""
_NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Sessions as the users of ``train``, and the next items that are asked for."""

    train: Interactions
    cases: list[Case]
    cold_targets: int


def as_sessions(data: Interactions) -> Interactions:
    """Return the log with sessions of at least two different events in place of users, repeats in a row taken out."""
    started_E = (np.diff(data.users_E, prepend=-1) != 0) | (np.diff(data.times_E, prepend=-np.inf) > GAP_SECONDS)
    sessions_E = np.cumsum(started_E) - 1
    again_E = (np.diff(data.items_E, prepend=-1) == 0) & ~started_E
    kept_E = ~again_E
    kept_E &= np.bincount(sessions_E[kept_E], minlength=sessions_E[-1] + 1)[sessions_E] > 1
    return _rows(replace(data, users_E=sessions_E), kept_E)


def split_sessions(data: Interactions, *, start: float, end: float) -> Sessions:
    """Return sessions that began before ``start`` to learn from, and every next item of those that began within it.

    Args:
        data: from :func:`as_sessions`.
        start: seconds since 1970; sessions are whole, so a session that began earlier is learnt from to its end.
        end: sessions that began at or after it belong to a later split.
    """
    slices = data.user_slices()
    begun = np.array([data.times_E[rows.start] for rows in slices])
    earlier_E = np.zeros(len(data), dtype=np.bool_)
    for rows, moment in zip(slices, begun, strict=True):
        earlier_E[rows] = moment < start
    codes, items_E = np.unique(data.items_E[earlier_E], return_inverse=True)
    train = replace(_rows(data, earlier_E), item_ids=data.item_ids[codes], items_E=items_E.astype(np.int64))
    code_of_N = np.full(data.items, -1, dtype=np.int64)
    code_of_N[codes] = np.arange(len(codes))
    cases: list[Case] = []
    cold = 0
    for session, (rows, moment) in enumerate(zip(slices, begun, strict=True)):
        if not start <= moment < end:
            continue
        codes_E = code_of_N[data.items_E[rows]]
        for place in range(1, len(codes_E)):
            past = codes_E[:place] >= 0
            if codes_E[place] < 0:
                cold += 1
            elif past.any():
                history = History(codes_E[:place][past], data.behaviours_E[rows][:place][past])
                cases.append(Case(session, int(codes_E[place]), history.last(HISTORY_LENGTH), _NOTHING))
    return Sessions(train=train, cases=cases, cold_targets=cold)


def run_seed(validation: Sessions, test: Sessions, run: Run, gru4rec: Gru4RecConfig, say: Say) -> SeedResult:
    """Choose epochs and weights on the validation sessions, fit again on all before the test, rank the test once."""
    stopwatch = Stopwatch()
    views = fit_views(
        validation.train,
        _no_attributes(validation),
        run,
        phase="validation",
        epochs=run.config.transformer.epochs,
        stop_on=validation.cases,
        report=progress_to(say),
    )
    blend = choose_blend(views.scorers, validation.cases)
    say(f"validation chose {blend.weights}: NDCG@10 {blend.ndcg:.4f}; fitting on all before the test")
    assert views.transformer is not None, "all views were asked for"
    final = fit_views(
        test.train, _no_attributes(test), run, phase="test", epochs=views.transformer.epochs, report=progress_to(say)
    )
    assert final.transformer is not None, "all views were asked for"
    seconds = stopwatch.seconds()
    # What no shop is served: the blend with the strongest contender of sessions as one more view.
    neighbours = fit_session_knn(validation.train, SessionKnnConfig())
    with_neighbours = choose_blend({**views.scorers, SESSION_KNN: neighbours}, validation.cases)
    scorers = dict(final.scorers) | fit_baselines(test.train, run)
    scorers[SESSION_KNN] = fit_session_knn(test.train, SessionKnnConfig())
    gru = progress_to(say, "GRU4Rec, ")
    _, chosen = fit_gru4rec(
        validation.train,
        views.similarity,
        gru4rec,
        run,
        stop_on=validation.cases,
        epochs=gru4rec.epochs,
        report=gru,
    )
    scorers[GRU4REC], how_gru4rec = fit_gru4rec(
        test.train, final.similarity, gru4rec, run, stop_on=(), epochs=chosen["epochs"], report=gru
    )
    contenders = {name: {name: 1.0} for name in SESSION_BASELINES} | ablated(blend.weights)
    contenders |= {WITH_SESSION_KNN: dict(with_neighbours.weights), "candidate": dict(blend.weights)}
    report = {
        "weights": dict(blend.weights),
        f"weights {WITH_SESSION_KNN}": dict(with_neighbours.weights),
        "validation_ndcg@10": round(blend.ndcg, 5),
        **training_report(final.transformer),
        GRU4REC: {
            **how_gru4rec,
            "validation_by_epoch": chosen["validation_by_epoch"],
            "train_cpu_seconds": round(chosen["train_cpu_seconds"] + how_gru4rec["train_cpu_seconds"], 1),
        },
        **seconds,
        "peak_memory_mb": peak_memory_mb(),
    }
    return SeedResult(ranked=rank_cases(scorers, contenders, test.cases, lists=True), report=report)


def _no_attributes(sessions: Sessions) -> NDArray[np.int64]:
    return np.zeros((sessions.train.items, 0), dtype=np.int64)


def _rows(data: Interactions, kept_E: NDArray[np.bool_]) -> Interactions:
    return replace(
        data,
        users_E=data.users_E[kept_E],
        items_E=data.items_E[kept_E],
        behaviours_E=data.behaviours_E[kept_E],
        times_E=data.times_E[kept_E],
    )
