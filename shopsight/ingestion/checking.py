"""Judges a file as an import would, without writing anything: PASS, WARN or FAIL per check, with rows as examples."""

import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopsight.ingestion.checks import QUESTIONS
from shopsight.ingestion.checks.answers import EXAMPLES, Check, Example, Status
from shopsight.ingestion.checks.asking import ask
from shopsight.ingestion.checks.kept_rows import KeptRows
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.repeats import RepeatCounter
from shopsight.ingestion.log.deduplication import CONTENT, KEY, SUSPECT, with_event_ids
from shopsight.ingestion.log.event_log import unique_in_source
from shopsight.ingestion.readers.chunks import DOUBTS, RawChunk, TableName
from shopsight.ingestion.readers.source_files import SourceFileError
from shopsight.ingestion.validation.rules import IMPORTER_REASONS, STRUCTURE_REASONS
from shopsight.ingestion.validation.validate import RULES, Validated, validate

WORST_SHARE: Final = 0.05
"""Bad rows are set aside and the rest is imported, so a few only warn; more than this says that the file is misread."""
WORST_DUPLICATES: Final = 0.5
OLD: Final = timedelta(days=30)
MAX_DOUBTFUL_SHARE: Final = 0.001
WORDS_SHOWN: Final = 5


@dataclass(kw_only=True)
class _Seen:
    """What is gathered while a file is read."""

    kept_rows: KeptRows
    rows: Counter[TableName] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    guests: int = 0
    nobody_words: Counter[tuple[str, str]] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[Example]] = field(default_factory=dict)
    names: Counter[str] = field(default_factory=Counter)
    keys: RepeatCounter = field(default_factory=RepeatCounter)
    contents: RepeatCounter = field(default_factory=RepeatCounter)
    repeated: int = 0
    corrected: int = 0
    corrections: list[Example] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None
    arrived_now: int = 0


def check_source(
    chunks: Iterable[RawChunk], *, source_name: str, received_at: datetime, expected: Collection[str] = ()
) -> list[Check]:
    """Read a source to its end and return every check, in the order of the rules.

    Args:
        chunks: what an importer yields.
        source_name: as an import would fill it in.
        received_at: arrival, with a zone: times more than a day after it are in the future.
        expected: questions to the whole file whose answer is known of every file of the format.
    """
    with tempfile.TemporaryDirectory(prefix="shopsight-validate-") as folder:
        seen = _Seen(kept_rows=KeptRows(Path(folder) / "kept.parquet"))
        try:
            with utc_connection() as connection:
                for chunk in chunks:
                    validated = validate(connection, chunk, source_name=source_name, received_at=received_at)
                    _note(connection, seen, chunk, validated, received_at)
        except SourceFileError as error:
            return [Check(name="readable", status="FAIL", rows=0, said=error.why, fix=error.fix)]
        finally:
            seen.kept_rows.close()
        readable = Check(name="readable", status="PASS", rows=0, said=_sum(seen.rows))
        answers = ask(
            QUESTIONS if seen.names else (),
            seen.kept_rows,
            expected=expected,
            received_at=received_at.isoformat(),
            spill=Path(folder) / "spill",
        )
        return [readable, *_of_reasons(seen), *_of_whole(seen, received_at), *answers]


def _note(
    connection: duckdb.DuckDBPyConnection, seen: _Seen, chunk: RawChunk, validated: Validated, received_at: datetime
) -> None:
    seen.rows[chunk.table] += chunk.rows.num_rows + len(chunk.broken)
    for broken in chunk.broken:
        _note_reason(seen, chunk, broken.reason, broken.line, broken.raw)
    seen.guests += validated.guests
    if chunk.table == "events":
        seen.nobody_words += validated.nobody_words
    for name, is_doubtful in chunk.doubts.items():
        seen.doubts[name] += int(np.count_nonzero(is_doubtful))
        for row in np.flatnonzero(is_doubtful)[: EXAMPLES - len(seen.examples.get((chunk.table, name), ()))]:
            _note_example(seen, chunk, name, int(chunk.lines[row]), int(row))
    for index, reasons in zip(validated.bad, validated.reasons, strict=True):
        if chunk.left_out is not None and chunk.left_out[index]:
            seen.left_out[chunk.rows["event_name"][int(index)].as_py()] += 1
            continue
        for reason in reasons:
            _note_reason(seen, chunk, reason, int(chunk.lines[index]), int(index))
    good = unique_in_source(validated.good, chunk.per_actor)
    if chunk.table == "events" and good.num_rows:
        _note_events(connection, seen, chunk, validated, good, received_at)


