"""Next item of a session: the last days of a log are the test, whole sessions at a time.

A session ends after half an hour without an event. Repeated events of one item in a row count once; nothing is masked,
since people go back to what they saw. Items that the training part does not know are no targets; they are counted.
"""

import resource
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.recommendation.views import (
    BASELINES,
    GRU4REC,
    Fitting,
    SeedResult,
    ablated,
    fit_baselines,
    fit_gru,
    fit_views,
    training_report,
)
from models.recommender.blend_search import search_weights, shortlists
from models.recommender.dataset import Case, Interactions
from models.recommender.evaluate import rank_cases
from models.recommender.history import History
from models.recommender.session_knn import fit_session_knn
from shopsight.contracts import HISTORY_LENGTH

GAP_SECONDS = 1_800.0
SESSION_BASELINES = (*BASELINES, "session_knn", GRU4REC)
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
        known = code_of_N[data.items_E[rows]]
        for place in range(1, len(known)):
            past = known[:place] >= 0
            if known[place] < 0:
                cold += 1
            elif past.any():
                history = History(known[:place][past], data.behaviours_E[rows][:place][past])
                cases.append(Case(session, int(known[place]), history.last(HISTORY_LENGTH), _NOTHING))
    return Sessions(train=train, cases=cases, cold_targets=cold)


def run_seed(validation: Sessions, test: Sessions, fitting: Fitting) -> SeedResult:
    """Choose epochs and weights on the validation sessions, fit again on all before the test, rank the test once."""
    wall, cpu = time.perf_counter(), time.process_time()
    settings = fitting.config.session_knn
    none_NA = np.zeros((validation.train.items, 0), dtype=np.int64)
    epochs = fitting.config.transformer.epochs
    scorers, trained = fit_views(validation.train, none_NA, fitting, stop_on=validation.cases, epochs=epochs)
    scorers["session_knn"] = fit_session_knn(validation.train, settings)
    weights, on_validation = search_weights(shortlists(scorers, validation.cases))
    fitting.say(f"validation chose {weights}: NDCG@10 {on_validation:.4f}; fitting on all before the test")
    none_NA = np.zeros((test.train.items, 0), dtype=np.int64)
    scorers, trained = fit_views(test.train, none_NA, fitting, stop_on=(), epochs=trained.epochs)
    scorers["session_knn"] = fit_session_knn(test.train, settings)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    scorers |= fit_baselines(test.train, fitting)
    most = fitting.config.gru4rec.epochs
    _, chosen = fit_gru(validation.train, fitting, stop_on=validation.cases, epochs=most)
    gru, gru_report = fit_gru(test.train, fitting, stop_on=(), epochs=chosen["epochs"])
    scorers[GRU4REC] = gru
    contenders = {name: {name: 1.0} for name in SESSION_BASELINES} | ablated(weights) | {"candidate": weights}
    report = {
        "weights": weights,
        "validation_ndcg@10": round(on_validation, 5),
        **training_report(trained),
        GRU4REC: {
            **gru_report,
            "validation_by_epoch": chosen["validation_by_epoch"],
            "train_cpu_seconds": round(chosen["train_cpu_seconds"] + gru_report["train_cpu_seconds"], 1),
        },
        "train_seconds": round(seconds, 1),
        "train_cpu_seconds": round(cpu_seconds, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    return SeedResult(ranked=rank_cases(scorers, contenders, test.cases, lists=True), report=report)


def _rows(data: Interactions, kept_E: NDArray[np.bool_]) -> Interactions:
    return replace(
        data,
        users_E=data.users_E[kept_E],
        items_E=data.items_E[kept_E],
        behaviours_E=data.behaviours_E[kept_E],
        times_E=data.times_E[kept_E],
    )
