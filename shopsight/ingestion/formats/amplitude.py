"""Reads Amplitude's exports: JSON Lines, packed or not, as a file, a folder, or the zip archive that its API gives.

``device_id`` is the device (or else ``amplitude_id``), ``user_id`` the shopper; an event that carries both links them.
A revenue event without an order number is an order of its own. Times are UTC.
"""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import orjson

from shopsight.ingestion.formats.calls import CALL, read_calls
from shopsight.ingestion.formats.tables import read_records
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.source_files import unreadable

STRUCTURE: Final = orjson.dumps(
    dict.fromkeys(
        (
            "event_type", "user_id", "amplitude_id", "device_id", "session_id", "event_time", "client_event_time",
            "server_received_time", "server_upload_time", "$insert_id", "uuid", "country", "platform", "device_type",
            "device_family", "event_id",
        ),
        "varchar",
    )
    | {"event_properties": "json", "user_properties": {"utm_campaign": "varchar", "utm_medium": "varchar"}}
).decode()  # fmt: skip
REVENUE: Final = "('revenue_amount', 'revenue', '[Amplitude] Revenue')"
ORDER_KEYS: Final = ", ".join(f"said ->> '$.\"{key}\"'" for key in CALL["order_id"])
CALLS: Final = f"""
    with events as (
        select
            row,
            fields,
            case when json_valid(fields.event_properties ->> '$') then (fields.event_properties ->> '$')::JSON
                 else '{{}}'::JSON end as said,
            coalesce(fields."$insert_id", fields.uuid) as own_id
        from (select row, json_transform(line, '{STRUCTURE}') as fields from objects)
    )
    select
        row,
        0 as place,
        case
            when fields.event_type in {REVENUE} then 'purchase'
            when fields.event_type = '$identify' and fields.user_id is not null and fields.device_id is not null
                then 'identify'
            when fields.event_type in ('[Amplitude] Page Viewed', '[Amplitude] Screen Viewed') then 'page_view'
            else fields.event_type
        end as name,
        own_id as event_id,
        coalesce(fields.event_time, fields.client_event_time) as event_timestamp,
        coalesce(fields.server_received_time, fields.server_upload_time) as created_timestamp,
        fields.user_id as user_id,
        coalesce(fields.device_id, fields.amplitude_id) as anonymous_id,
        nullif(fields.session_id, '-1') as session_id,
        fields.user_properties.utm_campaign as campaign_id,
        fields.user_properties.utm_medium as channel,
        fields.device_type as device,
        fields.country as country,
        fields.platform as platform,
        case
            when fields.event_type in {REVENUE} and coalesce({ORDER_KEYS}) is null
                then json_merge_patch(said, json_object('order_id', own_id))
            else said
        end as properties
    from events
"""
TECHNICAL: Final = frozenset(
    {
        "$identify", "$groupidentify", "session_start", "session_end", "verified_revenue", "unverified_revenue",
        "[Amplitude] Start Session", "[Amplitude] End Session", "[Amplitude] Element Clicked",
        "[Amplitude] Element Changed", "[Amplitude] Form Started", "[Amplitude] Form Submitted",
        "[Amplitude] File Downloaded", "[Amplitude] Application Opened", "[Amplitude] Application Backgrounded",
        "[Amplitude] Application Installed", "[Amplitude] Application Updated", "[Amplitude] Deep Link Opened",
        "[Amplitude] Rage Click", "[Amplitude] Dead Click", "[Amplitude] Web Vitals", "[Amplitude] Replay Captured",
        "[Amplitude] Network Request", "[Amplitude] Element Interacted", "[Amplitude] Attribution Captured",
        "[Experiment] Exposure", "$exposure", "[Experiment] Impression", "[Guides-Surveys] Guide Viewed",
    }
)  # fmt: skip
"""What Amplitude's own libraries send."""


def read_amplitude(path: Path) -> Iterator[RawChunk]:
    """Yield a row per event and product in canonical columns, then the items.

    Raises:
        SourceFileError: a file cannot be read.
    """
    with _unpacked(path) as files:
        read = partial(read_records, files, lists=("events", "data"))
        yield from read_calls(read, CALLS, technical=TECHNICAL, file_name=path.name, per_actor=("session_id",))


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Give a folder with what is in a zip archive of several files, or the path itself."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        try:
            archive.extractall(folder)
        except (RuntimeError, zipfile.BadZipFile) as error:
            raise unreadable(path, why=f"it is not a whole zip archive ({error})", fix="export it again") from error
        yield Path(folder)
