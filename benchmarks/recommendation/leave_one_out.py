"""One seed of the leave-one-out protocol: fit on the training part, choose on validation, rank the test once."""

import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.recommendation.baselines import BASELINES, fit_baselines
from benchmarks.recommendation.contenders.gru4rec import GRU4REC, Gru4RecConfig, fit_gru4rec
from benchmarks.recommendation.results import (
    Say,
    SeedResult,
    Stopwatch,
    ablated,
    peak_memory_mb,
    progress_to,
    training_report,
)
from benchmarks.recommendation.split import LeaveOneOut
from models.evaluation.ranking import ndcg_at
from models.recommender.blend import choose_blend
from models.recommender.evaluate import rank_cases
from models.recommender.transformer.scorer import SequenceScorer
from models.recommender.views import Run, fit_views

LEAVE_ONE_OUT_BASELINES = (*BASELINES, GRU4REC)


def run_seed(
    split: LeaveOneOut, attributes_NA: NDArray[np.int64], run: Run, gru4rec: Gru4RecConfig, say: Say
) -> SeedResult:
    """Train, choose, measure; the test cases are ranked after everything has been chosen, and once."""
    stopwatch = Stopwatch()
    views = fit_views(
        split.train,
        attributes_NA,
        run,
        phase="leave_one_out",
        epochs=run.config.transformer.epochs,
        stop_on=split.validation,
        report=progress_to(say),
    )
    say("choosing weights on validation")
    blend = choose_blend(views.scorers, split.validation)
    say(f"validation chose {blend.weights}: NDCG@10 {blend.ndcg:.4f}")
    seconds = stopwatch.seconds()
    say("fitting the other baselines")
    scorers = dict(views.scorers) | fit_baselines(split.train, run)
    scorers[GRU4REC], how_gru4rec = fit_gru4rec(
        split.train,
        views.similarity,
        gru4rec,
        run,
        stop_on=split.validation,
        epochs=gru4rec.epochs,
        report=progress_to(say, "GRU4Rec, "),
    )
    contenders = {name: {name: 1.0} for name in LEAVE_ONE_OUT_BASELINES} | ablated(blend.weights)
    contenders["candidate"] = dict(blend.weights)
    assert views.transformer is not None, "all views were asked for"
    ensemble = views.transformer.scorer
    if len(ensemble.members) > 1:
        scorers["one transformer"] = SequenceScorer.of(ensemble.members[0], length=ensemble.length)
        alone = {"one transformer" if view == "transformer" else view: weight for view, weight in blend.weights.items()}
        contenders |= {"one transformer": {"one transformer": 1.0}, "with one transformer": alone}
    started = time.perf_counter()
    ranked = rank_cases(scorers, contenders, split.test, lists=True)
    say(f"test NDCG@10 {ndcg_at(ranked['candidate'].ranks_C, 10).mean():.4f}")
    report = {
        "weights": dict(blend.weights),
        "validation_ndcg@10": round(blend.ndcg, 5),
        **training_report(views.transformer),
        GRU4REC: how_gru4rec,
        **seconds,
        "test_seconds": round(time.perf_counter() - started, 1),
        "peak_memory_mb": peak_memory_mb(),
    }
    return SeedResult(ranked=ranked, report=report)