def _note_events(
    connection: duckdb.DuckDBPyConnection,
    seen: _Seen,
    chunk: RawChunk,
    validated: Validated,
    good: pa.Table,
    received_at: datetime,
) -> None:
    """Count what the accepted events say, and keep of them what the questions to the whole file need."""
    for pair in good["event_name"].value_counts().to_pylist():
        seen.names[pair["values"]] += pair["counts"]
    span = pc.min_max(good["event_timestamp"]).as_py()
    seen.first = min(filter(None, (seen.first, span["min"])))
    seen.last = max(filter(None, (seen.last, span["max"])))
    seen.arrived_now += pc.sum(pc.equal(good["created_timestamp"], received_at)).as_py() or 0
    is_named = good["event_id"].null_count < good.num_rows
    connection.register("identified", with_event_ids(connection, good))
    # What names an event and what it says; and, for whoever asks who shares an id, what the id alone names.
    hashes = connection.sql(
        f"select hash({KEY}) as key, hash({KEY}, {CONTENT}) as whole, hash({SUSPECT}) as id_key from identified"
    ).fetchnumpy()
    connection.unregister("identified")
    good_rows = np.delete(np.arange(len(chunk.lines)), validated.bad)
    is_repeated = seen.contents.number(hashes["whole"]) > 0
    is_correction = (seen.keys.number(hashes["key"]) > 0) & ~is_repeated
    seen.repeated += int(np.count_nonzero(is_repeated))
    seen.corrected += int(np.count_nonzero(is_correction))
    for place in good_rows[is_correction][: EXAMPLES - len(seen.corrections)]:
        seen.corrections.append(_example(chunk, int(chunk.lines[place]), int(place)))
    seen.kept_rows.add(
        good,
        file_name=chunk.file_name,
        lines=chunk.lines[good_rows],
        keys=hashes["id_key"],
        contents=hashes["whole"] if is_named else None,
        has_arrivals="created_timestamp" in chunk.rows.column_names,
    )


def _note_reason(seen: _Seen, chunk: RawChunk, reason: str, line: int, row: int | bytes) -> None:
    """Count a row against a reason, and keep the first few: a row's bytes are only fetched for those."""
    seen.reasons[chunk.table, reason] += 1
    _note_example(seen, chunk, reason, line, row)


def _note_example(seen: _Seen, chunk: RawChunk, reason: str, line: int, row: int | bytes) -> None:
    examples = seen.examples.setdefault((chunk.table, reason), [])
    if len(examples) < EXAMPLES:
        examples.append(_example(chunk, line, row))


def _example(chunk: RawChunk, line: int, row: int | bytes) -> Example:
    raw = row if isinstance(row, bytes) else chunk.raw(np.array([row]))[0]
    return Example(file_name=chunk.file_name, line=line, raw=raw.decode(errors="replace")[:500])


def _of_reasons(seen: _Seen) -> Iterator[Check]:
    """Yield a check per reason: all that events can be quarantined for, and of companions those that occur."""
    for table in seen.rows:
        meanings = STRUCTURE_REASONS | {rule.reason: rule.meaning for rule in RULES[table]} | IMPORTER_REASONS
        for reason, meaning in meanings.items():
            rows = seen.reasons[table, reason]
            if not rows and (table != "events" or reason in IMPORTER_REASONS):
                continue
            share = rows / max(1, seen.rows[table] - (seen.left_out.total() if table == "events" else 0))
            status: Status = "PASS" if not rows else "FAIL" if share > WORST_SHARE else "WARN"
            said = f"{share:.1%} of the {table}: {meaning}" if rows else f"none: {meaning}"
            name = reason if table == "events" else f"{table}.{reason}"
            yield Check(
                name=name, status=status, rows=rows, said=said, examples=tuple(seen.examples.get((table, reason), ()))
            )


