"""Held-out purchases of an event log: each shopper's missing purchase, ranked from all that they did.

The held-out file names one (visitor, item) per line and no time; none of these pairs is in the log. Validation imitates
it: of every shopper with two bought items or more, one is drawn, and every row of that pair is taken out of the log.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.recommendation.baselines import BASELINES, fit_baselines
from benchmarks.recommendation.event_log import UnreadableEventsError, read_event_log
from benchmarks.recommendation.results import (
    Say,
    SeedResult,
    Stopwatch,
    ablated,
    peak_memory_mb,
    progress_to,
    training_report,
)
from models.recommender.blend import ChosenBlend, choose_blend
from models.recommender.dataset import Case, Interactions
from models.recommender.evaluate import rank_cases
from models.recommender.history import BEHAVIOUR_CODES, History
from models.recommender.views import Run, Views, fit_views
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


def run_seed(source: HeldOut, run: Run, say: Say) -> SeedResult:
    """Choose on an imitation, fit again on the whole log, rank the held-out purchases once.

    The candidate of the purchases alone goes through the same steps, on the log's purchases.
    """
    stopwatch = Stopwatch()
    say("all behaviours")
    blend, views = _choose_and_fit(source.data, run, say)
    assert views.transformer is not None, "all views were asked for"
    seconds = stopwatch.seconds()
    say("purchases alone")
    blend_of_purchases, views_of_purchases = _choose_and_fit(
        _rows(source.data, source.data.behaviours_E == _PURCHASE), run, say
    )
    cases = test_cases(source)
    contenders = {name: {name: 1.0} for name in BASELINES} | ablated(blend.weights)
    contenders["candidate"] = dict(blend.weights)
    ranked = rank_cases(dict(views.scorers) | fit_baselines(source.data, run), contenders, cases, lists=True)
    purchases = [Case(case.user, case.target, _purchases(case.history), case.seen) for case in cases]
    only = {WITHOUT_OTHER_BEHAVIOURS: blend_of_purchases.weights}
    ranked |= rank_cases(views_of_purchases.scorers, only, purchases, lists=True)
    report = {
        "weights": dict(blend.weights),
        "weights of purchases only": dict(blend_of_purchases.weights),
        "validation_ndcg@10": round(blend.ndcg, 5),
        **training_report(views.transformer),
        **seconds,
        "peak_memory_mb": peak_memory_mb(),
    }
    return SeedResult(ranked=ranked, report=report)


def _choose_and_fit(data: Interactions, run: Run, say: Say) -> tuple[ChosenBlend, Views]:
    """Choose epochs and weights on imitated held-out purchases, and fit on all of ``data`` with them."""
    none_NA = np.zeros((data.items, 0), dtype=np.int64)
    train, cases = imitate(data, seed=run.seed)
    views = fit_views(
        train,
        none_NA,
        run,
        phase="validation",
        epochs=run.config.transformer.epochs,
        stop_on=cases,
        report=progress_to(say),
    )
    assert views.transformer is not None, "all views were asked for"
    blend = choose_blend(views.scorers, cases)
    say(f"validation chose {blend.weights}: NDCG@10 {blend.ndcg:.4f}; fitting on the whole log")
    epochs = views.transformer.epochs
    return blend, fit_views(data, none_NA, run, phase="test", epochs=epochs, report=progress_to(say))


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
    entries = np.flatnonzero(kept_E[rows]) + rows.start
    history = History(data.items_E[entries], data.behaviours_E[entries])
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
