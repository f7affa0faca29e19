"""A shop to ask: a recommender of drawn weights, shoppers with histories online, and services as ``up`` runs them.

How long an answer takes does not depend on what the weights have learnt.
"""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.recommend_latency import write_artefact_at_random
from models.evaluation.approval import RuleResult, Verdict
from models.evaluation.bootstrap import Estimate
from models.evaluation.results import Evaluation
from models.recommender.history import BEHAVIOURS
from models.registry.registry import ModelRegistry
from serving.packaging.bento import build_bento, find_bento
from serving.running.launcher import ServerProcess, ServiceProcess, collector_process
from shopsight.clock import utc_now
from shopsight.feature_store import LiveEvent, LiveFeatures, apply_definitions
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

SHOPPERS: Final = 2_000
"""Shoppers with a history, ``shopper 0`` and so on."""
MAX_HISTORY: Final = 50
SEED: Final = 1
ONLY_TIME: Final = "only its time is measured"
AT: Final = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class ServedShop:
    """What runs, and where."""

    settings: Settings
    recommender: ServerProcess
    collector: ServerProcess


@contextmanager
def served_shop(*, items: int) -> Iterator[ServedShop]:
    """Yield a shop of so many items whose recommender and collector answer; both end with the block."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        settings = Settings(home=Path(folder), recommendation_port=free_port(), collector_port=free_port())
        apply_definitions(settings)
        push_histories(settings, items=items)
        artefact = Path(folder) / "drawn"
        artefact.mkdir()
        write_artefact_at_random(artefact, items=items, size="small", rng=np.random.default_rng(SEED))
        services = [packaged(settings, "recommender", artefact), collector_process(settings)]
        for service in services:
            service.start()
            running.callback(service.stop)
        for service in services:
            service.wait_until_ready()
        yield ServedShop(settings=settings, recommender=services[0], collector=services[1])


def packaged(settings: Settings, family: str, artefact: Path) -> ServerProcess:
    """Make an artefact the champion of its family, and return what serves its Bento."""
    registry = ModelRegistry.of(settings)
    evaluation = Evaluation(
        family=family,
        candidate="drawn",
        primary_metric="none",
        protocol="none: weights are drawn at random, to measure time",
        cases=0,
        metrics={"none": Estimate(value=0.0, low=0.0, high=0.0)},
        baselines={},
        gains={},
    )
    card = {"data_window": "none"}
    version = registry.register(family, artefact, evaluation=evaluation, card=card, created_at=AT).version
    verdict = Verdict(rules=(RuleResult(rule="benchmark", outcome="passed", sentence=ONLY_TIME),))
    registry.judge(family, version, verdict=verdict, at=AT)
    champion = registry.approve(family, version, approver="benchmark", reason=ONLY_TIME, at=AT, requester="drawn")
    build_bento(settings, family, champion)
    bento = find_bento(settings, registry.version(family, version))
    assert bento is not None
    return ServiceProcess(settings, bento)


def push_histories(settings: Settings, *, items: int) -> None:
    """Bring shoppers online whose histories are of 1 to 50 steps."""
    rng = np.random.default_rng(SEED)
    pseudonymiser = Pseudonymiser.from_settings(settings)
    start = utc_now() - timedelta(days=1)
    events = []
    for shopper in range(SHOPPERS):
        key = pseudonymiser.user(f"shopper {shopper}")
        events += [
            LiveEvent(
                event_id=f"{shopper}-{step}",
                event_name=BEHAVIOURS[int(rng.integers(2))],
                event_timestamp=start + timedelta(seconds=step),
                user_id=key,
                item_id=f"i{int(rng.integers(items)):07d}",
            )
            for step in range(int(rng.integers(1, MAX_HISTORY + 1)))
        ]
    LiveFeatures(settings).push(events, received_at=utc_now())


def free_port() -> int:
    """Return a port that nothing listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