def _of_whole(seen: _Seen, received_at: datetime) -> Iterator[Check]:
    good = sum(seen.names.values())
    if "events" in seen.rows or not seen.rows:
        status: Status = "PASS" if good else "FAIL"
        yield Check(name="events", status=status, rows=0, said=_sum(seen.names) if good else "no row would be accepted")
    if seen.left_out:
        said = f"{_sum(seen.left_out)}: left out by the format on purpose (an import says left_out_by_design)"
        yield Check(name="left_out_by_design", status="PASS", rows=seen.left_out.total(), said=said)
    if seen.guests:
        said = "rows of orders without any identity: they count for the shop, under their order, and for no person"
        yield Check(name="guest_orders", status="PASS", rows=seen.guests, said=said)
    yield _of_nobody(seen)
    yield from _of_doubts(seen)
    if not good or seen.first is None or seen.last is None:
        return
    status = "PASS" if not seen.repeated else "WARN" if seen.repeated <= WORST_DUPLICATES * good else "FAIL"
    yield Check(
        name="duplicates", status=status, rows=seen.repeated, said="rows that repeat an earlier row of the file"
    )
    yield Check(
        name="corrected",
        status="WARN" if seen.corrected else "PASS",
        rows=seen.corrected,
        said="rows that say something else of an event that an earlier row told (same event_id, event_name, item_id, "
        "order_id and line_number): the later row would count",
        examples=tuple(seen.corrections),
    )
    bought = seen.names["purchase"]
    said = f"{bought:,} purchases" if bought else "no purchase: nothing says what leads to one"
    yield Check(name="purchases", status="PASS" if bought else "WARN", rows=0, said=said)
    span = f"{seen.first:%Y-%m-%d} to {seen.last:%Y-%m-%d}"
    is_new_history = seen.arrived_now > good / 2 and received_at.astimezone(UTC) - seen.first > OLD
    said = f"{span}: history without created_timestamp counts as known from today" if is_new_history else span
    yield Check(
        name="time_span", status="WARN" if is_new_history else "PASS", rows=seen.arrived_now * is_new_history, said=said
    )


def _of_doubts(seen: _Seen) -> Iterator[Check]:
    """Yield a check per doubt of an importer; an hour of clocks being changed holds few of a year's rows."""
    for name, rows in seen.doubts.items():
        yield Check(
            name=name,
            status="PASS" if rows <= MAX_DOUBTFUL_SHARE * seen.rows["events"] else "WARN",
            rows=rows,
            said=DOUBTS[name] if rows else f"none: {DOUBTS[name]}",
            examples=tuple(seen.examples.get(("events", name), ())),
            why="These events lie an hour off, before or after others that they followed." if rows else "",
            fix="Check the zone of the mapping, or export times in UTC." if rows else "",
        )


def _of_nobody(seen: _Seen) -> Check:
    """Say which words were read as no id: a few are guests, many may be a fault of whoever wrote the file."""
    rows, total = seen.nobody_words.total(), seen.rows["events"]
    words = ", ".join(
        f"{column} {word!r} ({count:,})" for (column, word), count in seen.nobody_words.most_common(WORDS_SHOWN)
    )
    status: Status = "WARN" if rows > WORST_SHARE * total else "PASS"
    return Check(
        name="words_for_nobody",
        status=status,
        rows=rows,
        said=f"read as no id: {words}" if rows else "none: words that stand for nobody",
        why="Rows that name nobody and no device are refused; orders of nobody count for the shop alone."
        if rows
        else "",
        fix="Leave the field empty, and see why the id was missing where the file was written." if rows else "",
    )


def _sum(counts: Mapping[TableName, int] | Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in Counter(counts).most_common()) or "no rows"


def worst(checks: Iterable[Check]) -> Status:
    """Return FAIL where any check fails, else WARN where any warns, else PASS."""
    statuses = {check.status for check in checks}
    return "FAIL" if "FAIL" in statuses else "WARN" if "WARN" in statuses else "PASS"
