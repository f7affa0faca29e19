"""What a page is made of: who asks for what, in which language, about which days; and the figures that it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from serving.studio.questions import DAYS, QUESTIONS
from serving.studio.reader import SPANS, Answers, MartReader, Period
from shopsight.clock import utc_now
from shopsight.settings import Settings

if TYPE_CHECKING:
    from serving.studio.decisions import Decisions
    from serving.studio.jobs import Jobs
    from serving.studio.visitor import Visitor
    from serving.studio.words import Words


class PageError(Exception):
    """A page that cannot be made of what was asked for."""

    def __init__(self, status: int, key: str, **values: str) -> None:
        """Say why.

        Args:
            status: the HTTP status.
            key: of the text that says it.
            values: in that text.
        """
        super().__init__(key)
        self.status, self.key, self.values = status, key, values


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """A request for a page, with all that pages read."""

    settings: Settings
    reader: MartReader
    decisions: "Decisions"
    jobs: "Jobs"
    words: "Words"
    visitor: "Visitor"
    query: Mapping[str, str]
    """What the address asks for."""
    path: Mapping[str, str]
    """What the address names."""

    def period(self, days: int = 7) -> Period:
        """Return the days that the address asks for; without any, the newest ``days``.

        Raises:
            PageError: they are no days.
        """
        newest = self.reader.newest_day() or utc_now().date()
        try:
            last = date.fromisoformat(self.query["last"]) if "last" in self.query else newest
            if "first" in self.query:
                first = date.fromisoformat(self.query["first"])
            else:
                first = last - timedelta(days=int(self.query.get("days", days)) - 1)
        except (ValueError, OverflowError):
            raise PageError(400, "error.days") from None
        if first > last:
            raise PageError(400, "error.days")
        return Period(first=first, last=last)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number of a page, and where it opens."""

    name: str
    """Of its question: its texts are ``q.NAME`` and ``q.NAME.means``."""
    text: str
    """As it is written."""
    change: str
    """Against the days before, in per cent; empty where nothing is compared."""
    before: str
    """What it was in the days before."""
    rows: str
    """The address of its definition, SQL and rows."""
    missing: tuple[str, ...]
    """Marts that it needs and the home has not."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of a page, and where all of them open."""

    name: str
    columns: tuple[str, ...]
    records: list[dict[str, Any]]
    count: int
    """How many rows there are in all."""
    rows: str
    missing: tuple[str, ...]


def rows_address(name: str, parameters: Mapping[str, Any]) -> str:
    """Return the address at which a question opens."""
    taken = {one: parameters[one] for one in QUESTIONS[name].takes}
    return f"/rows?{urlencode({'q': name, **taken})}"


def figures(
    asked: PageRequest, answers: Answers, names: Sequence[str], period: Period, *, gap: int | None = None, **more: Any
) -> list[Figure]:
    """Return the figures of some questions about a period, beside the same days ``gap`` days before.

    Args:
        asked: says in which language they are written.
        answers: with the marts that they read.
        names: of the questions.
        period: the days.
        gap: how many days before lie what they are compared with; None: nothing is compared.
        more: further parameters.
    """
    made = []
    for name in names:
        question = QUESTIONS[name]
        parameters = {**period.parameters, **more}
        value = answers.total(question, parameters)
        before = None
        if gap is not None and set(DAYS) <= set(question.takes):
            before = answers.total(question, {**period.before(gap).parameters, **more})
        made.append(
            Figure(
                name=name,
                text=asked.words.value(value, question.form),
                change=asked.words.change(value, before, question.form),
                before="" if before is None else asked.words.value(before, question.form),
                rows=rows_address(name, parameters),
                missing=tuple(answers.missing(question)),
            )
        )
    return made


def table(answers: Answers, name: str, parameters: Mapping[str, Any], *, limit: int = 15) -> Table:
    """Return the first rows of a question."""
    question = QUESTIONS[name]
    part = answers.rows(question, parameters, limit=limit)
    return Table(
        name=name,
        columns=part.columns,
        records=part.records(),
        count=answers.count(question, parameters),
        rows=rows_address(name, parameters),
        missing=tuple(answers.missing(question)),
    )


def spans(asked: PageRequest, period: Period) -> list[tuple[int, bool]]:
    """Return the numbers of days that a page offers, and which of them it is about."""
    newest = asked.reader.newest_day()
    return [(days, period.days == days and period.last == newest) for days in SPANS]
