"""*Today*: what needs somebody, each with the way to where it is settled, and how the last week went."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from serving.studio.campaigns import launches
from serving.studio.charts import day_line
from serving.studio.models import model_states
from serving.studio.page_request import PageRequest, figures, rows_address, spans
from serving.studio.questions import QUESTIONS
from serving.studio.reader import Answers, Period
from serving.studio.week_brief import read_brief
from shopsight.clock import utc_now
from shopsight.errors import ShopsightError
from shopsight.families import SERVICES

FIGURES: Final = ("revenue", "orders", "visitors", "visits", "conversion", "bounces")
LATE_DAYS: Final = 2
"""Events of yesterday may come with tonight's import; older ones are late."""
ZERO_DAYS: Final = 28
ENDS_WITHIN_DAYS: Final = 7

Weight = Literal["act", "look"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """Something that needs somebody."""

    weight: Weight
    """``act``: it waits for a person; ``look``: somebody should know of it."""
    text: str
    more: str
    """A sentence of a model's or of a file's, in English; empty where there is none."""
    link: str
    """Where it is settled."""


def today(asked: PageRequest) -> dict[str, Any]:
    """Return what the page shows."""
    period = asked.period(days=7)
    gap = period.days
    with asked.reader.opened(*(QUESTIONS[name] for name in (*FIGURES, "daily", "zero_results", "reorder"))) as answers:
        tasks = [task for part in TASKS for task in _guarded(part, asked, answers)]
        daily = answers.rows(QUESTIONS["daily"], period.parameters).records()
        before = answers.rows(QUESTIONS["daily"], period.before(gap).parameters).records()
        cards = figures(asked, answers, FIGURES, period, gap=gap)
    by_day = {row["event_date"]: float(row["net_revenue"] or 0) for row in before}
    earlier = [by_day.get(row["event_date"] - timedelta(days=gap), 0.0) for row in daily]
    return {
        "brief": read_brief(asked.settings, asked.words.language),
        "tasks": sorted(tasks, key=lambda task: task.weight != "act"),
        "period": period,
        "before": period.before(gap),
        "spans": spans(asked, period),
        "figures": cards,
        "daily": daily,
        "daily_rows": rows_address("daily", period.parameters),
        "chart": day_line(
            [(row["event_date"], float(row["net_revenue"] or 0)) for row in daily],
            title=asked.words("today.chart"),
            before=earlier if by_day else (),
        ),
    }


def _guarded(part: "Part", asked: PageRequest, answers: Answers) -> list[Task]:
    """Return the tasks of a part; where they cannot be told, that is one."""
    try:
        return list(part(asked, answers))
    except ShopsightError as error:
        return [Task(weight="act", text=asked.words("today.broken"), more=str(error), link="/data")]


def _models(asked: PageRequest, _: Answers) -> Iterator[Task]:
    words = asked.words
    for one in asked.decisions.waiting():
        link = f"/models/{one['family']}/{one['version']}"
        key = "today.waiting" if one["state"] == "waits for an approval" else "today.judge_anew"
        people = words("today.anybody") if one["people"] is None else ", ".join(one["people"]) or words("today.no_one")
        text = words(key, family=one["family"], version=one["version"], age=one["age"], people=people)
        yield Task(weight="act", text=text, more=one["why"], link=link)
    for state in model_states(asked):
        if state.error:
            yield Task(
                weight="act", text=words("today.registry", family=state.family), more=state.error, link="/models"
            )
        newest = state.newest
        if newest is not None and newest.status == "candidate" and newest.eligible is False:
            text = words("today.refused", family=state.family, version=newest.version)
            link = f"/models/{state.family}/{newest.version}"
            yield Task(weight="look", text=text, more="; ".join(newest.reasons), link=link)


def _drift(asked: PageRequest, _: Answers) -> Iterator[Task]:
    from serving.studio.data import drift_judgements

    for family, status, reason in drift_judgements(asked.settings):
        if status != "stable":
            key = "today.drifted" if status == "drifted" else "today.drift_open"
            yield Task(weight="look", text=asked.words(key, family=family), more=reason, link=f"/models/{family}")


def _data(asked: PageRequest, _: Answers) -> Iterator[Task]:
    from serving.studio.data import quarantined

    newest = asked.reader.newest_day()
    if newest is None:
        yield Task(weight="act", text=asked.words("today.no_data"), more="", link="/data")
        return
    late = (utc_now().date() - newest).days
    if late > LATE_DAYS:
        yield Task(weight="act", text=asked.words("today.late", day=newest, days=late), more="", link="/data")
    rows, reasons = quarantined(asked.settings)
    if rows:
        worst = ", ".join(f"{name} {count:,}" for name, count in reasons.most_common(3))
        yield Task(weight="look", text=asked.words("today.quarantined", rows=rows), more=worst, link="/data#quarantine")


def _search(asked: PageRequest, answers: Answers) -> Iterator[Task]:
    newest = asked.reader.newest_day()
    if newest is None:
        return
    period = Period(first=newest - timedelta(days=ZERO_DAYS - 1), last=newest)
    queries = answers.rows(QUESTIONS["zero_results"], period.parameters, limit=3).records()
    count = answers.total(QUESTIONS["zero_results"], period.parameters)
    if queries:
        text = asked.words("today.zero_results", count=count, days=ZERO_DAYS)
        examples = ", ".join(f"“{row['query']}” ({row['zero_results']:,})" for row in queries)
        yield Task(weight="look", text=text, more=examples, link=f"/search?days={ZERO_DAYS}")


def _stock(asked: PageRequest, answers: Answers) -> Iterator[Task]:
    question = QUESTIONS["reorder"]
    count = answers.total(question, {})
    if count:
        rows = answers.rows(question, {}, limit=3).records()
        names = ", ".join(str(row["title"] or row["item_id"]) for row in rows)
        yield Task(weight="act", text=asked.words("today.reorder", count=count), more=names, link="/stock")


def _campaigns(asked: PageRequest, _: Answers) -> Iterator[Task]:
    now = utc_now().date()
    for launch in launches(asked.settings):
        days = (launch.ends - now).days
        if 0 <= days <= ENDS_WITHIN_DAYS:
            text = asked.words("today.campaign", name=launch.name, day=launch.ends)
            yield Task(weight="look", text=text, more="", link="/campaigns")


def _services(asked: PageRequest, _: Answers) -> Iterator[Task]:
    from serving.running.states import read_states

    for name, state in read_states(asked.settings).items():
        if state.state == "failed":
            text = asked.words("today.service", name=SERVICES[name].title)
            yield Task(weight="act", text=text, more=state.note, link="/data#services")


Part = Callable[[PageRequest, Answers], Iterator[Task]]
TASKS: Final[tuple[Part, ...]] = (_models, _services, _data, _stock, _drift, _search, _campaigns)
