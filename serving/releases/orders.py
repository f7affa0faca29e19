"""What `up` and the services of a release say to each other: two small files per family, each written whole.

``run/releases/<family>.json`` is `up`'s order: which version is in which step, where its process listens, and what is
put up with. ``<family>.<record>.seen.json`` is what the champion's service has counted in that step. Neither decides
anything that lasts: that stands in the registry's journal.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from models.evaluation.release.judgement import Limits, Tally
from shopsight.settings import Settings
from shopsight.whole_files import FileVersion, version_of, write_json

Stage = Literal["shadow", "canary", "champion"]
LOOK_SECONDS: Final = 0.1
"""How long a look at the order is good for."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be done with the requests of a family."""

    record: int
    """Of the journal, in which the step began: counts of another step are not its own."""
    version: str
    """What is under release."""
    stage: Stage
    """``champion``: it serves all requests, and is compared with what served before."""
    port: int = 0
    """Where its own process listens on this machine; 0 where it serves all."""
    share: float = 1.0
    """Of the shoppers in a canary, of the requests in a shadow."""
    late_seconds: float = 1.0
    """Longest that its answer is waited for, before the champion gives one."""
    latency_ratio: float = 2.0
    """How many times as long as nineteen of twenty of the champion's answers a slow one takes, at least."""
    latency_extra_ms: float = 50.0
    """How much longer than these a slow one takes, at least."""
    limits: Limits = field(default_factory=Limits)
    reference: Tally = field(default_factory=Tally)
    """What served before, as it was counted last; of a champion alone."""
    reference_ms: float = 0.0
    """Within how many milliseconds nineteen of twenty of its answers came."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Order":
        """Return the order that ``asdict`` wrote.

        Raises:
            TypeError, ValueError, KeyError: it is none.
        """
        parts = {"limits": Limits(**document["limits"]), "reference": Tally.of(document["reference"])}
        return cls(**{**document, **parts})


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the champion's service has counted in a step."""

    record: int
    candidate: Tally
    champion: Tally
    candidate_ms: tuple[float, float] | None = None
    """Half, and nineteen of twenty, of its newest answers came within so many milliseconds; None before the first."""
    champion_ms: tuple[float, float] | None = None
    agreement: float | None = None
    """Mean share of a list that both gave, over the requests that both answered; None where none was compared."""
    compared: int = 0
    dropped: int = 0
    """Shadow requests that were not sent, because the service had enough to do."""
    worse: str = ""
    """In what the version is surely worse than is allowed; nothing while it is in nothing."""
    first_bad: float | None = None
    """When its first answer that was bad in anything came, in seconds since 1970."""
    stopped: float | None = None
    """When it was found worse, and got no request from then on."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Seen":
        """Return what ``asdict`` wrote.

        Raises:
            TypeError, ValueError, KeyError: it is nothing of the kind.
        """
        sides = {name: Tally.of(document[name]) for name in ("candidate", "champion")}
        times = {name: document[name] and tuple(document[name]) for name in ("candidate_ms", "champion_ms")}
        return cls(**{**document, **sides, **times})


def order_path(settings: Settings, family: str) -> Path:
    """Return the file of a family's order."""
    return settings.run_dir / "releases" / f"{family}.json"


def seen_path(settings: Settings, family: str, record: int) -> Path:
    """Return the file of what a family's service has counted in a step.

    Each step has its own: a process that is about to end still counts in the step before, beside the new one.
    """
    return settings.run_dir / "releases" / f"{family}.{record}.seen.json"


def write_order(settings: Settings, family: str, order: Order | None) -> None:
    """Put an order in the place of the one before; None: there is nothing to be done."""
    path = order_path(settings, family)
    if order is None:
        path.unlink(missing_ok=True)
        return
    for seen in path.parent.glob(f"{family}.*.seen.json"):
        if seen != seen_path(settings, family, order.record):
            seen.unlink(missing_ok=True)
    write_json(path, asdict(order))


def read_order(path: Path) -> Order | None:
    """Return an order; None where there is none, or the file is not one."""
    document = _document(path)
    try:
        return None if document is None else Order.of(document)
    except (TypeError, ValueError, KeyError):
        return None


def read_seen(settings: Settings, family: str, record: int) -> Seen | None:
    """Return what was counted in the step that a record began; None where nothing was yet."""
    document = _document(seen_path(settings, family, record))
    try:
        seen = None if document is None else Seen.of(document)
    except (TypeError, ValueError, KeyError):
        return None
    return seen if seen is not None and seen.record == record else None


def _document(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


class OrderInForce:
    """Called for the order as it is now; the file is looked at ten times a second at most."""

    def __init__(self, path: Path, *, seconds_now: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._seconds_now = seconds_now
        self._look_again = float("-inf")
        self._seen: FileVersion | None = None
        self._order: Order | None = None

    def __call__(self) -> Order | None:
        """Return the order; None where there is nothing to be done."""
        now = self._seconds_now()
        if now >= self._look_again:
            self._look_again = now + LOOK_SECONDS
            seen = version_of(self._path)
            if seen != self._seen:
                self._seen = seen
                self._order = None if seen is None else read_order(self._path)
        return self._order
