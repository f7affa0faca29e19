"""The sample shop's planted relevance, before and after clicks: the product's training, and its engine as it is served.

The engine learns from the searches of the shop's own log. Queries that no shopper typed are asked then; half of them
are clicked on, the lists that the engine shows, with a chance that falls with the place; the other half judge. Clicks
are weighted by how seldom their place is looked at, which is estimated from the clicks themselves.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from benchmarks.search.figures import beside, ndcg
from models.evaluation.position_bias import PositionBias, estimate_position_bias
from models.progress import ignore_progress
from models.search.click_weights import click_weights
from models.search.config import for_size
from models.search.predict import SearchEngine
from models.search.train import SearchTables, train
from shopsight.sample_shop import generate
from shopsight.sample_shop.relevance import PlantedQuery, appeal_of, planted_queries, relevance
from shopsight.settings import Size

QUERIES: Final = 600
CLICKS: Final = 10_000
LENGTH: Final = 10
EXAMINED: Final = 1.0 / np.arange(1, LENGTH + 1) ** 0.8
"""How often each place of a list is looked at, as planted."""
SEARCHES = """
with actions as (
    select session_id, event_timestamp, coalesce(user_id, anonymous_id) as user_id, event_name, item_id,
        coalesce(query, text) as query,
        lead(event_name) over session as next_event_name, lead(item_id) over session as next_item_id
    from events
    where event_name in ('search', 'select_item', 'view_item')
        and session_id is not null and event_timestamp is not null
    window session as (partition by session_id order by event_timestamp, event_id, line_number)
)
select event_timestamp, lower(query) as query, user_id,
    case when next_event_name != 'search' then next_item_id end as clicked_item_id
from actions where event_name = 'search' and query is not null
"""


def measure(*, size: Size, seed: int, resamples: int = 1_000) -> dict[str, Any]:
    """Return the figures of one sample shop."""
    tables, items = make_tables(size, seed)
    queries = planted_queries(items, count=QUERIES, seed=seed)
    clicked, judged = queries[::2], queries[1::2]
    truth = generate(size, seed=seed).truth.items
    weights = dict(zip(truth["item_id"].to_pylist(), truth["weight"].to_pylist(), strict=True))
    appeal_N = appeal_of(items, weights, seed=seed)
    before = trained(tables, size, seed)
    answers, bias = _clicks(before, clicked, items, appeal_N, seed=seed)
    after = trained(replace(tables, searches=_with(tables.searches, answers, bias)), size, seed)
    raw = trained(replace(tables, searches=_with(tables.searches, answers, None)), size, seed)
    values = {"ours": _ndcgs(before, judged, items, appeal_N, chinese=False)}
    for name, fields in (("bm25_title", ("title",)), ("bm25", ("everything",))):
        values[name] = _lexical(before, fields, judged, items, appeal_N)
    values["semantic"] = _semantic(before, judged, items, appeal_N)
    chinese = {"ours": _ndcgs(before, judged, items, appeal_N, chinese=True), "english": values["ours"]}
    later = {
        "ours": _ndcgs(after, judged, items, appeal_N, chinese=False),
        "before_clicks": values["ours"],
        "clicks_not_corrected": _ndcgs(raw, judged, items, appeal_N, chinese=False),
    }
    english = beside(values, "ours", seed=seed, resamples=resamples)
    in_chinese = beside(chinese, "ours", seed=seed, resamples=resamples)
    return {
        "english": english,
        "chinese": in_chinese | {"share_of_english": round(in_chinese["ours"]["value"] / english["ours"]["value"], 4)},
        "after_clicks": beside(later, "ours", seed=seed, resamples=resamples)
        | {"clicks": sum(len(one["clicked"]) for one in answers), "position_bias": bias.not_evaluable or "estimated"},
        "size": size,
        "seed": seed,
    }


def make_tables(size: Size, seed: int) -> tuple[SearchTables, pa.Table]:
    """Return what search is trained on, from the shop's raw events, and its items as they are at the end."""
    import duckdb

    shop = generate(size, seed=seed)
    events = pa.Table.from_batches(shop.event_batches())
    with duckdb.connect() as connection:
        connection.register("events", events)
        searches = connection.sql(SEARCHES).to_arrow_table()
        demand = connection.sql(
            "select item_id, cast(event_timestamp as date) as event_date, "
            "count(*) filter (where event_name = 'view_item') as views, "
            "count(*) filter (where event_name = 'purchase') as purchases "
            "from events where item_id is not null and event_timestamp is not null group by all"
        ).to_arrow_table()
        interactions = connection.sql(
            "select coalesce(user_id, anonymous_id) as user_id, event_timestamp, item_id from events "
            "where event_name in ('view_item', 'add_to_cart', 'purchase') and item_id is not null "
            "and coalesce(user_id, anonymous_id) is not null and event_timestamp is not null"
        ).to_arrow_table()
        connection.register("versions", shop.items)
        items = connection.sql(
            "select distinct on (item_id) item_id, title, description, category, brand, price, attributes, "
            "true as is_available, true as is_listed from versions order by item_id, valid_from desc"
        ).to_arrow_table()
    items = items.set_column(items.column_names.index("price"), "price", items["price"].cast(pa.float64()))
    moments = searches["event_timestamp"].cast(pa.timestamp("us", "UTC"))
    searches = searches.set_column(0, "event_timestamp", moments)
    tables = SearchTables(searches=searches, items=items, demand=demand, interactions=interactions)
    return tables, items.sort_by("item_id")


