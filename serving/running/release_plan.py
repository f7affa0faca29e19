"""``releases.yml``: by which steps an approved version becomes the champion, and what stops it on the way."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, field_validator, model_validator

from models.evaluation.release.judgement import Limits
from shopsight.books import read_book
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES
from shopsight.settings import Settings


class UnusableReleasesError(ShopsightError):
    """``releases.yml`` cannot be read, or is not valid."""


class ReleasePlan(BaseModel):
    """The steps of a family's releases, and their limits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shadow_minutes: float = Field(default=30.0, ge=0, allow_inf_nan=False)
    """How long the version answers the same requests unseen; 0: not at all."""
    shadow_share: float = Field(default=1.0, gt=0, le=1)
    """Of the requests, how many it answers so."""
    canary_minutes: float = Field(default=60.0, ge=0, allow_inf_nan=False)
    """How long it answers some shoppers; 0: not at all."""
    canary_share: float = Field(default=0.1, gt=0, le=0.5)
    """Of the shoppers, how many it answers."""
    champion_minutes: float = Field(default=60.0, ge=0, allow_inf_nan=False)
    """How long it is watched once it answers everybody."""
    min_answers: int = Field(default=500, ge=1)
    """Answers of the version that a step takes at least, however long it lasts: fewer prove nothing."""
    doubt: float = Field(default=0.05, gt=0, le=1)
    """Share above a limit that a step must rule out before it is over: what may fail so often goes no further."""
    late_seconds: float = Field(default=1.0, gt=0, le=5)
    """Longest that its answer is waited for, before the champion gives one."""
    latency_ratio: float = Field(default=2.0, ge=1, allow_inf_nan=False)
    """How many times as long as nineteen of twenty of the champion's answers a slow one takes, at least."""
    latency_extra_ms: float = Field(default=50.0, ge=0, allow_inf_nan=False)
    """How much longer than these a slow one takes, at least."""
    more_failed: float = Field(default=Limits.more_failed, ge=0, le=1)
    """Largest share of failed answers above the champion's."""
    more_slow: float = Field(default=Limits.more_slow, ge=0, le=1)
    """Largest share of slow answers above the champion's."""
    more_empty: float = Field(default=Limits.more_empty, ge=0, le=1)
    """Largest share of empty answers above the champion's."""
    more_fallback: float = Field(default=Limits.more_fallback, ge=0, le=1)
    """Largest share above the champion's of answers in which something stands in for the model."""
    lost_clicks: float = Field(default=0.2, ge=0, lt=1)
    """Of a recommender: largest share of the champion's lists with a click, or an order, that may be lost."""
    false_alarms: float = Field(default=Limits.false_alarms, gt=0, lt=1)
    """Largest chance that a version as good as the champion is stopped in a step, over all looks together."""

    @model_validator(mode="after")
    def _something_is_compared(self) -> "ReleasePlan":
        if not self.shadow_minutes and not self.canary_minutes:
            raise ValueError("a release has a shadow or a canary: without either there is nothing to compare with")
        return self

    @property
    def limits(self) -> Limits:
        """How much worse than the champion the version may be."""
        return Limits(
            more_failed=self.more_failed,
            more_slow=self.more_slow,
            more_empty=self.more_empty,
            more_fallback=self.more_fallback,
            false_alarms=self.false_alarms,
        )

    def minutes(self, step: str) -> float:
        """Return how long a step lasts at least."""
        return float(getattr(self, f"{step}_minutes"))

    def steps_after(self, step: str) -> Iterable[str]:
        """Return the steps that come after one, of those that last at all; the champion's is always the last."""
        order = [one for one in STEPS if one == "champion" or self.minutes(one) > 0]
        return order[order.index(step) + 1 :] if step in order else order


STEPS: Final = ("shadow", "canary", "champion")


class ReleaseBook(RootModel[dict[str, ReleasePlan]]):
    """Plans by family; a family that is not in it has its approved versions serve at once."""

    @field_validator("root")
    @classmethod
    def _families_are_known(cls, plans: dict[str, ReleasePlan]) -> dict[str, ReleasePlan]:
        if unknown := sorted(set(plans) - set(FAMILIES)):
            raise ValueError(f"no family is called {', '.join(unknown)}; there are {', '.join(FAMILIES)}")
        return plans


def read_releases(path: Path) -> ReleaseBook:
    """Return the plans of a file.

    Raises:
        UnusableReleasesError: it cannot be read, or is not valid.
    """
    return read_book(ReleaseBook, path, what="releases", page="docs/releases.md", error=UnusableReleasesError)


def plan_in_force(settings: Settings, family: str) -> ReleasePlan | None:
    """Return how a family's approved versions are released; None where they serve at once.

    Raises:
        UnusableReleasesError: ``releases.yml`` is not valid.
    """
    path = settings.releases_path
    return read_releases(path).root.get(family) if path.exists() else None


def plan_with(plan: ReleasePlan, lines: Mapping[str, Any]) -> ReleasePlan:
    """Return a plan with some of its lines said anew, such as ``{"canary_minutes": 5}``.

    Raises:
        UnusableReleasesError: a line is wrong.
    """
    try:
        return ReleasePlan.model_validate(plan.model_dump() | dict(lines))
    except ValidationError as cause:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'the steps'}: {one['msg']}" for one in cause.errors())
        raise UnusableReleasesError(
            "The steps of this release are not valid.", why=wrong, fix="mend these lines; docs/releases.md has each"
        ) from cause
