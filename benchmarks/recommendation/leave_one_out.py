"""One seed of the leave-one-out protocol: fit on the training part, choose on validation, rank the test once."""

import resource
import time

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
from models.evaluation.ranking import ndcg_at
from models.recommender.blend_search import search_weights, shortlists
from models.recommender.evaluate import rank_cases
from models.recommender.leave_one_out import LeaveOneOut
from models.recommender.sequence_scorer import SequenceScorer

LEAVE_ONE_OUT_BASELINES = (*BASELINES, GRU4REC)


def run_seed(split: LeaveOneOut, attributes_NA: NDArray[np.int64], fitting: Fitting) -> SeedResult:
    """Train, choose, measure; the test cases are ranked after everything has been chosen, and once."""
    wall, cpu = time.perf_counter(), time.process_time()
    epochs = fitting.config.transformer.epochs
    scorers, trained = fit_views(split.train, attributes_NA, fitting, stop_on=split.validation, epochs=epochs)
    fitting.say("choosing weights on validation")
    weights, on_validation = search_weights(shortlists(scorers, split.validation))
    fitting.say(f"validation chose {weights}: NDCG@10 {on_validation:.4f}")
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    fitting.say("fitting the other baselines")
    scorers |= fit_baselines(split.train, fitting)
    gru, gru_report = fit_gru(split.train, fitting, stop_on=split.validation, epochs=fitting.config.gru4rec.epochs)
    scorers[GRU4REC] = gru
    contenders = {name: {name: 1.0} for name in LEAVE_ONE_OUT_BASELINES} | ablated(weights) | {"candidate": weights}
    if len(trained.scorer.members) > 1:
        first = SequenceScorer.of(trained.scorer.members[0], length=trained.scorer.length)
        scorers["one transformer"] = first
        alone = {"one transformer" if view == "transformer" else view: weight for view, weight in weights.items()}
        contenders |= {"one transformer": {"one transformer": 1.0}, "with one transformer": alone}
    started = time.perf_counter()
    ranked = rank_cases(scorers, contenders, split.test, lists=True)
    fitting.say(f"test NDCG@10 {ndcg_at(ranked['candidate'].ranks_C, 10).mean():.4f}")
    report = {
        "weights": weights,
        "validation_ndcg@10": round(on_validation, 5),
        **training_report(trained),
        GRU4REC: gru_report,
        "train_seconds": round(seconds, 1),
        "train_cpu_seconds": round(cpu_seconds, 1),
        "test_seconds": round(time.perf_counter() - started, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    return SeedResult(ranked=ranked, report=report)
