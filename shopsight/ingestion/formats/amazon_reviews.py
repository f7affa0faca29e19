"""Reads Amazon's reviews as published in 2014, 2018 and 2023: one review per line.

Seconds in 2014 and 2018, at the resolution of a day; milliseconds in 2023. The item of 2023 is ``parent_asin``, under
which colours and sizes share their reviews. Names of reviewers are left out.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow.compute as pc

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.translation import mapped
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.json_lines import keys_as_columns, read_objects
from shopsight.privacy import redact

KEYS: Final = [
    "overall", "unixReviewTime", "reviewerID", "asin", "reviewText", "summary", "verified", "vote", "helpful", "style",
    "rating", "timestamp", "user_id", "parent_asin", "text", "title", "verified_purchase", "helpful_vote",
]  # fmt: skip
"""Keys of 2014 and 2018, and those that 2023 has instead."""
QUERY: Final = """
    select
        'rate_item' as event_name,
        coalesce(unixReviewTime, "timestamp") as event_timestamp,
        coalesce(reviewerID, user_id) as user_id,
        coalesce(parent_asin, asin) as item_id,
        coalesce(overall, rating) as "value",
        coalesce(nullif(trim(coalesce(reviewText, "text")), ''), summary, title) as "text",
        nullif(json_merge_patch('{}', json_object(
            'summary', headline,
            'verified', coalesce(verified, verified_purchase),
            'helpful_votes', coalesce(vote, helpful_vote, try(json_extract_string(helpful, '$[0]'))),
            'variant', case when parent_asin <> asin then asin end,
            'style', try(style::JSON)
        ))::varchar, '{}') as properties
    from native
"""


def read_amazon_reviews(path: Path) -> Iterator[RawChunk]:
    """Yield a ``rate_item`` per review, in canonical columns.

    Args:
        path: JSON Lines of any of the three years, as text or ``.gz``.
    """
    with utc_connection() as connection:
        for chunk in read_objects(path, keys_as_columns(KEYS)):
            yield replace(mapped(connection, _with_headline(chunk), QUERY), arrived_when_happened=True)


def _with_headline(chunk: RawChunk) -> RawChunk:
    """Add the review's title, redacted here because it goes into ``properties``, which the log keeps as they are."""
    headline = redact(pc.coalesce(chunk.rows["summary"], chunk.rows["title"]))
    return replace(chunk, rows=chunk.rows.append_column("headline", headline))
