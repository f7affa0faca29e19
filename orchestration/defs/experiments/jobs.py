"""Jobs a person starts from the web UI to begin an experiment on the shop's lists, or to stop one."""

from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
from pydantic import Field

from orchestration.attribution import person_of_run
from shopsight.clock import utc_now
from shopsight.settings import Settings

if TYPE_CHECKING:
    from serving.recommender.experiments.book import Experiment

NO_RETRY: Final = {"dagster/max_retries": "0"}
"""What was refused would be refused again."""


class Metric(Enum):
    """What shoppers are compared by; docs/experiments.md says what each is."""

    click_through = "click_through"
    conversion = "conversion"
    revenue_per_user = "revenue_per_user"


class ArmLines(dg.Config):
    """What some of the shoppers get; an arm that says nothing gets the shop's lists as they are."""

    name: str = Field(description="Its name; the others are compared with the one called control.")
    share: float = Field(description="Of all shoppers, such as 0.5; all shares together are at most 1.")
    model: str | None = Field(default=None, description="popularity: best sellers in place of the model's lists.")
    diversity: float | None = Field(default=None, description="0 keeps the model's order, 1 takes categories in turn.")
    max_per_category: int | None = Field(default=None, description="Most items of one category in a list.")
    max_per_brand: int | None = Field(default=None, description="Most items of one brand in a list.")
    rules: dict[str, Any] | None = Field(default=None, description="Lines of rules.yml in place of the shop's.")
    without_rules: list[str] = Field(default=[], description="Names of the shop's rules that do not hold.")


class GuardRailLines(dg.Config):
    """What no arm may cost."""

    metric: Metric = Field(description="What must not fall.")
    worst: float = Field(default=0.02, description="Largest loss that is put up with, as a share of the control's.")


class NewExperiment(dg.Config):
    """An experiment that begins today (UTC)."""

    name: str = Field(description="Its name: small letters, digits, _ and -. No two have the same.")
    placements: list[str] = Field(
        default=[],
        description="Lists of the shop that take part, such as recommended_for_you. Empty: all of them.",
    )
    arms: list[ArmLines] = Field(description="What is compared: a control and at least one other arm.")
    days: int = Field(default=28, ge=1, le=3650, description="For how many days it runs, today with it.")
    metric: Metric = Field(description="What is compared.")
    guard_rails: list[GuardRailLines] = Field(default=[], description="What no arm may cost.")
    window_days: float = Field(
        default=7.0, description="How long after their first list shoppers are measured; 0.001 are 86 seconds."
    )
    shoppers: int = Field(default=10_000, description="How many are to be measured; the interval is narrowest there.")

    def lines(self) -> dict[str, Any]:
        """Return it as experiments.yml has it."""
        first = utc_now().date()
        said = self.model_dump(mode="json", exclude={"days"}, exclude_none=True)
        said["arms"] = [{name: value for name, value in arm.items() if value != []} for arm in said["arms"]]
        said["placements"] = self.placements or "all"
        return {**said, "start": first, "end": first + timedelta(days=self.days - 1)}


class StoppedExperiment(dg.Config):
    """Which experiment is stopped."""

    name: str = Field(description="Its name, as experiments.yml has it.")


@dg.op(description="Add an experiment to experiments.yml; running services take it up within seconds.")
def start(context: dg.OpExecutionContext, config: NewExperiment, settings: dg.ResourceParam[Settings]) -> None:
    """Begin; refused where a line is wrong, or another experiment runs at the same placement."""
    from serving.recommender.experiments import changing

    person = person_of_run(settings, context.run_id, context.run_tags)
    experiment = changing.start(settings, config.lines())
    context.log.info("%s started %s, %s", person, experiment.name, _in_words(experiment))


@dg.op(description="End an experiment at once; what it showed can be read as before.")
def stop(context: dg.OpExecutionContext, config: StoppedExperiment, settings: dg.ResourceParam[Settings]) -> None:
    """Stop; refused where there is none of that name, or it is over."""
    from serving.recommender.experiments import changing

    person = person_of_run(settings, context.run_id, context.run_tags)
    experiment = changing.stop(settings, config.name, now=utc_now())
    context.log.info("%s stopped %s; the asset `experiments` says what it showed", person, experiment.name)


def _in_words(experiment: "Experiment") -> str:
    arms = ", ".join(f"{arm.name} {arm.share:.0%}" for arm in experiment.arms)
    where = "all lists" if experiment.placements == "all" else ", ".join(experiment.placements)
    return f"{experiment.start} to {experiment.end} on {where}: {arms}"


FIRST: Final[dict[str, Any]] = {
    "name": "",
    "placements": ["recommended_for_you"],
    "arms": [{"name": "control", "share": 0.5}, {"name": "popular", "share": 0.5, "model": "popularity"}],
    "days": 28,
    "metric": "click_through",
    "window_days": 7.0,
    "shoppers": 10_000,
}
"""What the launchpad is filled in with: an experiment that wants a name."""


@dg.job(
    description="A person begins an experiment: some shoppers get other lists, and the asset `experiments` says what "
    "came of it.",
    config={"ops": {"start": {"config": FIRST}}},
    tags=NO_RETRY,
)
def start_experiment() -> None:
    """Begin one experiment."""
    start()


@dg.job(
    description="A person stops an experiment: from now on everybody gets the shop's own lists.",
    config={"ops": {"stop": {"config": {"name": ""}}}},
    tags=NO_RETRY,
)
def stop_experiment() -> None:
    """Stop one experiment."""
    stop()
