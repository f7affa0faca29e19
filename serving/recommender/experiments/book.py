"""A shop's experiments: one YAML file, validated as a whole; docs/experiments.md shows each line of it."""

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

from pydantic import (
    AwareDatetime,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    field_validator,
    model_validator,
)

from serving.items.rules import RuleBook
from serving.items.schemas import Placement
from serving.schemas import Request
from shopsight.books import read_book
from shopsight.errors import ShopsightError

Metric = Literal["click_through", "conversion", "revenue_per_user"]
CONTROL: Final = "control"
"""The arm that every other one is compared with: it changes nothing."""
HOLD_OUT: Final = "hold_out"
"""The name under which the hold-out is reported, and its arm."""
EVERYONE_ELSE: Final = "everyone_else"
"""The other arm of the hold-out's report."""
ROUNDING: Final = 1e-9
"""How far shares may add up to more than 1: 0.1 is no binary number."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Share = Annotated[FiniteFloat, Field(gt=0, lt=1)]
WindowDays = Annotated[FiniteFloat, Field(gt=0, le=90)]
Shoppers = Annotated[int, Field(ge=100, le=1_000_000_000)]


class UnusableExperimentsError(ShopsightError):
    """An experiments file that cannot be read, or says something that no shopper can be assigned by."""


class Arm(Request):
    """What some of the shoppers get; nothing but ``name`` and ``share`` is the shop's lists as they are."""

    name: Name
    share: Share
    """Of all shoppers who may take part."""
    model: Literal["popularity"] | None = None
    """``popularity``: best sellers in place of what the model recommends."""
    diversity: Annotated[FiniteFloat, Field(ge=0, le=1)] | None = None
    """In place of the request's own."""
    max_per_category: Annotated[int, Field(ge=1)] | None = None
    max_per_brand: Annotated[int, Field(ge=1)] | None = None
    rules: RuleBook | None = None
    """Lines of rules.yml in place of the shop's; each of its ``rules`` comes beside them, or for a namesake."""
    without_rules: list[str] = Field(default=[], max_length=1_000)
    """Names of the shop's rules that do not hold."""

    @property
    def changes(self) -> bool:
        """Whether the arm does anything."""
        return bool(self.model_fields_set - {"name", "share"})


class GuardRail(Request):
    """What an arm may not cost, whatever else it gains."""

    metric: Metric
    worst: Annotated[FiniteFloat, Field(ge=0, lt=1)] = 0.02
    """Largest loss that is put up with, as a share of the control's value."""


class Experiment(Request):
    """Arms that some placements are served by, for some days."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    placements: list[Placement] | Literal["all"] = "all"
    arms: list[Arm] = Field(min_length=2, max_length=10)
    start: date
    """First day (UTC)."""
    end: date
    """Last day (UTC)."""
    stopped_at: AwareDatetime | None = None
    """From then on no list takes part, whatever ``end`` says."""
    metric: Metric
    guard_rails: list[GuardRail] = Field(default=[], max_length=3)
    window_days: WindowDays = 7.0
    """How long after their first list a shopper's doings count; only whoever has had so long is measured."""
    shoppers: Shoppers = 10_000
    """How many are to be measured: there the intervals are narrowest. To be set before the first one."""
    salt: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    """What shoppers are spread by; the name unless told."""

    @field_validator("placements")
    @classmethod
    def _some_placements(cls, placements: list[str] | str) -> list[str] | str:
        if not placements:
            raise ValueError("name a placement, or all of them with `all`")
        return placements

    @model_validator(mode="after")
    def _can_be_run(self) -> "Experiment":
        if self.start > self.end:
            raise ValueError("it ends before it starts")
        names = [arm.name for arm in self.arms]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two arms are called {', '.join(map(repr, twice))}")
        control = next((arm for arm in self.arms if arm.name == CONTROL), None)
        if control is None:
            raise ValueError(f"no arm is called {CONTROL!r}: with what are the others compared?")
        if control.changes:
            raise ValueError(f"the arm {CONTROL!r} changes something: it is what the others are compared with")
        if (total := sum(arm.share for arm in self.arms)) > 1 + ROUNDING:
            raise ValueError(f"the shares of the arms add up to {total:g}, which is more than 1")
        metrics = [rail.metric for rail in self.guard_rails]
        if self.metric in metrics or len(set(metrics)) < len(metrics):
            raise ValueError("a metric stands twice: each is the metric or one guard rail")
        return self

    @cached_property
    def where(self) -> frozenset[str]:
        """The placements that take part."""
        return frozenset(get_args(Placement) if self.placements == "all" else self.placements)

    @cached_property
    def version(self) -> str:
        """8 hex digits over all that must stay as it is while the experiment runs: everything but its end."""
        as_it_runs = self.model_dump_json(exclude={"end", "stopped_at"}, exclude_unset=True)
        return hashlib.sha256(as_it_runs.encode()).hexdigest()[:8]

    @cached_property
    def ends_at(self) -> datetime:
        """The moment (UTC) from which on no list takes part."""
        over = datetime.combine(self.end, time.max, UTC)
        return over if self.stopped_at is None else min(over, self.stopped_at.astimezone(UTC))

    def runs(self, moment: datetime) -> bool:
        """Return whether lists of a moment (UTC) take part."""
        return self.start <= moment.date() <= self.end and (self.stopped_at is None or moment < self.stopped_at)

    @property
    def last_whole_day(self) -> date:
        """The last day (UTC) that no other may have: one that was stopped leaves its day to others."""
        return self.end if self.stopped_at is None else self.ends_at.date() - timedelta(days=1)

    def overlaps(self, other: "Experiment") -> frozenset[str]:
        """Return the placements on which both would run on some day."""
        meet = self.start <= other.last_whole_day and other.start <= self.last_whole_day
        return self.where & other.where if meet else frozenset()


