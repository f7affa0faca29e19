"""What other rules or another model would have changed in the lists of some days, made again with the inputs of then.

Both sides are made from the request, the features and the items of the logged row: once by the model and the rules
that answered, once by the candidate. Neither tries other items, so that whatever differs is the candidate's doing. What
the candidate would have earned is told from propensities, where lists tried other items; elsewhere it is not told.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from models.evaluation.bootstrap import Estimate
from models.recommender.predict import Recommender
from models.registry.artefacts import ArtefactChangedError
from models.registry.registry import ModelRegistry
from serving.audit.remaking import Instead, NotReplayableError, RecommendationsAgain
from serving.items.rules import RuleBook
from serving.prediction_log import read_log
from serving.recommender.logged_lists import Judgement, judge
from shopsight.errors import ShopsightError
from shopsight.marts import export_path, mart_exists, read_mart
from shopsight.settings import Settings

FAMILY: Final = "recommender"
REPORTED: Final = "clipped_snips"
"""The estimate that is told: it errs little, and no single list decides it."""


@dataclass(kw_only=True)
class DayReplay:
    """What the candidate changes."""

    asked: int = 0
    """Lists that were made again by both."""
    changed: int = 0
    """Lists that have other items, or the same in another order."""
    shorter: int = 0
    share_kept: float = 1.0
    """Mean share of a list's items that are on it still."""
    not_replayable: Counter[str] = field(default_factory=Counter)
    """Reasons why rows could not be made again, by how many."""
    gain: Counter[str] = field(default_factory=Counter)
    """Items by how many impressions they gain."""
    lose: Counter[str] = field(default_factory=Counter)
    """Items by how many they lose."""
    by_day: dict[str, Counter[str]] = field(default_factory=dict)
    """``asked`` and ``changed`` of each day."""
    by_placement: dict[str, Counter[str]] = field(default_factory=dict)
    estimates: dict[str, dict[str, Any]] = field(default_factory=dict)
    """``clicks`` and ``revenue`` per shown item, or ``not_estimable`` with the reason."""


def rows_of_days(settings: Settings, *, days: int, until: date) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows of the recommender's log of some days, and ``file:line`` of each damaged one.

    Args:
        settings: of the home.
        days: how many.
        until: the last of them (UTC).
    """
    rows: list[dict[str, Any]] = []
    damaged: list[str] = []
    for back in range(days - 1, -1, -1):
        folder = settings.predictions_dir / FAMILY / str(until - timedelta(days=back))
        if folder.exists():
            content = read_log(folder)
            rows += content.rows
            damaged += content.damaged
    return rows, damaged


def replay_days(
    rows: Sequence[Mapping[str, Any]],
    settings: Settings,
    *,
    rules: RuleBook | None = None,
    version: str | None = None,
    report: Callable[[int], None] = lambda _: None,
) -> DayReplay:
    """Make lists again as they were made, and as a candidate would have made them.

    Args:
        rows: of the recommender's log.
        settings: of the home.
        rules: the candidate's rules; None: those of then.
        version: the candidate's version of the model; None: the one that answered.
        report: told how many rows are done.

    Raises:
        UnknownVersionError: the registry has no such version.
        ArtefactChangedError: a file of the candidate is not what was registered.
    """
    model = Recommender.load(ModelRegistry.of(settings).version(FAMILY, version).path) if version else None
    sides = _Sides(settings, Instead(rules=rules, model=model))
    result, shares = DayReplay(), 0.0
    impressions: Counter[str] = Counter()
    candidates: dict[str, list[str]] = {}
    for number, row in enumerate(rows, start=1):
        report(number)
        if row["placement"] == "ranking":
            result.not_replayable["the shop's rules do not move rankings: they are left out"] += 1
            continue
        try:
            was, becomes = sides.lists(row)
        except NotReplayableError as reason:
            result.not_replayable[str(reason)] += 1
            continue
        except ArtefactChangedError as error:
            result.not_replayable[error.what] += 1
            continue
        candidates[row["recommendation_id"]] = becomes
        result.asked += 1
        result.changed += was != becomes
        result.shorter += len(becomes) < len(was)
        shares += len(set(was) & set(becomes)) / len(was) if was else 1.0
        impressions.update(becomes)
        impressions.subtract(was)
        for group, name in ((result.by_day, row["answered_at"][:10]), (result.by_placement, row["placement"])):
            group.setdefault(name, Counter()).update({"asked": 1, "changed": int(was != becomes)})
    result.share_kept = shares / result.asked if result.asked else 1.0
    result.gain = Counter({item: count for item, count in impressions.items() if count > 0})
    result.lose = Counter({item: -count for item, count in impressions.items() if count < 0})
    result.estimates = _estimates(settings, [row for row in rows if row["recommendation_id"] in candidates], candidates)
    return result


class _Sides:
    """Both sides of each version that answered, each loaded once and proved to be what was registered."""

    def __init__(self, settings: Settings, instead: Instead) -> None:
        self._folder = settings.predictions_dir / FAMILY
        self._registry = ModelRegistry.of(settings)
        self._instead = instead
        self._loaded: dict[str, tuple[RecommendationsAgain, RecommendationsAgain] | Exception] = {}

    def lists(self, row: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """Return the items of a row's list as it was, less what it tried, and as it would have been."""
        name = row["model"]["version"]
        if name not in self._loaded:
            try:
                self._loaded[name] = self._load(name)
            except (NotReplayableError, ArtefactChangedError) as error:
                self._loaded[name] = error
        sides = self._loaded[name]
        if isinstance(sides, Exception):
            raise sides
        first, second = ([item[0] for item in side.again(row)["results"]] for side in sides)
        return first, second

    def _load(self, name: str) -> tuple[RecommendationsAgain, RecommendationsAgain]:
        versions = {version.version: version for version in self._registry.versions(FAMILY)}
        version = versions.get(name)
        if version is None or not version.path.is_dir():
            raise NotReplayableError(f"the registry does not have the files of {FAMILY} {name}")
        version.verify()
        before, after = (
            RecommendationsAgain(version.path, self._folder, instead=one) for one in (Instead(), self._instead)
        )
        return before, after


