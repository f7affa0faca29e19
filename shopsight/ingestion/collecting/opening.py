"""Opens what keeps collected events, as the settings say."""

import time
from collections.abc import Callable
from datetime import datetime

import pyarrow as pa

from shopsight.ingestion.collecting.door import MAX_KNOWN, Door
from shopsight.ingestion.collecting.gathering import do_nothing
from shopsight.ingestion.collecting.group_commit import CommitReport, GroupCommit, Keeper, ignore_accepted
from shopsight.ingestion.collecting.items import ItemDoor
from shopsight.ingestion.collecting.journal import Journal, known_hashes
from shopsight.ingestion.collecting.stream import EventStream, StreamKeeper
from shopsight.marts import export_path
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings


def open_commit(
    settings: Settings,
    *,
    now: Callable[[], datetime],
    on_accepted: Callable[[pa.RecordBatch], None] = ignore_accepted,
    now_and_then: Callable[[], None] = do_nothing,
    report: CommitReport | None = None,
) -> GroupCommit:
    """Return what keeps events, in the journal of a home or in the stream; close it at the end.

    Args:
        settings: say where the journal is and when a segment is sealed.
        now: the time.
        on_accepted: as :class:`GroupCommit` takes it.
        now_and_then: the same.
        report: the same.

    Raises:
        ResourceBusyError: another collector writes to the same home.
        StreamUnavailableError: the stream of the settings does not answer.
        PseudonymKeyError: the key cannot be read.
    """
    pseudonymiser = Pseudonymiser.from_settings(settings)
    keeper: Keeper
    newest: list[tuple[int, int]] = []
    if settings.event_stream:
        keeper = StreamKeeper(EventStream(settings.event_stream))
    else:
        keeper = Journal(
            settings.collected_dir, max_bytes=settings.segment_bytes, max_seconds=settings.segment_seconds, now=now
        )
        newest = known_hashes(settings.collected_dir, limit=MAX_KNOWN)
    return GroupCommit(
        Door(pseudonymiser, newest=newest),
        keeper,
        now=now,
        items=_items(settings),
        on_accepted=on_accepted,
        now_and_then=now_and_then,
        report=report,
    )


def _items(settings: Settings) -> ItemDoor:
    return ItemDoor(
        settings.live_items_path,
        export=export_path(settings, "items"),
        event_log=settings.event_log_dir,
        seconds_now=time.monotonic,
    )
