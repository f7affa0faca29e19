"""The collector's door: judges events by the rules of an import, replaces ids of people, knows what came before."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from shopsight.events import EVENT_SCHEMA
from shopsight.ingestion.collecting.records import ACCEPTED_SCHEMA, REFUSED_SCHEMA, Record
from shopsight.ingestion.duck import StandingTable, utc_connection
from shopsight.ingestion.formats.canonical import EVENTS_AS_COLUMNS, with_small_names
from shopsight.ingestion.log.deduplication import CONTENT, KEY, with_event_ids
from shopsight.ingestion.log.pseudonyms import pseudonymised
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.json_lines import StandingObjects
from shopsight.ingestion.validation.rules import EVENT_RULES, IMPORTER_REASONS, ITEM_RULES, STRUCTURE_REASONS
from shopsight.ingestion.validation.standing import StandingRules
from shopsight.ingestion.validation.validate import SCHEMAS, validate
from shopsight.privacy import Pseudonymiser

SOURCE: Final = "shop"
"""Fills ``source`` where an event has none, as an import of canonical files does."""
MAX_KNOWN: Final = 200_000
"""Events of which a repetition is known at the door: the newest. What repeats an older one is a duplicate all the same,
as the landing finds, which compares with the whole log."""
MEANINGS: Final = {
    table: STRUCTURE_REASONS | IMPORTER_REASONS | {rule.reason: rule.meaning for rule in rules}
    for table, rules in (("events", EVENT_RULES), ("items", ITEM_RULES))
}
NO_OBJECT: Final = "not_a_json_object"
NOTHING: Final[Mapping[int, Sequence[str]]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why one event is not accepted."""

    index: int
    """Its place among those judged."""
    reasons: tuple[str, ...]
    """Every rule that it breaks, as the quarantine will say."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What becomes of some events, in their order."""

    record: Record
    """What is to be kept of them."""
    refusals: tuple[Refusal, ...]
    is_duplicate: NDArray[np.bool_]
    """Which of them repeat an event that is known, in every column."""

    @property
    def hashes(self) -> list[tuple[int, int]]:
        """Return what the accepted events are known by."""
        accepted = self.record.accepted
        return list(zip(accepted["event_hash"].to_pylist(), accepted["content_hash"].to_pylist(), strict=True))


class Door:
    """Judges events. Use it from one thread; :meth:`remember` those that are on disk."""

    def __init__(self, pseudonymiser: Pseudonymiser, *, newest: Iterable[tuple[int, int]] = ()) -> None:
        """Make one.

        Args:
            pseudonymiser: of the event log.
            newest: hashes of events that were let in before, oldest first.
        """
        self._pseudonymiser = pseudonymiser
        self._newest: dict[tuple[int, int], None] = dict.fromkeys(newest)
        # Each statement stays prepared as long as nothing else is registered beside it.
        reading, judging, hashing, self._other = self._connections = [utc_connection() for _ in range(4)]
        self._objects = StandingObjects(reading, EVENTS_AS_COLUMNS)
        self._rules = StandingRules(judging)
        self._hashing = hashing
        self._identified = StandingTable(hashing, "identified", EVENT_SCHEMA)
        hashing.execute(f"prepare hashes as select hash({KEY}) as event, hash({CONTENT}) as content from identified")

    def judge(
        self, events: Sequence[object], *, received_at: datetime, left_out: Mapping[int, Sequence[str]] = NOTHING
    ) -> Judgement:
        """Return what becomes of events.

        Args:
            events: objects of JSON in canonical columns; further keys are gathered in ``properties``. Anything else is
                refused.
            received_at: when they arrived; aware.
            left_out: those that are refused already, by their place, with the reasons.
        """
        refused = {place: [NO_OBJECT] for place, event in enumerate(events) if not isinstance(event, dict)}
        refused |= {place: list(reasons) for place, reasons in left_out.items()}
        places = np.array([place for place in range(len(events)) if place not in refused], dtype=np.int64)
        texts = [as_json(events[place]) for place in places]
        accepted, is_duplicate = ACCEPTED_SCHEMA.empty_table(), np.zeros(len(events), dtype=np.bool_)
        if texts:
            good, bad, reasons = self._validated(texts, received_at)
            refused |= {int(places[row]): why for row, why in zip(bad, reasons, strict=True)}
            is_known = self._repeats(good)
            is_duplicate[np.delete(places, bad)[is_known]] = True
            accepted = good.filter(pa.array(~is_known))
        refusals = tuple(Refusal(index=place, reasons=tuple(refused[place])) for place in sorted(refused))
        raws = [as_json(events[refusal.index]).encode() for refusal in refusals]
        return Judgement(
            record=Record(
                accepted=_one_batch(accepted, ACCEPTED_SCHEMA),
                refused=pa.record_batch([raws, [list(one.reasons) for one in refusals]], schema=REFUSED_SCHEMA),
                duplicates=int(np.count_nonzero(is_duplicate)),
            ),
            refusals=refusals,
            is_duplicate=is_duplicate,
        )

    def remember(self, hashes: Iterable[tuple[int, int]]) -> None:
        """Take events for known from now on, and forget the oldest."""
        self._newest.update(dict.fromkeys(hashes))
        while len(self._newest) > MAX_KNOWN:
            del self._newest[next(iter(self._newest))]

    def close(self) -> None:
        """Let go of the database."""
        for connection in self._connections:
            connection.close()

    def _validated(
        self, texts: Sequence[str], received_at: datetime
    ) -> tuple[pa.Table, NDArray[np.int64], list[list[str]]]:
        """Return the good rows with their hashes, and which of the texts are bad and why."""
        rows = self._objects.rows(texts).drop_columns("row")
        given = [name for name in rows.column_names if rows[name].null_count < rows.num_rows]
        rows = with_small_names(rows.select(given or ["event_name"]))
        chunk = RawChunk(rows=rows, lines=np.arange(rows.num_rows), raw=lambda _: [])
        validated = validate(self._other, chunk, source_name=SOURCE, received_at=received_at, judge=self._rules)
        good = with_event_ids(self._other, pseudonymised(validated.good, self._pseudonymiser)).cast(EVENT_SCHEMA)
        self._identified.put(good)
        hashes = self._hashing.sql("execute hashes").to_arrow_table()
        good = pa.table([*good.columns, *hashes.columns], schema=ACCEPTED_SCHEMA)
        return good, validated.bad, validated.reasons

    def _repeats(self, good: pa.Table) -> NDArray[np.bool_]:
        """Return which rows are known, or repeat a row before them."""
        seen = set[tuple[int, int]]()
        is_known = np.zeros(good.num_rows, dtype=np.bool_)
        pairs = zip(good["event_hash"].to_pylist(), good["content_hash"].to_pylist(), strict=True)
        for row, pair in enumerate(pairs):
            is_known[row] = pair in seen or pair in self._newest
            seen.add(pair)
        return is_known


def as_json(event: Any) -> str:
    """Return what a client sent as JSON on one line."""
    try:
        return orjson.dumps(event).decode()
    except TypeError:  # a whole number beyond 64 bits
        return json.dumps(event)


def meaning_of(reason: str, table: Literal["events", "items"] = "events") -> str:
    """Return a reason of the quarantine for people."""
    return MEANINGS[table].get(reason, reason)


def column_of(reason: str, table: Literal["events", "items"] = "events") -> str | None:
    """Return the column that a reason is about, where it is about one."""
    names = [name for name in SCHEMAS[table].names if reason.startswith(f"{name}_")]
    return max(names, key=len, default=None)


def _one_batch(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema)