def _estimates(
    settings: Settings, rows: Sequence[Mapping[str, Any]], candidates: Mapping[str, list[str]]
) -> dict[str, dict[str, Any]]:
    """Return what the candidate would have earned per shown item, or why that cannot be told."""
    if not mart_exists(export_path(settings, "list_feedback")):
        reason = {"not_estimable": "nobody joined the lists with what followed them: run `shopsight feedback`"}
        return {"clicks": reason, "revenue": dict(reason)}
    columns = ["recommendation_id", "item_id", "clicks", "revenue"]
    outcomes = read_mart(settings, "list_feedback", columns).to_pylist()
    joined_ids = {one["recommendation_id"] for one in outcomes}
    joined = [row for row in rows if row["recommendation_id"] in joined_ids]
    if not joined:
        reason = {"not_estimable": "the feedback has none of these lists yet: run `shopsight feedback`"}
        return {"clicks": reason, "revenue": dict(reason)}
    earned = {
        "clicks": {(one["recommendation_id"], one["item_id"]): float(one["clicks"] > 0) for one in outcomes},
        "revenue": {(one["recommendation_id"], one["item_id"]): max(float(one["revenue"]), 0.0) for one in outcomes},
    }

    def chances(row: Mapping[str, Any]) -> list[dict[str, float]]:
        return [{item: 1.0} for item in candidates[row["recommendation_id"]]]

    estimates: dict[str, dict[str, Any]] = {}
    for name, rewards in earned.items():
        try:
            estimates[name] = _summary(judge(joined, rewards, chances))
        except ShopsightError as error:
            estimates[name] = {"not_estimable": f"{error.what} {error.why}"}
    return estimates


def _summary(judgement: Judgement) -> dict[str, Any]:
    diagnostics = judgement.diagnostics
    summary: dict[str, Any] = {"rounds": diagnostics.rounds, "logged": judgement.logged}
    if diagnostics.not_evaluable is not None or judgement.difference is None:
        return summary | {"not_estimable": diagnostics.not_evaluable}
    return summary | {
        "candidate": _plain(judgement.estimates[REPORTED]),
        "difference": _plain(judgement.difference),
        "effective_rounds": diagnostics.effective_rounds_clipped,
    }


def _plain(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
