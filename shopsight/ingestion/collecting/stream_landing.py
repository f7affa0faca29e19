"""Lands the messages of the event stream: how far it has come stands in the manifests of the batches themselves."""

import logging
import re
from datetime import datetime
from typing import Final

from shopsight.clock import utc_now
from shopsight.ingestion.collecting.door import SOURCE
from shopsight.ingestion.collecting.record_chunks import chunks_of
from shopsight.ingestion.collecting.records import Record
from shopsight.ingestion.collecting.stream import EventStream, StreamState
from shopsight.ingestion.log.event_log import EventLog, Receipt
from shopsight.ingestion.readers.chunks import COLLECTED, ReportImport, ignore
from shopsight.settings import Settings

MAX_RECORDS: Final = 5_000
"""Messages of one batch."""

log = logging.getLogger(__name__)


def land_stream(settings: Settings, *, received_at: datetime, report: ReportImport = ignore) -> list[Receipt]:
    """Land what the stream holds, and return the receipts.

    A batch is named by its stream and its first message, and its manifest names the last one: of two landings at once
    the second finds the batch there. A message is taken out of the stream once its batch is in the log.

    Args:
        settings: where the stream and the event log are.
        received_at: arrival of the batches.
        report: told after every chunk.

    Raises:
        StreamUnavailableError: the stream does not answer.
        EventLogBusyError: an import is running.
        DiskFullError: no room; the log is as before.
    """
    receipts: list[Receipt] = []
    event_log = EventLog.open(settings)
    with EventStream(settings.event_stream) as stream:
        while True:
            state = stream.state()
            done = _landed(event_log, state)
            if state.messages and state.first <= done:
                stream.forget_until(done)
            first = max(done + 1, state.first)
            if not state.messages or first > state.last:
                return receipts
            if done and state.first > done + 1:
                log.warning("messages %d to %d were taken out of the stream unlanded", done + 1, state.first - 1)
            records, last = _records(stream, first, state.last, max_bytes=settings.segment_bytes)
            receipt = event_log.land(
                chunks_of(records, name=f"{_name(state)}:{first}-{last}"),
                source_name=SOURCE,
                received_at=received_at,
                format_name=COLLECTED,
                batch_id=f"{_name(state)}-{first:012d}",
                report=report,
            )
            receipts.append(receipt)


def waiting_messages(settings: Settings) -> list[str]:
    """Return a name for what the stream holds, where it is as old or as large as a segment that is sealed.

    Raises:
        StreamUnavailableError: the stream does not answer.
    """
    with EventStream(settings.event_stream) as stream:
        state = stream.state()
        if not state.messages:
            return []
        arrived = stream.arrival(state.first)
    is_old = arrived is None or (utc_now() - arrived).total_seconds() >= settings.segment_seconds
    return [f"{_name(state)}-{state.first:012d}"] if is_old or state.size >= settings.segment_bytes else []


def _records(stream: EventStream, first: int, last: int, *, max_bytes: int) -> tuple[list[Record], int]:
    """Return the records from a message on, up to a size, and the number of the last."""
    records, size, number = list[Record](), 0, first
    while True:
        record = stream.record(number)
        if record is not None:
            records.append(record)
            size += record.accepted.nbytes + record.refused.nbytes
        if number == last or size >= max_bytes or len(records) >= MAX_RECORDS:
            return records, number
        number += 1


def _landed(event_log: EventLog, state: StreamState) -> int:
    """Return the number of the newest message of this stream that is in the log; 0 where none is."""
    pattern = re.compile(rf"{re.escape(_name(state))}:\d+-(\d+)")
    files = (file for manifest in event_log.manifests() for file in manifest["files"])
    return max((int(match[1]) for file in files if (match := pattern.match(file))), default=0)


def _name(state: StreamState) -> str:
    """Return what a stream is called: one that is made anew has another name."""
    return f"{state.created:%Y%m%dT%H%M%S%fZ}-stream"
