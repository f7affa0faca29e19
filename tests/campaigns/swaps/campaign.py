"""Swaps, rollbacks and bad models in a row, while a client asks; then every answer and every row is looked at."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from endless_clients import asking, outcomes_in

from models.registry.registry import ModelRegistry
from serving.packaging.bento import build_bento
from serving.prediction_log import read_log
from serving.running.fleet import ServiceFleet
from serving.running.launcher import ServiceProcess
from serving.running.states import read_states, the_only_up, write_states
from shopsight.settings import Settings
from swaps.champions import AFTER_PACKAGING, BAD, FAMILY, Package, crown_bad, crown_good
from swaps.load import CLIENTS, PAUSE_SECONDS, SCRIPT, Outcome

LOOK_SECONDS: Final = 0.2
"""As `shopsight up` looks while something starts."""
SWAP_SECONDS: Final = 120.0
"""Longest that a model is waited for, on a machine with other work to do."""
SHARE: Final = 0.7
"""Of what a service can answer, how much it is asked over a longer time."""
CAPACITY_SECONDS: Final = 10.0
"""How long it is measured what it can answer."""
ROLLBACK_SECONDS: Final = 5.0
"""Longest from the decision until the model before answers, and the other does not any more."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One step of the campaign."""

    kind: str
    """``new``, ``rollback``, or how a bad model is bad."""
    version: str
    """What was decided on: what is to answer from now on, or must not."""
    decided: float
    """On the clock of the wall, in seconds."""
    done: float
    """When the supervisor said that it serves, or why it does not."""
    said: str
    """The note on the service, where the model is bad."""


@dataclass(kw_only=True)
class Campaign:
    """What was done, what clients saw, and what the prediction log has."""

    decisions: list[Decision] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    rows: list[tuple[str, str]] = field(default_factory=list)
    """Id and version of each row."""
    damaged: int = 0
    capacity: float = 0.0
    """Requests a second that the clients get answered without a pause, where that was measured."""
    looking: threading.Lock = field(default_factory=threading.Lock)
    """Held while the supervisor looks: what is changed in a Bento must be so before it is looked at."""


def run(
    settings: Settings,
    *,
    swaps: int,
    bad: int,
    seed: int,
    report: Callable[[str], None],
    package: Package = build_bento,
    process: type[ServiceProcess] = ServiceProcess,
    minutes: float = 0.0,
) -> Campaign:
    """Serve a recommender out of an empty home, swap it and plant bad ones, while a client asks.

    Args:
        settings: of the home; its recommendation port is served on.
        swaps: new champions and rollbacks; a rollback follows a new champion, one time in three.
        bad: models that must not serve, each rolled back at once.
        seed: of the order.
        report: hears of each step.
        package: makes the Bentos.
        process: serves them.
        minutes: over which the steps are spread, at :data:`SHARE` of what the service can answer; 0: one step follows
            the other.
    """
    campaign, fleet = Campaign(), ServiceFleet(settings, process=process)
    file = settings.home / "outcomes.jsonl"
    with the_only_up(settings), ThreadPoolExecutor(1) as decider:
        try:
            crown_good(settings, package, 0)
            _tend_until(settings, fleet, campaign, decider.submit(_wait_for, settings, "v0001"))
            order = _order(swaps, bad, random.Random(seed))
            pause = PAUSE_SECONDS
            if minutes:
                with asking(SCRIPT, settings.recommendation_port, file, pause_seconds=0.0):
                    time.sleep(CAPACITY_SECONDS)
                campaign.outcomes = outcomes_in(file, Outcome)
                campaign.capacity = len(campaign.outcomes) / CAPACITY_SECONDS
                pause = len(CLIENTS) / campaign.capacity * (1 / SHARE - 1)
            with asking(SCRIPT, settings.recommendation_port, file, pause_seconds=pause):
                every = 60 * minutes / (len(order) + 1)
                steps = decider.submit(_decide, settings, order, campaign, report, package, every)
                _tend_until(settings, fleet, campaign, steps)
        finally:
            fleet.stop()
    campaign.outcomes += outcomes_in(file, Outcome)
    log = read_log(settings.predictions_dir / FAMILY)
    campaign.rows = [(row["recommendation_id"], row["model"]["version"]) for row in log.rows]
    campaign.damaged = len(log.damaged)
    return campaign


def faults_of(campaign: Campaign) -> list[str]:
    """Return what must not be: failed requests, answers of bad models, slow rollbacks, lost or doubled rows."""
    return [*_of_answers(campaign), *_of_rollbacks(campaign), *_of_rows(campaign)]


def _order(swaps: int, bad: int, rng: random.Random) -> list[str]:
    """Return the steps; a rollback needs the new champion that it takes back."""
    rollbacks = round(swaps / 3)
    blocks = [["new", "rollback"] for _ in range(rollbacks)] + [["new"] for _ in range(swaps - 2 * rollbacks)]
    blocks += [[BAD[number % len(BAD)]] for number in range(bad)]
    rng.shuffle(blocks)
    return [step for block in blocks for step in block]


def _tend_until(settings: Settings, fleet: ServiceFleet, campaign: Campaign, done: Future[None]) -> None:
    """Look after the services, as `shopsight up` does in its main thread, until ``done``."""
    while not done.done():
        with campaign.looking:
            fleet.refresh()
        write_states(settings, fleet.states())
        time.sleep(LOOK_SECONDS)
    done.result()


