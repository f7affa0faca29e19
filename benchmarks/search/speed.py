"""How fast the engine indexes a catalogue and answers hybrid queries, in one process with one thread.

The items are the large sample shop's, said again under other numbers until there are enough; the trees are those of the
tiny one. Vectors are those of the items' shelves with noise of each item's own: to encode a hundred thousand texts
takes minutes, and is timed apart on some hundred. Beside the wall's time stands the processor's: where other work waits
for the core, the first is longer.
"""

import time
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits

from benchmarks.search.planted import make_tables, trained
from models.catalogue import Catalogue
from models.search.dataset import item_texts
from models.search.memory import NO_CLICKS
from models.search.predict import SearchEngine, everything
from models.text.sentences import load_sentence_encoder
from shopsight.sample_shop import generate
from shopsight.sample_shop.relevance import planted_queries

QUERIES: Final = 600
WARM_UP: Final = 50
ENCODED: Final = 500
NOISE: Final = 0.6
"""Length of each item's own part of its vector, beside its shelf's of 1."""


def measure(items: int, *, seed: int) -> dict[str, Any]:
    """Return rates of indexing and latencies of queries, in milliseconds."""
    with threadpool_limits(limits=1):
        return _measure(items, seed)


def _measure(items: int, seed: int) -> dict[str, Any]:
    ranker = trained(make_tables("tiny", seed)[0], "tiny", seed).ranker
    table = _catalogue(items, seed)
    texts, encoder = item_texts(table), load_sentence_encoder("use")
    began = time.process_time()
    encoder.encode([everything(text) for text in texts[:ENCODED]], kind="passage")
    encoded_seconds = time.process_time() - began
    vectors_ND = _vectors(table, encoder, seed)
    began, cpu = time.perf_counter(), time.process_time()
    engine = SearchEngine.build(
        Catalogue.of(table),
        texts,
        vectors_ND=vectors_ND,
        demand=np.zeros((items, 2)),
        encoder=encoder,
        memory=NO_CLICKS,
        ranker=ranker,
    )
    build = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    queries = [query.english for query in planted_queries(table, count=QUERIES + WARM_UP, seed=seed)]
    walls, cpus = [], []
    for query in queries:
        began, cpu = time.perf_counter(), time.process_time()
        engine.search(query)
        walls.append((time.perf_counter() - began) * 1e3)
        cpus.append((time.process_time() - cpu) * 1e3)
    return {
        "items": items,
        "indexed_items_per_second": round(items / build["seconds"]),
        "indexed_items_per_cpu_second": round(items / build["cpu_seconds"]),
        "encoded_items_per_cpu_second": round(ENCODED / encoded_seconds),
        "query_ms": _quantiles(walls[WARM_UP:]),
        "query_cpu_ms": _quantiles(cpus[WARM_UP:]),
        "queries_per_second": round(1e3 / float(np.mean(walls[WARM_UP:])), 1),
        "queries_per_cpu_second": round(1e3 / float(np.mean(cpus[WARM_UP:])), 1),
        "seed": seed,
    }


def _catalogue(items: int, seed: int) -> pa.Table:
    """Return the table of so many items."""
    listed = generate("large", seed=seed).items
    first = pc.unique(listed["item_id"])
    base = listed.take(pc.index_in(first, value_set=listed["item_id"].combine_chunks()))
    turns = -(-items // base.num_rows)
    whole = pa.concat_tables([base] * turns).slice(0, items)
    titles = [
        title if place < base.num_rows else f"{title} {place // base.num_rows}"
        for place, title in enumerate(whole["title"].to_pylist())
    ]
    columns = {name: whole[name] for name in ("description", "category", "brand", "attributes")}
    return pa.table(
        {
            "item_id": [f"item-{place:07d}" for place in range(items)],
            "title": titles,
            **columns,
            "price": whole["price"].cast(pa.float64()),
            "is_available": [True] * items,
        }
    )


def _vectors(table: pa.Table, encoder: Any, seed: int) -> "np.ndarray[Any, np.dtype[np.float32]]":
    categories = table["category"].to_pylist()
    names = sorted(set(categories))
    place_of = {name: place for place, name in enumerate(names)}
    centres = encoder.encode(names, kind="passage")
    own = np.random.default_rng(seed).standard_normal((len(categories), encoder.dim), dtype=np.float32)
    own *= NOISE / np.linalg.norm(own, axis=1, keepdims=True)
    vectors = centres[[place_of[name] for name in categories]] + own
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _quantiles(values: list[float]) -> dict[str, float]:
    return {f"p{share}": round(float(np.percentile(values, share)), 2) for share in (50, 95, 99)}
