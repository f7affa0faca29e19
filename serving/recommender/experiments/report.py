"""The report of an experiment: who was shown what, what they did, and what follows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.experiments.judgement import ArmRows, Judgement, judge
from serving.recommender.experiments.book import CONTROL, Experiment, ExperimentBook
from serving.recommender.experiments.exposures import days_of_log, exposures
from serving.recommender.experiments.outcomes import Outcomes, outcomes
from shopsight.clock import rfc3339
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

MAX_LOOKS: Final = 60
"""Days that the picture shows, the newest."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What an arm's difference was on a day, from the shoppers who were measured by its end."""

    day: date
    arm: str
    difference: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """An experiment as it stands."""

    experiment: Experiment
    judgement: Judgement
    data_end: datetime | None
    """The last event that the warehouse has."""
    notes: list[str]
    """What else is to be said of the figures, a sentence each."""
    looks: list[Look]

    def as_document(self) -> dict[str, Any]:
        """Return what programs read."""
        figures = asdict(self.judgement)
        arms = {arm.pop("name"): arm for arm in figures.pop("arms")}
        return {
            **figures,
            "experiment": self.experiment.name,
            "metric": self.experiment.metric,
            "start": str(self.experiment.start),
            "end": str(self.experiment.end),
            "stopped_at": rfc3339(self.experiment.stopped_at) if self.experiment.stopped_at else None,
            "window_days": self.experiment.window_days,
            "planned": self.experiment.shoppers,
            "data_end": rfc3339(self.data_end) if self.data_end else None,
            "arms": arms,
            "notes": self.notes,
        }


def experiment_of(book: ExperimentBook, name: str) -> Experiment:
    """Return an experiment by its name.

    Raises:
        ShopsightError: there is none of that name.
    """
    experiment = book.named(name)
    if experiment is None:
        names = [one.name for one in book.experiments] + (["hold_out"] if book.hold_out else [])
        raise ShopsightError(
            f"there is no experiment {name!r}",
            why=f"experiments.yml has {', '.join(names) or 'none'}",
            fix="`shopsight experiment list` shows them; docs/experiments.md says how to write one",
        )
    return experiment


def report_on(settings: Settings, experiment: Experiment, *, now: datetime) -> Report:
    """Judge an experiment by the prediction log and the warehouse.

    Args:
        settings: of the home.
        experiment: which one.
        now: the moment of the report.

    Raises:
        ShopsightError: the warehouse was not built yet, or is being built.
    """
    # A list of the last seconds of a day may lie in the log's next day.
    last = min(experiment.end, now.date()) + timedelta(days=1) if experiment.end < now.date() else now.date()
    days = days_of_log(settings.predictions_dir / "recommender", experiment.start, last)
    shown_lists = exposures(days, experiment)
    results = outcomes(settings, shown_lists, experiment)
    names = [CONTROL, *(arm.name for arm in experiment.arms if arm.name != CONTROL)]
    return Report(
        experiment=experiment,
        judgement=_judged(experiment, names, results, results.measured_S, is_over=_is_over(experiment, results)),
        data_end=results.data_end,
        notes=_notes(experiment, results, set(results.arm_S.tolist()) - set(names)),
        looks=_looks(experiment, names, results),
    )


def _judged(
    experiment: Experiment, names: list[str], results: Outcomes, measured_S: NDArray[np.bool_], *, is_over: bool
) -> Judgement:
    shares = {arm.name: arm.share for arm in experiment.arms}
    kinds_S = np.where(results.returning_S, "had ordered before", "had not ordered before")
    arms = []
    for name in names:
        mine_S = results.arm_S == name
        rows_S = mine_S & measured_S
        arms.append(
            ArmRows(
                name=name,
                share=shares[name],
                exposed=int(mine_S.sum()),
                values={metric: values[rows_S] for metric, values in results.values.items()},
                before={metric: values[rows_S] for metric, values in results.before.items()},
                segments=kinds_S[rows_S],
            )
        )
    return judge(
        arms,
        metric=experiment.metric,
        guard_rails={rail.metric: rail.worst for rail in experiment.guard_rails},
        planned=experiment.shoppers,
        is_over=is_over,
        versions=results.versions,
    )


def _is_over(experiment: Experiment, results: Outcomes) -> bool:
    """Return whether the warehouse covers the window of whoever came last."""
    if results.data_end is None or experiment.end == date.max:
        return False
    return results.data_end >= experiment.ends_at + timedelta(days=experiment.window_days)


def _looks(experiment: Experiment, names: list[str], results: Outcomes) -> list[Look]:
    """Return what each day's report would have said, by the rows of today."""
    until_S = results.until_S.astype("datetime64[us]")
    days = np.unique(until_S[results.measured_S].astype("datetime64[D]"))[-MAX_LOOKS:]
    looks = []
    for day in days:
        by_then_S = results.measured_S & (until_S < day + np.timedelta64(1, "D"))
        judgement = _judged(experiment, names, results, by_then_S, is_over=False)
        looks += [
            Look(day=day.astype(date), arm=arm.name, difference=arm.difference, low=interval[0], high=interval[1])
            for arm in judgement.arms
            if arm.difference is not None and (interval := arm.difference_interval) is not None
        ]
    return looks


def _notes(experiment: Experiment, results: Outcomes, others: set[str]) -> list[str]:
    counts: Mapping[str, int] = {
        "shown lists of several arms, mostly by a login, and counted in the arm of the first one": results.crossed,
        "left out as bots": results.bots,
        "left out because they permit no figures": results.not_counted,
        "orders with lines in a currency without a rate, whose money is in no figure": results.unconverted,
    }
    notes = [f"{what}: {count:,}" for what, count in counts.items() if count]
    if others:
        notes.append(f"the log has arms that the experiment has not: {', '.join(sorted(others))}")
    waiting = int((~results.measured_S).sum())
    if waiting:
        end = rfc3339(results.data_end) if results.data_end else "never"
        notes.append(
            f"not measured yet: {waiting:,}; the {experiment.window_days:g} days after their first list are not over, "
            f"or not in the warehouse, whose last event is of {end}"
        )
    return notes
