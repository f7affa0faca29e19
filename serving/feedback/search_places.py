"""Where in its list each clicked result of a search stood, and how often each place is looked at.

The event log says what was searched for and clicked, the search service's log which items it answered with, in which
order. An answer belongs to a search event with the same query, of the same session where both name one, given within
minutes of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from models.evaluation.position_bias import PositionBias, estimate_position_bias
from serving.feedback.shown_lists import NO_ANSWER, shown_items
from serving.prediction_log import iterate_log, was_shown
from shopsight.events import TIMESTAMP
from shopsight.marts import open_duckdb
from shopsight.privacy import redact

APART: Final = timedelta(minutes=5)
"""A page asks and sends its event within moments; the clocks of both may differ."""

ANSWERS: Final = pa.schema(
    [
        pa.field("search_id", pa.string()),
        pa.field("answered_at", TIMESTAMP),
        pa.field("session_id", pa.string()),
        pa.field("query", pa.string()),
        pa.field("item_ids", pa.list_(pa.string())),
    ]
)

MATCHED: Final = """
    create temp table matched as
    with pairs as (
        select searches.number, searches.query, searches.clicked_item_id, answers.search_id, answers.item_ids,
            answers.session_id is not distinct from searches.session_id as is_of_session,
            abs(epoch(answers.answered_at) - epoch(searches.event_timestamp)) as seconds
        from searches
        inner join answers on searches.query = answers.query
            and (answers.session_id is null or answers.session_id = searches.session_id)
            and answers.answered_at between searches.event_timestamp - $apart and searches.event_timestamp + $apart
    )
    select * from pairs
    qualify row_number() over (partition by number order by is_of_session desc, seconds, search_id) = 1
"""
"""Each search event with the answer that it is about, where the log has one."""

RESULTS: Final = """
    with results as (
        select query, clicked_item_id, unnest(item_ids) as item_id, generate_subscripts(item_ids, 1) as position
        from matched
    )
    select query || chr(31) || item_id as result, position, count(*) as impressions,
        count(*) filter (where item_id = clicked_item_id) as clicks
    from results
    group by all
    order by all
"""
"""How often an item stood at a place for a query, and was clicked there: what is wanted differs from query to query."""


@dataclass(frozen=True, kw_only=True)
class SearchPlaces:
    """What the log says of the searches."""

    positions: list[int | None]
    """Of each search, the place of what was clicked, 1 at the top; None without a click or an answer."""
    bias: PositionBias

    @property
    def placed(self) -> int:
        """Clicks whose place is in the log."""
        return sum(position is not None for position in self.positions)


def search_places(searches: pa.Table, folder: Path) -> SearchPlaces:
    """Return where each clicked result stood.

    Args:
        searches: the mart ``search_clicks``.
        folder: the search service's part of the prediction log; it need not exist.
    """
    texts = redact(searches["query"].cast(pa.string()))
    plain = pa.array([_plain(text) for text in texts.to_pylist()], pa.string())
    numbered = searches.select(["session_id", "event_timestamp", "clicked_item_id"])
    numbered = numbered.append_column("query", plain).append_column("number", pa.array(range(searches.num_rows)))
    with open_duckdb() as connection:
        connection.register("searches", numbered)
        connection.register("answers", pa.Table.from_pylist(list(_answers(folder)), schema=ANSWERS))
        connection.execute(MATCHED, {"apart": APART})
        clicked = connection.sql(
            "select number, list_position(item_ids, clicked_item_id) as position from matched "
            "where list_contains(item_ids, clicked_item_id)"
        ).fetchall()
        results = connection.sql(RESULTS).to_arrow_table()
    positions: list[int | None] = [None] * searches.num_rows
    for number, position in clicked:
        positions[number] = int(position)
    columns = [results[name].to_pylist() for name in ("result", "position", "impressions", "clicks")]
    return SearchPlaces(positions=positions, bias=estimate_position_bias(*columns))


def _answers(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the lists that shoppers saw; a line that is damaged or no answer of a search tells nothing."""
    for _, _, row in iterate_log(folder):
        if row is None or not was_shown(row):
            continue
        try:
            results, query = shown_items(row), _plain(row["query"])
        except NO_ANSWER:
            continue
        if results:
            first = results[0]
            yield {
                "search_id": first["recommendation_id"],
                "answered_at": first["answered_at"],
                "session_id": first["session_id"],
                "query": query,
                "item_ids": [result["item_id"] for result in results],
            }


def _plain(text: str | None) -> str | None:
    return None if text is None else " ".join(text.lower().split())
