"""A home whose registry has small versions in it: what decisions, sensors and cards are about."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest
import yaml

from models.evaluation.approval import RuleResult, Verdict
from models.evaluation.bootstrap import Estimate
from models.evaluation.results import Evaluation
from models.registry.registry import ModelRegistry
from orchestration.instance import open_instance
from shopsight.clock import utc_now
from shopsight.families import FAMILIES
from shopsight.settings import Settings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def around(figure: float) -> Estimate:
    return Estimate(value=figure, low=figure - 0.01, high=figure + 0.01)


@pytest.fixture
def evaluation() -> Evaluation:
    """A recommender that beats one baseline, ties with another and loses to a third; two were not asked for."""
    return Evaluation(
        family="recommender",
        candidate="transformer",
        primary_metric="ndcg@10",
        protocol="a test window",
        cases=500,
        metrics={"coverage": around(0.8), "hit_rate@10": around(0.6), "mrr": around(0.3), "ndcg@10": around(0.4)},
        baselines={name: {"ndcg@10": around(0.3)} for name in ("ease", "item_knn", "last_viewed", "popularity")},
        gains={
            "popularity": Estimate(value=0.1, low=0.05, high=0.15),
            "ease": Estimate(value=0.0, low=-0.01, high=0.01),
            "last_viewed": Estimate(value=-0.2, low=-0.3, high=-0.1),
        },
    )


@pytest.fixture
def register(home: Settings, evaluation: Evaluation) -> Callable[..., str]:
    """Register a candidate with the gate's verdict on it, and return its version."""

    def register(*, eligible: bool = True, judged_at: datetime | None = None, launched_by: str | None = None) -> str:
        folder = home.training_dir / "recommender" / "candidate"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text("{}")
        registry = ModelRegistry.of(home)
        version = registry.register(
            "recommender",
            folder,
            evaluation=evaluation,
            card={"seed": 7},
            created_at=NOON,
            launched_by=launched_by,
        )
        rule = RuleResult(
            rule="beats every baseline",
            outcome="passed" if eligible else "failed",
            sentence="It beats popularity." if eligible else "It does not beat popularity.",
        )
        registry.judge("recommender", version.version, verdict=Verdict(rules=(rule,)), at=judged_at or utc_now())
        return version.version

    return register


@pytest.fixture
def packaged(home: Settings) -> Callable[[str], None]:
    """Put what `list_bentos` reads of a version's Bento into the store, as BentoML would have left it."""

    def packaged(version: str) -> None:
        name = FAMILIES["recommender"].bento
        folder = home.bentoml_dir / "bentos" / name / f"{version}-0123456789"
        folder.mkdir(parents=True)
        labels = {"family": "recommender", "model_version": version, "approval": "approved"}
        document = {"name": name, "version": folder.name, "labels": labels, "creation_time": NOON.isoformat()}
        (folder / "bento.yaml").write_text(yaml.safe_dump(document))
        tag = f"{name}:{folder.name}"
        ModelRegistry.of(home).package("recommender", version, tag=tag, manifest="of no files", at=NOON)

    return packaged


@pytest.fixture
def instance(home: Settings) -> Iterator[dg.DagsterInstance]:
    with open_instance(home) as instance:
        yield instance