class HoldOut(Request):
    """Shoppers who are in no experiment, for good: what they earn less is what all of it together brings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: Annotated[FiniteFloat, Field(gt=0, le=0.5)]
    model: Literal["popularity"] | None = None
    """``popularity``: best sellers in place of personal lists; without it, the shop's lists as they are."""
    metric: Metric = "revenue_per_user"
    window_days: WindowDays = 28.0
    shoppers: Shoppers = 100_000
    salt: Annotated[str, StringConstraints(min_length=1, max_length=100)] = HOLD_OUT
    since: date
    """First day (UTC)."""

    def experiment(self) -> Experiment:
        """Return what the report compares: the hold-out as control, and everyone else."""
        arms = [Arm(name=CONTROL, share=self.share), Arm(name=EVERYONE_ELSE, share=1 - self.share)]
        return Experiment(
            name=HOLD_OUT,
            arms=arms,
            start=self.since,
            end=date.max,
            metric=self.metric,
            window_days=self.window_days,
            shoppers=self.shoppers,
            salt=self.salt,
        )


class ExperimentBook(Request):
    """All experiments of a shop: those that run, those to come, and those that are over and may be reported."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hold_out: HoldOut | None = None
    experiments: list[Experiment] = Field(default=[], max_length=1_000)

    @model_validator(mode="after")
    def _fit_together(self) -> "ExperimentBook":
        names = [experiment.name for experiment in self.experiments]
        if HOLD_OUT in names:
            raise ValueError(f"no experiment may be called {HOLD_OUT!r}: that is the report of the hold-out")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two experiments are called {', '.join(map(repr, twice))}")
        for one, other in combinations(self.experiments, 2):
            if both := sorted(one.overlaps(other)):
                raise ValueError(f"{one.name!r} and {other.name!r} would run on {', '.join(both)} on the same days")
        return self

    @classmethod
    def read(cls, path: Path, content: bytes | None = None) -> "ExperimentBook":
        """Read an experiments file.

        Args:
            path: the file.
            content: of it, where somebody has read it, or is about to write it.

        Raises:
            UnusableExperimentsError: it cannot be read; every line that is wrong is named.
        """
        error = UnusableExperimentsError
        return read_book(cls, path, what="experiments", page="docs/experiments.md", error=error, content=content)

    def named(self, name: str) -> Experiment | None:
        """Return an experiment, or what compares the hold-out with everyone else; None where there is none."""
        if name == HOLD_OUT and self.hold_out is not None:
            return self.hold_out.experiment()
        return next((experiment for experiment in self.experiments if experiment.name == name), None)
