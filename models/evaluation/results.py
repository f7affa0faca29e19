"""What an evaluation found, in one shape for every model family: the evidence that approval is decided on."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from models.evaluation.bootstrap import Estimate
from shopsight.whole_files import write_json

Metrics = Mapping[str, Estimate]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A candidate's figures on a test split that was ranked once, beside its baselines'."""

    family: str
    """The model family, by its name in :mod:`shopsight.families`."""
    candidate: str
    """Which of the trained contenders validation chose, such as ``transformer+ease``."""
    primary_metric: str
    """The metric that the gate reads; higher is better."""
    protocol: str
    """Split, targets and masking in one sentence: a figure means nothing without it."""
    cases: int
    """Independent test cases (users, sessions, texts) behind the figures."""
    metrics: Metrics
    """The candidate's figures, by metric name."""
    baselines: Mapping[str, Metrics]
    """Figures of every baseline and losing contender, by its name, then metric name."""
    gains: Metrics
    """Paired difference of the primary metric, candidate minus baseline, by the name of each *baseline to beat*."""
    slices: Mapping[str, Metrics] = field(default_factory=dict)
    """The candidate's figures on parts of the test split, such as ``new users``."""
    not_evaluable: str | None = None
    """Why nothing could be judged (too few cases); the figures are then empty and no model may be approved."""
    is_baseline: bool = False
    """Whether ``candidate`` is a baseline, which stands in where the gate refuses the model."""

    @classmethod
    def impossible(cls, *, family: str, primary_metric: str, protocol: str, reason: str) -> "Evaluation":
        """Return the evaluation of a shop that has nothing to judge yet."""
        return cls(
            family=family,
            candidate="none",
            primary_metric=primary_metric,
            protocol=protocol,
            cases=0,
            metrics={},
            baselines={},
            gains={},
            not_evaluable=reason,
        )

    def of_baseline(self, name: str) -> "Evaluation":
        """Return the evaluation of a baseline that stands in for this model: its figures from the same test split."""
        figures = self.baselines.get(name, {})
        return replace(self, candidate=name, metrics=figures, baselines={}, gains={}, slices={}, is_baseline=True)

    def write(self, path: Path) -> None:
        """Write the evaluation as JSON."""
        write_json(path, asdict(self), sort_keys=True)

    @classmethod
    def read(cls, path: Path) -> "Evaluation":
        """Read what :meth:`write` wrote."""
        raw: dict[str, Any] = json.loads(path.read_text())
        return cls(
            **raw
            | {
                "metrics": _estimates(raw["metrics"]),
                "gains": _estimates(raw["gains"]),
                "baselines": {name: _estimates(m) for name, m in raw["baselines"].items()},
                "slices": {name: _estimates(m) for name, m in raw["slices"].items()},
            }
        )


def by_model(estimates: Mapping[str, Estimate]) -> dict[str, dict[str, Estimate]]:
    """Return the figures of each model, from figures that are named ``model/metric``."""
    figures: dict[str, dict[str, Estimate]] = {}
    for key, estimate in estimates.items():
        model, metric = key.split("/")
        figures.setdefault(model, {})[metric] = estimate
    return figures


def _estimates(raw: Mapping[str, Mapping[str, float]]) -> Metrics:
    return {name: Estimate(**estimate) for name, estimate in raw.items()}
