"""Puts questions to the kept rows of a file."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson

from shopsight.ingestion.checks.answers import EXAMPLES, Check, Example, Status
from shopsight.ingestion.checks.kept_rows import LINE_BITS, KeptRows
from shopsight.ingestion.checks.questions import Question
from shopsight.ingestion.checks.tables import TABLES, VIEWS
from shopsight.ingestion.duck import utc_connection

THREADS: Final = 2
"""Questions, unlike validation, do not rely on the order of rows."""


def ask(
    questions: Collection[Question], rows: KeptRows, *, expected: Collection[str], received_at: str, spill: Path
) -> Iterator[Check]:
    """Yield the answer to each question.

    Args:
        questions: what is asked.
        rows: closed, with one row or more.
        expected: names of questions whose answer is known of every file of the format.
        received_at: arrival in ISO 8601, what queries call ``$received_at``.
        spill: folder for what exceeds the memory.
    """
    with utc_connection(spill, threads=THREADS) as connection:
        connection.read_parquet(str(rows.path)).create_view("events")
        made: set[str] = set()
        for question in questions:
            if question.name in expected:
                said = f"not asked, for it is known of this format: {question.meaning}"
                yield Check(name=question.name, status="PASS", rows=0, said=said)
            elif rows.given.issuperset(question.needs):
                yield _answer(connection, question, rows, made, received_at)
            else:
                missing = ", ".join(name for name in question.needs if name not in rows.given)
                yield Check(name=question.name, status="PASS", rows=0, said=f"nothing to ask without {missing}")


def _answer(
    connection: duckdb.DuckDBPyConnection, question: Question, rows: KeptRows, made: set[str], received_at: str
) -> Check:
    _make(connection, question.broken + question.out_of, made)
    broken = question.broken.replace("$received_at", f"timestamptz '{received_at}'")
    connection.execute(f"create or replace temp table broken as {broken}")
    count, total = (_number(connection, query) for query in ("select count(*) from broken", question.out_of))
    share = count / max(1, total)
    status: Status = "FAIL" if share > question.fail_above else "WARN" if share > question.warn_above else "PASS"
    if not count:
        return Check(name=question.name, status="PASS", rows=0, said=f"none of {total:,} {question.unit}")
    broken_rows = connection.sql(f"from broken order by place limit {EXAMPLES}")
    return Check(
        name=question.name,
        status=status,
        rows=count,
        said=f"{count:,} of {total:,} {question.unit}: {question.meaning}",
        examples=tuple(
            _example(rows, dict(zip(broken_rows.columns, row, strict=True))) for row in broken_rows.fetchall()
        ),
        why=question.why,
        fix=question.fix,
    )


def _make(connection: duckdb.DuckDBPyConnection, query: str, made: set[str]) -> None:
    """Make the tables and views that a query names, and first those that they name."""
    for name in re.findall(r"\w+", query):
        if name in made or name not in TABLES | VIEWS:
            continue
        made.add(name)
        kind, definition = ("view", VIEWS[name]) if name in VIEWS else ("table", TABLES[name])
        _make(connection, definition, made)
        connection.execute(f"create temp {kind} {name} as {definition}")


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    ((number,),) = connection.sql(query).fetchall()
    return int(number or 0)


def _example(rows: KeptRows, fields: dict[str, Any]) -> Example:
    file_name, line = _where(rows, fields.pop("place"))
    if (other := fields.pop("other_place", None)) is not None:
        other_file, fields["other_line"] = _where(rows, other)
        if other_file != file_name:
            fields["other_file"] = other_file
    said = {name: value for name, value in fields.items() if value is not None}
    return Example(file_name=file_name, line=line, raw=orjson.dumps(said, default=str).decode())


def _where(rows: KeptRows, place: int) -> tuple[str, int]:
    return rows.files[place >> LINE_BITS], place & ((1 << LINE_BITS) - 1)
