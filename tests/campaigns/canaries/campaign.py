"""Versions under release in a row, good and bad, while shoppers ask; then every answer and every row is looked at."""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from approved_toys import crown_toy, register_toy, toys
from endless_clients import asking, outcomes_in
from swaps.toy import package_toy

from canaries.defects import AT_START, BAD, GOOD, plant
from canaries.load import PAUSE_SECONDS, SCRIPT, Outcome
from canaries.process import nursery
from models.registry.registry import ModelRegistry
from models.registry.version import ModelVersion, ReleaseStep
from serving.prediction_log import read_log
from serving.running.fleet import START_LOOK_SECONDS, ServiceFleet
from serving.running.release_plan import ReleasePlan
from serving.running.states import the_only_up, write_states
from shopsight.settings import Settings

FAMILY: Final = "recommender"
LOOK_SECONDS: Final = 1.0
"""As ``shopsight up`` looks while nothing starts."""
RELEASE_SECONDS: Final = 900.0
"""Longest that a release is waited for, on a machine with other work to do."""
ROLLBACK_SECONDS: Final = 5.0
"""Longest from the answer that proves it until nobody gets an answer of a bad version, and the journal says so."""
MAX_GOOD_STOPPED: Final = 0.04
"""Share of the good ones that may be stopped."""
SHARE: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class Release:
    """What became of one version."""

    version: str
    defect: Mapping[str, Any]
    is_bad: bool
    steps: tuple[ReleaseStep, ...]

    @property
    def was_stopped(self) -> bool:
        """Whether it is withdrawn."""
        return self.steps[-1].step == "withdrawn"

    @property
    def ended(self) -> float:
        """When its last step was recorded, in seconds since 1970."""
        return _seconds(self.steps[-1])

    @property
    def proved(self) -> float:
        """When it was sure that it is bad: by an answer, or else by the end of its process."""
        return self.steps[-1].evidence.get("stopped") or self.ended

    @property
    def first_bad(self) -> float:
        """When the first of its answers was bad."""
        return self.steps[-1].evidence.get("first_bad") or self.ended


