"""Reads PostHog's events: batch exports and the answers of its API, as JSON, CSV or Parquet.

``distinct_id`` is a shopper where PostHog says that it was identified (``$user_id``, ``$is_identified``, another
``$device_id`` beside it, ``$identify``), or where a server sent it; else it is a device. ``$identify``,
``$create_alias`` and ``$merge_dangerously`` link the two. Properties of persons are left out.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import orjson

from shopsight.ingestion.formats.calls import read_calls
from shopsight.ingestion.formats.tables import read_records
from shopsight.ingestion.readers.chunks import RawChunk

STRUCTURE: Final = orjson.dumps(
    dict.fromkeys(("uuid", "id", "event", "distinct_id", "timestamp", "created_at", "inserted_at"), "varchar")
    | {"properties": "json"}
).decode()
PROPERTIES: Final = orjson.dumps(
    dict.fromkeys(
        (
            "$user_id", "$is_identified", "$device_id", "$anon_distinct_id", "alias", "$lib", "$session_id",
            "$geoip_country_code", "$device_type", "$os", "utm_campaign", "utm_medium", "distinct_id",
        ),
        "varchar",
    )
).decode()  # fmt: skip
LINKS: Final = "('$identify', '$create_alias', '$merge_dangerously')"
CALLS: Final = f"""
    with events as (
        select
            row,
            fields,
            -- CSV and some Parquet keep the properties as text.
            case when json_valid(fields.properties ->> '$') then (fields.properties ->> '$')::JSON end as said
        from (select row, json_transform(line, '{STRUCTURE}') as fields from objects)
    ),
    told as (select *, json_transform(said, '{PROPERTIES}') as own from events),
    actors as (
        select
            *,
            coalesce(fields.distinct_id, own.distinct_id) as actor,
            case
                when fields.event = '$create_alias' then own.alias
                else coalesce(own."$anon_distinct_id", own.alias, own."$device_id")
            end as device_id,
            coalesce(
                fields.event in {LINKS}
                or own."$is_identified" = 'true'
                or own."$user_id" = actor
                or own."$device_id" <> actor
                -- What posthog-js makes up for a device is a UUID; servers name their users.
                or not regexp_full_match(lower(actor), '[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}')
                or (own."$lib" like 'posthog-%' and own."$lib" not in ('posthog-js', 'posthog-android', 'posthog-ios')),
                false
            ) as is_known
        from told
    )
    select
        row,
        0 as place,
        case
            when fields.event in {LINKS} then if(device_id is not null and device_id <> actor, 'identify', '$identify')
            when fields.event in ('$pageview', '$screen') then 'page_view'
            else fields.event
        end as name,
        coalesce(fields.uuid, fields.id) as event_id,
        fields.timestamp as event_timestamp,
        coalesce(fields.created_at, fields.inserted_at) as created_timestamp,
        if(is_known, actor, own."$user_id") as user_id,
        case when is_known then nullif(device_id, actor) else coalesce(own."$device_id", actor) end as anonymous_id,
        own."$session_id" as session_id,
        own.utm_campaign as campaign_id,
        own.utm_medium as channel,
        lower(own."$device_type") as device,
        own."$geoip_country_code" as country,
        own."$os" as platform,
        -- What is merged with a shopper may be a device or another shopper: the warehouse knows which.
        if(
            fields.event in ('$create_alias', '$merge_dangerously'),
            json_object('previous_user_id', nullif(own.alias, actor)),
            said
        ) as properties
    from actors
"""
TECHNICAL: Final = frozenset(
    {
        "$identify", "$pageleave", "$autocapture", "$set", "$unset", "$groupidentify", "$feature_flag_called",
        "$rageclick", "$dead_click", "$web_vitals", "$heatmap", "$snapshot", "$exception", "$opt_in",
        "$performance_event", "$copy_autocapture", "$survey_shown", "$survey_sent", "$survey_dismissed",
        "$feature_view", "$feature_interaction", "$feature_enrollment_update", "Application Opened",
        "Application Backgrounded", "Application Installed", "Application Updated", "Application Became Active",
        "Deep Link Opened",
    }
)  # fmt: skip
"""What PostHog's own libraries send."""


def read_posthog(path: Path) -> Iterator[RawChunk]:
    """Yield a row per event and product in canonical columns, then the items.

    Raises:
        SourceFileError: a file cannot be read.
    """
    read = partial(read_records, path, lists=("results", "events", "data"))
    yield from read_calls(read, CALLS, technical=TECHNICAL, file_name=path.name)
