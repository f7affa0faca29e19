"""Reads the exports for the pages: DuckDB in memory over Parquet, so that nobody who looks ever holds up dbt."""

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from serving.studio.questions import Question
from shopsight.consent import PERSONAL_EXPORTS
from shopsight.marts import MANIFEST, export_path, mart_exists, open_marts
from shopsight.refusals import open_personal_marts
from shopsight.settings import Settings
from shopsight.whole_files import FileVersion, version_of

if TYPE_CHECKING:
    import duckdb

PAGE_ROWS: Final = 50
SPANS: Final = (7, 28, 90)
"""How many days a page may be about, by its links."""

Parameters = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Period:
    """The days that a page is about, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many there are."""
        return (self.last - self.first).days + 1

    def before(self, days: int) -> "Period":
        """Return as many days as these, so many days earlier."""
        gap = timedelta(days=days)
        return Period(first=self.first - gap, last=self.last - gap)

    @property
    def parameters(self) -> dict[str, date]:
        """As questions take them."""
        return {"first": self.first, "last": self.last}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some rows of an answer."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def records(self) -> list[dict[str, Any]]:
        """Return each row by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class MartReader:
    """Opens the marts that some questions read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._newest: tuple[FileVersion | None, date | None] = (None, None)

    def missing(self, question: Question) -> list[str]:
        """Return the marts of a question that the home has not."""
        return [name for name in question.marts if not mart_exists(export_path(self._settings, name))]

    @contextmanager
    def opened(self, *questions: Question) -> Iterator["Answers"]:
        """Yield what answers questions whose marts are there; of one moment, without who refuses personal use now."""
        names = {name for question in questions if not self.missing(question) for name in question.marts}
        with self.opened_marts(names) as connection:
            yield Answers(self, connection)

    @contextmanager
    def opened_marts(self, names: Iterable[str]) -> Iterator["duckdb.DuckDBPyConnection"]:
        """Yield a connection with marts as views, whose times are the shop's."""
        names = sorted(names)
        is_personal = any(name in PERSONAL_EXPORTS for name in names)
        opened = open_personal_marts(self._settings, names) if is_personal else open_marts(self._settings, names)
        with closing(opened) as connection:
            connection.execute(f"set timezone = '{self._settings.zone}'")
            yield connection

    def newest_day(self) -> date | None:
        """Return the newest day with events; None where there are no marts."""
        if not mart_exists(export_path(self._settings, "daily_kpis")):
            return None
        published = version_of(self._settings.exports_dir / MANIFEST)
        if published is None or self._newest[0] != published:
            with self.opened_marts(["daily_kpis"]) as connection:
                ((day,),) = connection.execute("select max(event_date) from daily_kpis").fetchall()
            self._newest = published, day
        return self._newest[1]


class Answers:
    """Answers questions on one connection."""

    def __init__(self, reader: MartReader, connection: "duckdb.DuckDBPyConnection") -> None:
        self._reader = reader
        self._connection = connection

    def missing(self, question: Question) -> list[str]:
        """Return the marts of a question that the home has not."""
        return self._reader.missing(question)

    def total(self, question: Question, parameters: Parameters) -> Any:
        """Return the figure; None where there is nothing to count, or a mart is missing."""
        if self.missing(question):
            return None
        ((value,),) = self._connection.execute(question.total_sql, _taken(question, parameters)).fetchall()
        return value

    def rows(self, question: Question, parameters: Parameters, *, limit: int | None = None, offset: int = 0) -> Rows:
        """Return rows in the question's order; none where a mart is missing."""
        if self.missing(question):
            return Rows(columns=(), rows=[])
        sql = question.sql if limit is None else f"{question.sql} limit {limit} offset {offset}"
        answer = self._connection.execute(sql, _taken(question, parameters))
        columns = tuple(column[0] for column in answer.description or ())
        return Rows(columns=columns, rows=answer.fetchall())

    def count(self, question: Question, parameters: Parameters) -> int:
        """Return how many rows there are."""
        if self.missing(question):
            return 0
        counted = f"select count(*) from ({question.sql})"
        ((rows,),) = self._connection.execute(counted, _taken(question, parameters)).fetchall()
        return int(rows)

    def as_csv(self, question: Question, parameters: Parameters) -> bytes:
        """Return all rows as CSV."""
        import pyarrow.csv

        table = self._connection.sql(question.sql, params=_taken(question, parameters)).to_arrow_table()
        sink = io.BytesIO()
        pyarrow.csv.write_csv(_flat(table), sink)
        return sink.getvalue()


def _taken(question: Question, parameters: Parameters) -> dict[str, Any]:
    return {name: parameters[name] for name in question.takes}


def _flat(table: Any) -> Any:
    """Return a table whose lists are texts, as CSV has them."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            texts = ["; ".join(map(str, one)) if one is not None else None for one in table[place].to_pylist()]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
    return table
