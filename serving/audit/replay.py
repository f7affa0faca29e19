"""Logged answers, made again: from the row, the artefact that answered, and the rules and items of then.

An answer is identical where everything that its row says of the result comes out again, to the last digit that was
logged. Whatever cannot be made again counts as such, with its reason, and never as identical.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from models.registry.artefacts import ArtefactChangedError
from models.registry.registry import ModelRegistry
from models.registry.version import ModelVersion
from serving.audit.remaking import ChurnAgain, IntentAgain, NotReplayableError, PropensityAgain, RecommendationsAgain
from shopsight.settings import Settings

MAX_DIFFERENCES: Final = 5
"""Differences that are named of one answer."""

Again = RecommendationsAgain | ChurnAgain | PropensityAgain | IntentAgain


@dataclass(kw_only=True)
class Replay:
    """What came of it."""

    asked: int = 0
    identical: int = 0
    different: int = 0
    not_replayable: int = 0
    differences: list[dict[str, Any]] = field(default_factory=list)
    """Of each different answer its ``id``, ``family`` and ``what``: a sentence for each difference."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why answers cannot be replayed, by how many."""
    by_family: dict[str, Counter[str]] = field(default_factory=dict)
    """``asked``, ``identical``, ``different`` and ``not_replayable`` of each family."""

    def count(self, row: Mapping[str, Any], outcome: str) -> None:
        """Count one answer."""
        of_family = self.by_family.setdefault(row["model"]["name"], Counter())
        for name in ("asked", outcome):
            setattr(self, name, getattr(self, name) + 1)
            of_family[name] += 1


def replay(
    rows: Sequence[Mapping[str, Any]],
    settings: Settings,
    *,
    texts: Mapping[str, str],
    report: Callable[[int], None] = lambda _: None,
) -> Replay:
    """Make answers again and compare them with what was logged.

    Args:
        rows: of the prediction log.
        settings: of the home.
        texts: what shoppers wrote, by the digest that the log of intents has of it.
        report: told how many rows are done.

    Raises:
        JournalBrokenError: the registry's journal does not say any more which files a version has.
    """
    result = Replay()
    models = _Models(settings, texts)
    for number, row in enumerate(rows, start=1):
        try:
            what = differences(row, models.of(row).again(row))
        except NotReplayableError as reason:
            result.reasons[str(reason)] += 1
            result.count(row, "not_replayable")
        except ArtefactChangedError as error:
            _differs(result, row, [f"the model: {error.what}"])
        else:
            if what:
                _differs(result, row, what)
            else:
                result.count(row, "identical")
        report(number)
    return result


def differences(row: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each value that came out otherwise than the row has it, at most a few.

    >>> differences({"results": [["a", 2.5]]}, {"results": [["b", 2.5]]})
    ["results.0.0: logged 'a', now 'b'"]
    """
    plain = orjson.loads(orjson.dumps(dict(again), option=orjson.OPT_SERIALIZE_NUMPY))
    named = [one for name, value in plain.items() for one in _differing(name, row.get(name), value)]
    more = len(named) - MAX_DIFFERENCES
    return named[:MAX_DIFFERENCES] + ([f"and {more} more"] if more > 0 else [])


def _differing(place: str, logged: Any, now: Any) -> list[str]:
    if isinstance(logged, dict) and isinstance(now, dict):
        names = sorted({*logged, *now})
        return [one for name in names for one in _differing(f"{place}.{name}", logged.get(name), now.get(name))]
    if isinstance(logged, list) and isinstance(now, list) and len(logged) == len(now):
        pairs = enumerate(zip(logged, now, strict=True))
        return [one for number, pair in pairs for one in _differing(f"{place}.{number}", *pair)]
    return [] if logged == now else [f"{place}: logged {logged!r}, now {now!r}"]


def _differs(result: Replay, row: Mapping[str, Any], what: list[str]) -> None:
    result.count(row, "different")
    answer_id = row.get("recommendation_id") or row.get("prediction_id")
    result.differences.append({"id": answer_id, "family": row["model"]["name"], "what": what})


class _Models:
    """The versions that answered, each loaded once and proved to be what was registered."""

    def __init__(self, settings: Settings, texts: Mapping[str, str]) -> None:
        self._settings = settings
        self._texts = texts
        self._registry = ModelRegistry.of(settings)
        self._loaded: dict[tuple[str, str], Again | NotReplayableError | ArtefactChangedError] = {}

    def of(self, row: Mapping[str, Any]) -> Again:
        """Return what makes the answers of the version that a row names.

        Raises:
            NotReplayableError: the registry does not have it any more.
            ArtefactChangedError: its files are not those that answered.
        """
        key = (row["model"]["name"], row["model"]["version"])
        if key not in self._loaded:
            try:
                self._loaded[key] = self._load(*key)
            except (NotReplayableError, ArtefactChangedError) as error:
                self._loaded[key] = error
        loaded = self._loaded[key]
        if isinstance(loaded, Exception):
            raise loaded
        return loaded

    def _load(self, family: str, name: str) -> Again:
        versions = {version.version: version for version in self._registry.versions(family)}
        version: ModelVersion | None = versions.get(name)
        if version is None:
            raise NotReplayableError(f"the registry has no {family} {name}")
        if not version.path.is_dir():
            raise NotReplayableError(f"the files of {family} {name} were deleted from the registry")
        version.verify()
        match family:
            case "recommender":
                return RecommendationsAgain(version.path, self._settings.predictions_dir / family)
            case "churn":
                return ChurnAgain(version.path)
            case "purchase_intent":
                return PropensityAgain(version.path)
            case "intent":
                return IntentAgain(version.path, self._texts)
        raise NotReplayableError(f"nothing replays the family {family}")
