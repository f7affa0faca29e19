"""What one seed of a protocol found, and how its progress is printed."""

import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.progress import Progress, ReportProgress
from models.recommender.evaluate import Ranked
from models.recommender.transformer.ensemble import TrainedEnsemble

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """What one seed found; ``ranked`` holds every baseline, the ``candidate`` and the candidate without each view."""

    ranked: Mapping[str, Ranked]
    report: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Stopwatch:
    """Runs from when it is made."""

    wall: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=time.process_time)

    def seconds(self) -> dict[str, float]:
        """Return what training took until now."""
        return {
            "train_seconds": round(time.perf_counter() - self.wall, 3),
            "train_cpu_seconds": round(time.process_time() - self.cpu, 1),
        }


def peak_memory_mb() -> int:
    """Return the most memory that this process has held."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def progress_to(say: Say, who: str = "") -> ReportProgress:
    """Return a reporter of epochs that says whose they are."""

    def report(progress: Progress) -> None:
        figures = ", ".join(f"{name} {value:.4f}" for name, value in progress.metrics.items())
        say(f"{who}{progress.message}: {figures}")

    return report


def ablated(weights: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Return the blend without each of its views in turn, the other weights as they are.

    >>> ablated({"transformer": 1.0, "ease": 0.1})
    {'without transformer': {'ease': 0.1}, 'without ease': {'transformer': 1.0}}
    """
    if len(weights) == 1:
        return {}
    return {
        f"without {left_out}": {view: weight for view, weight in weights.items() if view != left_out}
        for left_out in weights
    }


def training_report(trained: TrainedEnsemble) -> dict[str, Any]:
    """Return how the transformers were trained."""
    return {
        "epochs": list(trained.epochs),
        "validation_by_epoch": [round(value, 5) for value in trained.validation],
        "losses": [round(loss, 4) for loss in trained.losses],
        "parameters": trained.parameters,
    }
