"""A global time split of an event log: the very training run of the platform, with its gate's evaluation."""

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.recommendation.results import Say
from models.evaluation.bootstrap import Estimate
from models.recommender.config import RecommenderConfig
from models.recommender.train import train
from models.training import read_card


def run_seed(
    interactions: pa.Table, config: RecommenderConfig, *, seed: int, device: str, precision: str, say: Say
) -> dict[str, Any]:
    """Return the evaluation of :func:`models.recommender.train.train` as plain figures; cold targets are counted."""
    ids = pa.chunked_array([interactions["item_id"].unique()])
    nothing = pa.nulls(len(ids), pa.string())
    items = pa.table(
        {
            "item_id": ids,
            "title": ids,
            "category": nothing,
            "brand": nothing,
            "price": pa.nulls(len(ids), pa.float64()),
            "is_available": pa.array([True] * len(ids)),
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        evaluation = train(
            interactions,
            items,
            config=config,
            out_dir=Path(folder),
            seed=seed,
            device=device,
            precision=precision,
            report=lambda progress: say(progress.message),
        )
        card = read_card(Path(folder))
    return {
        "protocol": evaluation.protocol,
        "candidate": evaluation.candidate,
        "not_evaluable": evaluation.not_evaluable,
        "weights": card.get("weights"),
        "train_seconds": card["train_seconds"],
        "users": evaluation.cases,
        "targets": card.get("targets"),
        **{name: round(one.value, 5) for name, one in evaluation.metrics.items()},
        "intervals": {name: _interval(one) for name, one in evaluation.metrics.items()},
        "gains": {
            name: {"value": round(one.value, 5), "interval": _interval(one)} for name, one in evaluation.gains.items()
        },
        "baselines": {
            name: {metric: round(one.value, 5) for metric, one in metrics.items()}
            for name, metrics in evaluation.baselines.items()
        },
    }


def _interval(estimate: Estimate) -> list[float]:
    return [round(estimate.low, 5), round(estimate.high, 5)]
