"""Lands the sealed segments of the collector's journal: each becomes one batch of the event log, once."""

from datetime import datetime

from shopsight.ingestion.collecting.door import SOURCE
from shopsight.ingestion.collecting.journal import forget, hashes_in, sealed_segments
from shopsight.ingestion.collecting.record_chunks import chunks_of
from shopsight.ingestion.collecting.records import read_records
from shopsight.ingestion.collecting.stream_landing import land_stream, waiting_messages
from shopsight.ingestion.log.event_log import EventLog, Receipt
from shopsight.ingestion.readers.chunks import COLLECTED, ReportImport, ignore
from shopsight.settings import Settings


def land_collected(settings: Settings, *, received_at: datetime, report: ReportImport = ignore) -> list[Receipt]:
    """Land what the collector has sealed, oldest first, and return the receipts.

    A batch has its segment's name: landing a segment that is in the log already changes nothing. Where a kill left a
    segment that has landed, it is found to be in the log, and goes.

    Args:
        settings: where the journal and the event log are.
        received_at: arrival of the batches.
        report: told after every chunk.

    Raises:
        DamagedSegmentError: a segment is not what was written; those before it have landed.
        StreamUnavailableError: the stream of the settings does not answer.
        EventLogBusyError: an import is running.
        DiskFullError: no room; the log is as before.
    """
    receipts = land_stream(settings, received_at=received_at, report=report) if settings.event_stream else []
    for segment in sealed_segments(settings.collected_dir):
        records = list(read_records(segment))
        receipt = EventLog.open(settings).land(
            chunks_of(records, name=segment.stem),
            source_name=SOURCE,
            received_at=received_at,
            format_name=COLLECTED,
            batch_id=segment.stem,
            report=report,
        )
        forget(segment, hashes=hashes_in(iter(records)))
        receipts.append(receipt)
    return receipts


def waiting_segments(settings: Settings) -> list[str]:
    """Return the names of what waits to be landed, oldest first: sealed segments, and messages of the stream.

    Raises:
        StreamUnavailableError: the stream of the settings does not answer.
    """
    segments = [segment.stem for segment in sealed_segments(settings.collected_dir)]
    return [*segments, *(waiting_messages(settings) if settings.event_stream else ())]