def _decide(
    settings: Settings,
    steps: Sequence[str],
    campaign: Campaign,
    report: Callable[[str], None],
    package: Package,
    every_seconds: float,
) -> None:
    for number, kind in enumerate(steps, start=1):
        time.sleep(every_seconds)
        if kind == "rollback":
            decision = _rolled_back(settings)
        elif kind == "new":
            decision = _crowned(settings, package, number)
        else:
            decision = _refused(settings, package, kind, campaign.looking)
        campaign.decisions.append(decision)
        report(f"{number:>3} {kind}: {decision.version} after {decision.done - decision.decided:.1f} s {decision.said}")
    time.sleep(every_seconds)


def _crowned(settings: Settings, package: Package, number: int) -> Decision:
    version = crown_good(settings, package, number).version
    decided = time.time()
    _wait_for(settings, version)
    return Decision(kind="new", version=version, decided=decided, done=time.time(), said="")


def _refused(settings: Settings, package: Package, kind: str, looking: threading.Lock) -> Decision:
    served = read_states(settings)[FAMILY].bento
    with looking if kind in AFTER_PACKAGING else nullcontext():
        version = crown_bad(settings, package, kind).version
    decided = time.time()
    # Of a model that does not load there is no Bento, so nothing that the supervisor could say is about it.
    said = "" if kind == "does not load" else _wait_for_note(settings, version)
    done, state = time.time(), read_states(settings)[FAMILY]
    assert (state.state, state.bento) == ("running", served), state
    _roll_back(settings)
    return Decision(kind=kind, version=version, decided=decided, done=done, said=said)


def _rolled_back(settings: Settings) -> Decision:
    decided = time.time()
    version = _roll_back(settings)
    _wait_for(settings, version)
    time.sleep(1)  # requests go on, so that what answers after it is seen
    return Decision(kind="rollback", version=version, decided=decided, done=time.time(), said="")


def _roll_back(settings: Settings) -> str:
    registry = ModelRegistry.of(settings)
    return registry.rollback(FAMILY, to=None, approver="Ana", reason="it errs", at=datetime.now(UTC)).version


def _wait_for(settings: Settings, version: str) -> None:
    _until(settings, lambda state, bento, _: state == "running" and f":{version}-" in bento)


def _wait_for_note(settings: Settings, version: str) -> str:
    _until(settings, lambda _, __, note: version in note)
    return read_states(settings)[FAMILY].note


def _until(settings: Settings, holds: Callable[[str, str, str], bool]) -> None:
    deadline = time.monotonic() + SWAP_SECONDS
    while True:
        state = read_states(settings)[FAMILY]
        if holds(state.state, state.bento or "", state.note):
            return
        assert time.monotonic() < deadline, state
        time.sleep(0.05)


def _of_answers(campaign: Campaign) -> Iterator[str]:
    failed = Counter(one.status for one in campaign.outcomes if one.status != "200")
    if failed:
        yield f"{failed.total()} of {len(campaign.outcomes):,} requests failed: {dict(failed.most_common(4))}"
    mixed = sum(len(set(one.versions)) > 1 for one in campaign.outcomes)
    if mixed:
        yield f"{mixed} batches were answered by more than one version"
    answered = Counter(version for one in campaign.outcomes for version in one.versions)
    for decision in campaign.decisions:
        if decision.kind in BAD and answered[decision.version]:
            yield f"{decision.version} ({decision.kind}) answered {answered[decision.version]} times"
        if decision.kind in BAD and decision.kind != "does not load" and not decision.said:
            yield f"nobody said why {decision.version} ({decision.kind}) does not serve"
        if decision.kind == "new" and not answered[decision.version]:
            yield f"{decision.version} never answered"


def rollback_seconds(campaign: Campaign) -> list[float]:
    """Return of each rollback how long after the decision the withdrawn model answered for the last time."""
    seconds = []
    for before, decision in zip(campaign.decisions, campaign.decisions[1:], strict=False):
        if decision.kind == "rollback":
            last = max((one.ended for one in campaign.outcomes if before.version in one.versions), default=0.0)
            first = min(
                one.ended
                for one in campaign.outcomes
                if one.began > decision.decided and decision.version in one.versions
            )
            seconds.append(max(last, first) - decision.decided)
    return seconds


def _of_rollbacks(campaign: Campaign) -> Iterator[str]:
    slow = [seconds for seconds in rollback_seconds(campaign) if seconds > ROLLBACK_SECONDS]
    if slow:
        yield f"{len(slow)} rollbacks took longer than {ROLLBACK_SECONDS:g} s: {max(slow):.1f} s"


def _of_rows(campaign: Campaign) -> Iterator[str]:
    answered = Counter(pair for one in campaign.outcomes for pair in zip(one.ids, one.versions, strict=True))
    logged = Counter(campaign.rows)
    lost, surplus = answered - logged, logged - answered
    if lost:
        yield f"{lost.total()} of {answered.total():,} answers are not in the prediction log"
    if surplus:
        yield f"{surplus.total()} rows of the prediction log are of no answer, or doubled"
    if campaign.damaged:
        yield f"{campaign.damaged} rows are damaged"
