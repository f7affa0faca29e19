"""*Models*: what serves, what waits and why, and the forms that decide."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from serving.studio.data import drift_judgements
from serving.studio.decisions import Word
from serving.studio.page_request import PageError, PageRequest
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES

if TYPE_CHECKING:
    from models.evaluation.bootstrap import Estimate
    from models.registry.version import ModelVersion

MAX_REASON: Final = 2_000


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """A family's models."""

    family: str
    title: str
    versions: "Sequence[ModelVersion]" = ()
    """The newest first."""
    error: str = ""
    """Why the registry cannot say."""

    @property
    def champion(self) -> "ModelVersion | None":
        """What serves."""
        return next((one for one in self.versions if one.status == "champion"), None)

    @property
    def newest(self) -> "ModelVersion | None":
        """The newest version that is no baseline."""
        return next((one for one in self.versions if not one.evaluation.is_baseline), None)


def model_states(asked: PageRequest) -> Iterator[ModelState]:
    """Yield each family's models; one that the registry cannot tell of leaves the others alone."""
    from models.registry.registry import ModelRegistry

    registry = ModelRegistry.of(asked.settings)
    for name, family in FAMILIES.items():
        try:
            versions = list(reversed(registry.versions(name)))
            yield ModelState(family=name, title=family.title, versions=versions)
        except ShopsightError as error:
            yield ModelState(family=name, title=family.title, error=str(error))


def models(asked: PageRequest) -> dict[str, Any]:
    """Return what the list of families shows."""
    return {"states": list(model_states(asked)), "waiting": asked.decisions.waiting()}


def family(asked: PageRequest) -> dict[str, Any]:
    """Return what the page of a family shows: its versions, and what drifted."""
    state = _state(asked)
    drift = [one for one in drift_judgements(asked.settings) if one[0] == state.family]
    return {"state": state, "drift": drift[0] if drift else None}


def version(asked: PageRequest) -> dict[str, Any]:
    """Return what the page of a version shows."""
    state = _state(asked)
    chosen = next((one for one in state.versions if one.version == asked.path["version"]), None)
    if chosen is None:
        raise PageError(404, "error.no_version", name=f"{state.family} {asked.path['version']}")
    evaluation, metric = chosen.evaluation, chosen.evaluation.primary_metric
    champion = state.champion
    other = champion if champion is not None and champion.version != chosen.version else None
    waiting = [one for one in asked.decisions.waiting() if (one["family"], one["version"]) == _name(chosen)]
    return {
        "state": state,
        "version": chosen,
        "evaluation": evaluation,
        "primary": evaluation.metrics.get(metric),
        "beside": other.evaluation.metrics.get(metric) if other else None,
        "champion": other,
        "waiting": waiting[0] if waiting else None,
        "metrics": sorted(evaluation.metrics.items()),
        "baselines": sorted(
            ((name, one.get(metric), evaluation.gains.get(name)) for name, one in evaluation.baselines.items()),
            key=lambda row: -(row[1].value if row[1] else 0),
        ),
        "slices": sorted((name, one[metric]) for name, one in evaluation.slices.items() if metric in one),
        "card": sorted(_lines(chosen.card)),
        "decisions": _decisions(chosen),
        "may": [word for word in _open_words(chosen) if asked.visitor.may_act],
    }


def decide(asked: PageRequest, form: Mapping[str, str]) -> str:
    """Record what a form decides, and return the address of the page that says so.

    Raises:
        ShopsightError: it may not be decided so; nothing was recorded.
        PageError: the form is not whole.
    """
    state, chosen = _state(asked), asked.path["version"]
    words: dict[str, Word] = {"approve": "approve", "reject": "reject", "rollback": "rollback"}
    word, reason = words.get(form.get("word", "")), form.get("reason", "").strip()
    if word is None or len(reason) > MAX_REASON:
        raise PageError(400, "error.form")
    if chosen not in {one.version for one in state.versions}:
        raise PageError(404, "error.no_version", name=f"{state.family} {chosen}")
    if word == "rollback" and (state.champion is None or state.champion.version != chosen):
        raise PageError(409, "error.not_champion", name=f"{state.family} {chosen}")
    asked.decisions.decide(word, state.family, chosen, by=asked.visitor.name, reason=reason)
    return f"/models/{state.family}/{chosen}?done={word}"


def between(estimate: "Estimate | None") -> str:
    """Return a figure with its interval."""
    return "–" if estimate is None else f"{estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]"


def _state(asked: PageRequest) -> ModelState:
    wanted = asked.path["family"]
    state = next((one for one in model_states(asked) if one.family == wanted), None)
    if state is None:
        raise PageError(404, "error.no_family", name=wanted)
    return state


def _name(version: "ModelVersion") -> tuple[str, str]:
    return version.family, version.version


def _open_words(version: "ModelVersion") -> list[Word]:
    """Return what can be decided about a version, whoever may."""
    if version.status == "candidate":
        return ["approve", "reject"] if version.eligible else ["reject"]
    return ["rollback"] if version.status == "champion" else []


def _decisions(version: "ModelVersion") -> list[tuple[str, Any]]:
    made = [("approved", version.approval), ("rejected", version.rejection)]
    return [(key, one) for key, one in made if one is not None]


def _lines(card: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the lines of a card, nested ones by dotted names."""
    for name, value in card.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{prefix}{name}.")
        elif isinstance(value, list) and len(value) > 12:
            yield f"{prefix}{name}", f"[{len(value)}]"
        else:
            yield f"{prefix}{name}", str(value)
