"""Held-out purchases of an event log: each shopper's missing purchase, ranked from all that they did.

The held-out file names one (visitor, item) per line and no time; none of these pairs is in the log. Validation imitates
it: of every shopper with two bought items or more, one is drawn, and every row of that pair is taken out of the log.
"""

import csv
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.recommendation.event_log import UnreadableEventsError, read_event_log
from benchmarks.recommendation.views import (
    BASELINES,
    Fitting,
    SeedResult,
    ablated,
    fit_baselines,
    fit_views,
    training_report,
)
from models.recommender.blend_search import search_weights, shortlists
from models.recommender.dataset import Case, Interactions
from models.recommender.ensemble import TrainedEnsemble
from models.recommender.evaluate import rank_cases
from models.recommender.history import BEHAVIOUR_CODES, History
from models.recommender.scoring import Blend, Scorer
from shopsight.contracts import HISTORY_LENGTH

_PURCHASE = BEHAVIOUR_CODES["purchase"]
WITHOUT_OTHER_BEHAVIOURS = "purchases only"
"""The candidate of the log's purchases, with views and carts left out."""


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The log, and who bought what beside it."""

    data: Interactions
    visitors: list[str]
    """By user code of ``data``."""
    targets: Mapping[str, str]


def read_held_out(log: Path, held_out: Path) -> HeldOut:
    """Read ``timestamp,visitorid,event,itemid`` and ``visitorid,itemid``.

    Raises:
        UnreadableEventsError: a column is missing, or an event has an unknown name.
    """
    interactions = read_event_log(log)
    with held_out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"visitorid", "itemid"} <= set(rows[0]):
        raise UnreadableEventsError(
            f"{held_out} names no held-out purchase.",
            why="its columns must be visitorid and itemid, with one row at least",
            fix="pass heldout_purchases.csv",
        )
    return HeldOut(
        # Items that only the held-out file knows are in the catalogue too: a target nobody can find is a miss.
        data=Interactions.from_tables(interactions, pa.table({"item_id": [row["itemid"] for row in rows]})),
        visitors=[str(one) for one in np.unique(interactions["user_id"].to_numpy().astype(object))],
        targets={row["visitorid"]: row["itemid"] for row in rows},
    )


def run_seed(source: HeldOut, fitting: Fitting) -> SeedResult:
    """Choose on an imitation, fit again on the whole log, rank the held-out purchases once.

    The candidate of the purchases alone goes through the same steps, on the log's purchases.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    fitting.say("all behaviours")
    scorers, weights, trained, on_validation = _choose_and_fit(source.data, fitting)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    fitting.say("purchases alone")
    bought = _rows(source.data, source.data.behaviours_E == _PURCHASE)
    less, less_weights, _, _ = _choose_and_fit(bought, fitting)
    cases = test_cases(source)
    contenders = {name: {name: 1.0} for name in BASELINES} | ablated(weights) | {"candidate": weights}
    ranked = rank_cases(scorers | fit_baselines(source.data, fitting), contenders, cases, lists=True)
    alone = [Case(case.user, case.target, _purchases(case.history), case.seen) for case in cases]
    name = WITHOUT_OTHER_BEHAVIOURS
    blend = {name: Blend(scorers=less, weights=less_weights)}
    ranked |= rank_cases(blend, {name: {name: 1.0}}, alone, lists=True)
    report = {
        "weights": weights,
        "weights of purchases only": less_weights,
        "validation_ndcg@10": round(on_validation, 5),
        **training_report(trained),
        "train_seconds": round(seconds, 1),
        "train_cpu_seconds": round(cpu_seconds, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    return SeedResult(ranked=ranked, report=report)


def _choose_and_fit(
    data: Interactions, fitting: Fitting
) -> tuple[dict[str, Scorer], dict[str, float], TrainedEnsemble, float]:
    """Choose epochs and weights on imitated held-out purchases, and fit on all of ``data`` with them."""
    none_NA = np.zeros((data.items, 0), dtype=np.int64)
    train, cases = imitate(data, seed=fitting.seed)
    epochs = fitting.config.transformer.epochs
    scorers, trained = fit_views(train, none_NA, fitting, stop_on=cases, epochs=epochs)
    weights, on_validation = search_weights(shortlists(scorers, cases))
    fitting.say(f"validation chose {weights}: NDCG@10 {on_validation:.4f}; fitting on the whole log")
    final, refitted = fit_views(data, none_NA, fitting, stop_on=(), epochs=trained.epochs)
    return final, weights, refitted, on_validation


def imitate(data: Interactions, *, seed: int) -> tuple[Interactions, list[Case]]:
    """Return the log without one drawn purchase of each shopper with two or more, and these purchases as cases."""
    rng = np.random.default_rng(seed)
    kept_E = np.ones(len(data), dtype=np.bool_)
    drawn: list[tuple[int, slice, int]] = []
    for rows in data.user_slices():
        bought = np.unique(data.items_E[rows][data.behaviours_E[rows] == _PURCHASE])
        if len(bought) > 1:
            target = int(rng.choice(bought))
            kept_E[rows] &= data.items_E[rows] != target
            drawn.append((int(data.users_E[rows.start]), rows, target))
    cases = [_case(user, target, data, rows, kept_E) for user, rows, target in drawn]
    return _rows(data, kept_E), cases


def test_cases(source: HeldOut) -> list[Case]:
    """Return each visitor's held-out purchase with all that the log knows of the visitor."""
    code_of = {item: code for code, item in enumerate(source.data.item_ids)}
    everything_E = np.ones(len(source.data), dtype=np.bool_)
    cases = []
    for rows in source.data.user_slices():
        user = int(source.data.users_E[rows.start])
        if (target := source.targets.get(source.visitors[user])) is not None:
            cases.append(_case(user, code_of[target], source.data, rows, everything_E))
    return cases


def _case(user: int, target: int, data: Interactions, rows: slice, kept_E: NDArray[np.bool_]) -> Case:
    kept = np.flatnonzero(kept_E[rows]) + rows.start
    history = History(data.items_E[kept], data.behaviours_E[kept])
    return Case(user, target, history.last(HISTORY_LENGTH), np.setdiff1d(history.items, [target]))


def _purchases(history: History) -> History:
    bought = history.behaviours == _PURCHASE
    return History(history.items[bought], history.behaviours[bought])


def _rows(data: Interactions, kept_E: NDArray[np.bool_]) -> Interactions:
    return replace(
        data,
        users_E=data.users_E[kept_E],
        items_E=data.items_E[kept_E],
        behaviours_E=data.behaviours_E[kept_E],
        times_E=data.times_E[kept_E],
    )
