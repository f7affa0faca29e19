"""The small models of the unit tests, registered and approved as a person would: what serves needs no training."""

import importlib.util
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Final

from models.evaluation.approval import RuleResult, Verdict
from models.evaluation.bootstrap import Estimate
from models.evaluation.results import Evaluation
from models.registry.registry import ModelRegistry
from models.registry.version import ModelVersion
from shopsight.settings import REPO_ROOT, Settings

AT: Final = datetime(2026, 1, 5, tzinfo=UTC)


def toys() -> ModuleType:
    """Load the small models of the unit tests; tests are no package."""
    path = REPO_ROOT / "tests" / "unit" / "serving" / "conftest.py"
    spec = importlib.util.spec_from_file_location("serving_toys", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def register_toy(settings: Settings, family: str, folder: Path, *, judged_at: datetime = AT) -> ModelVersion:
    """Register a folder as a candidate that its gate found eligible, at a moment that approvals go by."""
    evaluation = Evaluation(
        family=family,
        candidate="toy",
        primary_metric="accuracy",
        protocol="none: a toy",
        cases=500,
        metrics={"accuracy": Estimate(value=0.9, low=0.8, high=0.95)},
        baselines={},
        gains={},
    )
    registry = ModelRegistry.of(settings)
    version = registry.register(family, folder, evaluation=evaluation, card={"data_window": "2025"}, created_at=AT)
    verdict = Verdict(rules=(RuleResult(rule="toy", outcome="passed", sentence="a toy passes"),))
    return registry.judge(family, version.version, verdict=verdict, at=judged_at)


def crown_toy(settings: Settings, family: str, folder: Path) -> ModelVersion:
    """Make a folder the champion of its family."""
    version = register_toy(settings, family, folder).version
    registry = ModelRegistry.of(settings)
    return registry.approve(family, version, approver="Ana", reason="fit to serve", at=AT, requester="Ben")