def trained(tables: SearchTables, size: Size, seed: int) -> SearchEngine:
    """Return the engine that the product trains on some tables, as it is loaded to serve."""
    with TemporaryDirectory() as folder:
        config = replace(for_size(size), resamples=50, max_searches=20_000)
        train(tables, config=config, out_dir=Path(folder), seed=seed, device="cpu", precision="fp32",
              report=ignore_progress)  # fmt: skip
        return SearchEngine.load(Path(folder))


def _clicks(
    engine: SearchEngine, queries: Sequence[PlantedQuery], items: pa.Table, appeal_N: NDArray[np.float64], *, seed: int
) -> tuple[list[dict[str, Any]], PositionBias]:
    """Return lists that were answers and what was clicked of each, and how often each place was looked at."""
    rng = np.random.default_rng([seed, 23])
    lists = [(query, engine.search(query.english).places[:LENGTH]) for query in queries]
    worth = [relevance(query, items, appeal_N) for query in queries]
    answers: list[dict[str, Any]] = []
    clicks = 0
    while clicks < CLICKS:
        number = int(rng.integers(len(lists)))
        query, places = lists[number]
        # A shop's results do not always stand in one order: two neighbours change places now and then.
        order = places.copy()
        for place in range(len(order) - 1):
            if rng.random() < 0.3:
                order[[place, place + 1]] = order[[place + 1, place]]
        hit = rng.random(len(order)) < worth[number][order] * EXAMINED[: len(order)]
        clicks += int(hit.sum())
        item_ids = [engine.catalogue.item_ids[place] for place in order]
        clicked = np.flatnonzero(hit)
        answers.append({"query": query.english, "number": number, "item_ids": item_ids, "clicked": clicked})
    counts: dict[tuple[str, int], list[int]] = {}
    for one in answers:
        for position, item_id in enumerate(one["item_ids"], start=1):
            count = counts.setdefault((f"{one['number']}/{item_id}", position), [0, 0])
            count[0] += 1
            count[1] += position - 1 in one["clicked"]
    bias = estimate_position_bias(
        [key[0] for key in counts], [key[1] for key in counts], *map(list, zip(*counts.values(), strict=True))
    )
    return answers, bias


def _with(searches: pa.Table, answers: Sequence[dict[str, Any]], bias: PositionBias | None) -> pa.Table:
    """Return the searches of the log and those that were clicked since, weighted where a bias is given."""
    last = pc.max(searches["event_timestamp"]).as_py()
    rows = [
        {
            # Before the newest of the log, so that both kinds teach and both judge.
            "event_timestamp": last - timedelta(minutes=len(answers) - number),
            "query": one["query"],
            "clicked_item_id": one["item_ids"][int(position)],
            "user_id": None,
        }
        for number, one in enumerate(answers)
        for position in one["clicked"]
    ]
    positions = [int(position) + 1 for one in answers for position in one["clicked"]]
    weights = click_weights(positions, bias or PositionBias())
    rows = [row | {"weight": weight} for row, weight in zip(rows, weights.to_pylist(), strict=True)]
    weighted = searches.append_column("weight", pa.array(np.ones(searches.num_rows)))
    return pa.concat_tables([weighted, pa.Table.from_pylist(rows, schema=weighted.schema)])


def _values(places: NDArray[np.int64], query: PlantedQuery, items: pa.Table, appeal_N: NDArray[np.float64]) -> float:
    worth_N = relevance(query, items, appeal_N)
    return ndcg(worth_N[places], worth_N)


def _ndcgs(
    engine: SearchEngine,
    queries: Sequence[PlantedQuery],
    items: pa.Table,
    appeal_N: NDArray[np.float64],
    *,
    chinese: bool,
) -> list[float]:
    asked = [query.chinese if chinese else query.english for query in queries]
    return [
        _values(engine.search(text).places[:LENGTH], query, items, appeal_N)
        for text, query in zip(asked, queries, strict=True)
    ]


def _lexical(
    engine: SearchEngine,
    fields: tuple[str, ...],
    queries: Sequence[PlantedQuery],
    items: pa.Table,
    appeal_N: NDArray[np.float64],
) -> list[float]:
    lists = (engine.lexical.nearest(query.english, LENGTH, fields=fields)[0] for query in queries)
    return [_values(places, query, items, appeal_N) for places, query in zip(lists, queries, strict=True)]


def _semantic(
    engine: SearchEngine, queries: Sequence[PlantedQuery], items: pa.Table, appeal_N: NDArray[np.float64]
) -> list[float]:
    vectors = engine.encoder.encode([query.english for query in queries], kind="query")
    lists = (engine.meaning.nearest(vector, LENGTH) for vector in vectors)
    return [_values(places, query, items, appeal_N) for places, query in zip(lists, queries, strict=True)]
