"""Reads Segment's calls, and RudderStack's, which have the same shape: tracked events, pages, screens and identities.

``page`` and ``screen`` calls become ``page_view``; ``identify`` and ``alias`` calls that name two ids link them, and
those that name one say nothing here, as ``group`` does: they are left out. Traits, mails and addresses are left out.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import orjson

from shopsight.ingestion.formats.calls import read_calls
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.json_lines import read_objects

STRUCTURE: Final = orjson.dumps(
    dict.fromkeys(
        (
            "type", "event", "messageId", "timestamp", "originalTimestamp", "sentAt", "receivedAt", "userId",
            "anonymousId", "previousId",
        ),
        "varchar",
    )
    | {
        "properties": "json",
        "context": {
            "campaign": {"name": "varchar", "medium": "varchar"},
            "device": {"type": "varchar"},
            "location": {"country": "varchar"},
            "sessionId": "varchar",
        },
    }
).decode()  # fmt: skip
CALLS: Final = f"""
    select
        row,
        0 as place,
        case
            when fields.type in ('page', 'screen') then 'page_view'
            when fields.type = 'alias' and fields.userId is not null and fields.previousId is not null then 'identify'
            when fields.type in ('identify', 'alias') and (fields.userId is null or fields.anonymousId is null)
                then 'identify_of_one_id'
            else coalesce(nullif(fields.event, ''), fields.type)
        end as name,
        fields.messageId as event_id,
        coalesce(fields.timestamp, fields.originalTimestamp, fields.sentAt, fields.receivedAt) as event_timestamp,
        fields.receivedAt as created_timestamp,
        fields.userId as user_id,
        if(fields.type = 'alias', coalesce(fields.previousId, fields.anonymousId), fields.anonymousId) as anonymous_id,
        fields.context.sessionId as session_id,
        fields.context.campaign.name as campaign_id,
        fields.context.campaign.medium as channel,
        fields.context.device.type as device,
        fields.context.location.country as country,
        null::varchar as platform,
        if(
            fields.type = 'alias', json_object('previous_user_id', fields.previousId), fields.properties
        ) as properties
    from (select row, json_transform(line, '{STRUCTURE}') as fields from objects)
"""
TECHNICAL: Final = frozenset({"identify_of_one_id", "group"})


def read_segment(path: Path) -> Iterator[RawChunk]:
    """Yield a row per call and product in canonical columns, then the items.

    Raises:
        SourceFileError: a file cannot be read.
    """
    yield from read_calls(partial(read_objects, path), CALLS, technical=TECHNICAL, file_name=path.name)