@dataclass(kw_only=True)
class Campaign:
    """What was released, what clients saw, and what the prediction log has."""

    releases: list[Release] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    rows: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Version and role, by the id of the answer."""
    damaged: int = 0


def run(
    settings: Settings,
    *,
    bad: int,
    good: int,
    seed: int,
    report: Callable[[str], None],
    pause_seconds: float = PAUSE_SECONDS,
) -> Campaign:
    """Serve a recommender out of an empty home, and release others beside it while shoppers ask.

    Args:
        settings: of the home; its recommendation port is served on.
        bad: versions that must be stopped.
        good: versions that must become champion.
        seed: of the order.
        report: hears of each release.
        pause_seconds: of each client after an answer.
    """
    campaign = Campaign()
    file = settings.home / "outcomes.jsonl"
    kinds = [(True, BAD[n % len(BAD)]) for n in range(bad)] + [(False, GOOD[n % len(GOOD)]) for n in range(good)]
    random.Random(seed).shuffle(kinds)
    with the_only_up(settings), nursery(settings) as process:
        fleet = ServiceFleet(settings, families=[FAMILY], process=process)
        try:
            _crown(settings)
            _tend_until(settings, fleet, lambda: fleet.states()[FAMILY].state == "running")
            with asking(SCRIPT, settings.recommendation_port, file, pause_seconds=pause_seconds):
                for number, (is_bad, defect) in enumerate(kinds, start=1):
                    release = _released(settings, fleet, number, defect, is_bad=is_bad)
                    campaign.releases.append(release)
                    report(f"{number:>3} {_words(release)}")
                until = time.monotonic() + 1
                _tend_until(settings, fleet, lambda: time.monotonic() > until)
        finally:
            fleet.stop()
    campaign.outcomes = outcomes_in(file, Outcome)
    log = read_log(settings.predictions_dir / FAMILY)
    campaign.rows = {row["recommendation_id"]: (row["model"]["version"], row.get("role", "")) for row in log.rows}
    campaign.damaged = len(log.damaged)
    return campaign


def faults_of(campaign: Campaign) -> list[str]:
    """Return what must not be: failed requests, bad versions that go on, good ones that are stopped, wrong rows."""
    return [
        *_of_requests(campaign),
        *_of_bad(campaign),
        *_of_good(campaign),
        *_of_shoppers(campaign),
        *_of_rows(campaign),
    ]


def rollback_seconds(release: Release, outcomes: list[Outcome]) -> float:
    """Return how long after the proof a bad version was still answering, or was not written down as stopped."""
    last = max((one.ended for one in outcomes if one.version == release.version), default=0.0)
    return max(last, release.ended) - release.proved


def _plan(*, is_bad: bool) -> ReleasePlan:
    shadow = 0.0 if is_bad else 0.03
    times = {"shadow_minutes": shadow, "canary_minutes": 0.06, "champion_minutes": 0.05}
    return ReleasePlan(canary_share=SHARE, min_answers=60, **times)


def _crown(settings: Settings) -> None:
    folder = _written(settings, GOOD[0])
    version = crown_toy(settings, FAMILY, folder)
    package_toy(settings, FAMILY, version)


def _released(settings: Settings, fleet: ServiceFleet, number: int, defect: dict[str, Any], *, is_bad: bool) -> Release:
    registry = ModelRegistry.of(settings)
    plan, at = _plan(is_bad=is_bad).model_dump(), datetime.now(UTC)
    folder = _written(settings, defect, items=40 + number % 20)
    version = register_toy(settings, FAMILY, folder, judged_at=at).version
    registry.release(FAMILY, version, approver="Ana", reason="fit to be tried", at=at, requester="Ben", plan=plan)
    package_toy(settings, FAMILY, registry.version(FAMILY, version))

    def is_over() -> bool:
        return registry.released(FAMILY) is None

    _tend_until(settings, fleet, is_over)
    return Release(version=version, defect=defect, is_bad=is_bad, steps=_version_of(registry, version).steps)


def _version_of(registry: ModelRegistry, version: str) -> ModelVersion:
    return next(one for one in registry.versions(FAMILY) if one.version == version)


def _written(settings: Settings, defect: dict[str, Any], *, items: int = 40) -> Path:
    folder: Path = toys().write_recommender(settings.training_dir / "released", items=items)
    plant(folder, defect)
    return folder


def _tend_until(settings: Settings, fleet: ServiceFleet, is_done: Callable[[], bool]) -> None:
    """Look after the services, as `shopsight up` does."""
    deadline = time.monotonic() + RELEASE_SECONDS
    while not is_done():
        fleet.refresh()
        write_states(settings, fleet.states())
        assert time.monotonic() < deadline, fleet.states()
        time.sleep(START_LOOK_SECONDS if fleet.starting() else LOOK_SECONDS)


def _of_requests(campaign: Campaign) -> Iterator[str]:
    as_champion = [one for one in campaign.releases if one.is_bad and _was_champion(one)]
    failed = [one for one in campaign.outcomes if one.status != "200"]
    during = [one for one in failed if any(_is_champion_at(release, one) for release in as_champion)]
    if others := len(failed) - len(during):
        kinds = Counter(one.status for one in failed)
        yield f"{others} of {len(campaign.outcomes):,} requests failed: {dict(kinds.most_common(4))}"


def _of_bad(campaign: Campaign) -> Iterator[str]:
    for release in campaign.releases:
        if not release.is_bad:
            continue
        if not release.was_stopped:
            yield f"{release.version} ({release.defect}) was not stopped"
        elif (seconds := rollback_seconds(release, campaign.outcomes)) > ROLLBACK_SECONDS:
            yield f"{release.version} ({release.defect}) was stopped after {seconds:.1f} s"


def _of_good(campaign: Campaign) -> Iterator[str]:
    good = [one for one in campaign.releases if not one.is_bad]
    stopped = [one for one in good if one.was_stopped]
    if len(stopped) > MAX_GOOD_STOPPED * len(good):
        yield f"{len(stopped)} of {len(good)} good ones were stopped: {[one.steps[-1].reason for one in stopped]}"
    answered = Counter(one.version for one in campaign.outcomes)
    yield from (f"{one.version} never answered" for one in good if not one.was_stopped and not answered[one.version])


def _of_shoppers(campaign: Campaign) -> Iterator[str]:
    """Say who was answered by both sides of a canary that answered whoever it was asked by."""
    for release in campaign.releases:
        canary = next((one for one in release.steps if one.step == "canary"), None)
        champion = next((one for one in release.steps if one.step == "champion"), None)
        if release.is_bad or canary is None or champion is None or champion.evidence["candidate"]["failed"]:
            continue
        sides: dict[str, set[bool]] = defaultdict(set)
        for one in campaign.outcomes:
            # What `up` says takes a moment to be heard.
            if one.shopper and _seconds(canary) + 3 < one.began and one.ended < _seconds(champion):
                sides[one.shopper].add(one.version == release.version)
        both = sum(len(seen) > 1 for seen in sides.values())
        share = sum(True in seen for seen in sides.values()) / max(len(sides), 1)
        if both:
            yield f"{both} of {len(sides)} shoppers were answered by both sides of {release.version}"
        if len(sides) > 100 and not SHARE / 2 < share < SHARE * 2:
            yield f"{share:.0%} of the shoppers were the canary's of {release.version}"


def _of_rows(campaign: Campaign) -> Iterator[str]:
    answered = {one.id: one.version for one in campaign.outcomes if one.id}
    lost = [one for one, version in answered.items() if campaign.rows.get(one, ("", ""))[0] != version]
    unseen = [one for one in answered if campaign.rows.get(one, ("", ""))[1] in ("shadow", "dropped")]
    surplus = [one for one, (_, role) in campaign.rows.items() if role in ("", "canary") and one not in answered]
    if lost:
        yield f"{len(lost)} of {len(answered):,} answers are not in the prediction log"
    if unseen:
        yield f"{len(unseen)} answers that clients got are logged as unseen"
    if surplus:
        of = Counter(campaign.rows[one] for one in surplus)
        yield f"{len(surplus)} rows are of answers that nobody got, by version and role: {dict(of)}"
    if campaign.damaged:
        yield f"{campaign.damaged} rows are damaged"


def _was_champion(release: Release) -> bool:
    return any(step.step == "champion" for step in release.steps)


def _is_champion_at(release: Release, outcome: Outcome) -> bool:
    began = next(_seconds(step) for step in release.steps if step.step == "champion")
    return began <= outcome.ended <= release.ended + ROLLBACK_SECONDS


def _words(release: Release) -> str:
    name = "good" if not release.is_bad else "bad"
    kind = f"{release.defect['kind']} ({release.defect['share']:.1%})"
    if not release.was_stopped:
        return f"{name}: {release.version} {kind} is champion"
    last, before = release.steps[-1], release.steps[-2].step
    how = (
        "" if release.defect["kind"] == AT_START else f" {release.proved - release.first_bad:.1f} s after a bad answer"
    )
    noted = f"{release.ended - release.proved:.1f} s later in the journal"
    return f"{name}: {release.version} {kind} was stopped in its step {before}{how}, {noted} [{last.reason[:90]}]"


def _seconds(step: ReleaseStep) -> float:
    return datetime.fromisoformat(step.at).timestamp()
