"""How long one shopper's list takes in process, and how much of the nearest an index finds.

    python -m benchmarks.recommend_latency --json -
    python -m benchmarks.recommend_latency --items 12000,100000 --index 300000 --json -

The served code on one thread (`Recommender.recommend`, a transformer in ONNX plus item-kNN, ten items, none of the
history) with weights drawn at random: time does not depend on what was learnt. Histories are of 1 to 50 interactions.
Beside it the bare product of one state with every item's vector in full, and the partial sort of the scores. Where a
first pass over codes takes the place of that product, recall@10 is the share of the list that the same artefact gives
without them.
``--index`` builds FAISS's graph over clustered vectors and prints recall@10 beside the exact product.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.output import add_json_option, write_figures
from models.recommender.config import for_size
from models.recommender.history import BEHAVIOURS
from shopsight.settings import Size

NEIGHBOURS = 100
SIZES: tuple[Size, ...] = ("small", "medium")


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", default="12000,100000", help="sizes of the catalogue, comma-separated")
    parser.add_argument("--requests", type=int, default=1_000, help="timed lists per catalogue")
    parser.add_argument("--index", type=int, default=0, help="vectors of the approximate index; 0 leaves it out")
    parser.add_argument("--seed", type=int, default=1)
    add_json_option(parser)
    arguments = parser.parse_args()
    result: dict[str, Any] = {"benchmark": "recommend_latency", "threads": 1, "requests": arguments.requests}
    result["lists"] = [
        measure(int(items), size=size, requests=arguments.requests, seed=arguments.seed)
        for items in arguments.items.split(",")
        for size in SIZES
    ]
    if arguments.index:
        result["index"] = measure_index(arguments.index, seed=arguments.seed)
    write_figures(result, arguments.json)


def measure(items: int, *, size: Size, requests: int, seed: int) -> dict[str, Any]:
    """Return percentiles of the milliseconds of one list, over a catalogue of ``items``."""
    from models.recommender.predict import HistoryEvent, Recommender

    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        write_artefact_at_random(Path(folder), items=items, size=size, rng=rng)
        recommender = Recommender.load(Path(folder), threads=1)
        codes = Path(folder) / "item_codes.onnx"
        in_full = None
        if codes.exists():
            codes.unlink()
            in_full = Recommender.load(Path(folder), threads=1)
    histories = [
        [
            HistoryEvent(item_id=f"i{item:07d}", event_name=BEHAVIOURS[kind])
            for item, kind in zip(rng.integers(items, size=length), rng.integers(4, size=length), strict=True)
        ]
        for length in rng.integers(1, 51, size=requests)
    ]
    width = for_size(size).transformer.hidden_size * for_size(size).transformer.members
    vectors_ND = rng.normal(size=(items, width)).astype(np.float32)
    state_D = vectors_ND[0].copy()

    def bare(_: object) -> None:
        scores_N = vectors_ND @ state_D
        np.argpartition(scores_N, -10)

    figures: dict[str, Any] = {"items": items, "size": size, "width": width}
    figures["list_ms"] = timed(lambda history: recommender.recommend(history, num_results=10), histories)
    figures["bare_product_ms"] = timed(bare, histories)
    if in_full is not None:
        lists = [{one.item_id for one in recommender.recommend(history, num_results=10)} for history in histories]
        wanted = [{one.item_id for one in in_full.recommend(history, num_results=10)} for history in histories]
        shared = sum(len(one & other) for one, other in zip(lists, wanted, strict=True))
        figures["recall@10"] = round(shared / sum(map(len, wanted)), 5)
    return figures


def measure_index(vectors: int, *, seed: int) -> dict[str, Any]:
    """Return recall@10 and milliseconds a question of FAISS's graph beside the exact product."""
    from models.recommender.vectors.vector_index import ExactIndex, FaissIndex, recall, unit

    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(vectors // 100, 64))
    drawn = middles[rng.integers(len(middles), size=vectors)] + 0.5 * rng.normal(size=(vectors, 64))
    vectors_ND = unit(drawn.astype(np.float32))
    asked_QD = unit(vectors_ND[:500] + 0.05 * rng.normal(size=(500, 64)).astype(np.float32))
    started = time.perf_counter()
    approximate = FaissIndex.build(vectors_ND)
    built = time.perf_counter() - started
    exact = ExactIndex(vectors_ND=vectors_ND)
    approximate_QK, exact_QK = approximate.nearest(asked_QD, 10), exact.nearest(asked_QD, 10)
    return {
        "vectors": vectors,
        "recall@10": round(recall(approximate_QK, exact_QK), 4),
        "build_seconds": round(built, 1),
        "faiss_ms": timed(lambda one: approximate.nearest(one, 10), list(asked_QD[:, None, :])),
        "exact_ms": timed(lambda one: exact.nearest(one, 10), list(asked_QD[:, None, :])),
    }


def timed(work: Callable[[Any], object], inputs: Sequence[Any]) -> dict[str, float]:
    """Return percentiles of the milliseconds that ``work`` takes for each input; twenty go ahead untimed."""
    return percentiles(times_ms(work, inputs))


def times_ms(work: Callable[[Any], object], inputs: Sequence[Any]) -> list[float]:
    """Return the milliseconds that ``work`` takes for each input; twenty go ahead untimed."""
    for one in inputs[:20]:
        work(one)
    took: list[float] = []
    for one in inputs:
        started = time.perf_counter()
        work(one)
        took.append(1_000 * (time.perf_counter() - started))
    return took


def percentiles(took_ms: Sequence[float]) -> dict[str, float]:
    """Return the median and the 99th percentile."""
    return {name: round(float(np.percentile(took_ms, q)), 3) for name, q in (("p50", 50), ("p99", 99))}


def write_artefact_at_random(folder: Path, *, items: int, size: Size, rng: np.random.Generator) -> None:
    """Write an artefact as training does, with weights drawn at random."""
    from models.recommender.artefact import write_artefact
    from models.recommender.scoring import Constant, Neighbours

    ids = [f"i{item:07d}" for item in range(items)]
    catalogue = pa.table(
        {
            "item_id": ids,
            "title": ids,
            "category": [f"c{item % 200}" for item in range(items)],
            "brand": [f"b{item % 500}" for item in range(items)],
            "price": rng.uniform(1, 100, items),
            "is_available": np.ones(items, dtype=np.bool_),
        }
    )
    neighbours = Neighbours(
        items_NK=rng.integers(items, size=(items, NEIGHBOURS)).astype(np.int32),
        weights_NK=rng.random((items, NEIGHBOURS)).astype(np.float32),
        decay=0.6,
        behaviour_weights=np.ones(len(BEHAVIOURS) + 1),
    )
    scores: NDArray[np.float32] = rng.random(items).astype(np.float32)
    constant = Constant(scores_N=scores)
    write_artefact(
        folder,
        candidate="transformer+item_knn",
        weights={"transformer": 0.5, "item_knn": 0.5},
        catalogue=catalogue,
        constants=dict.fromkeys(("popularity", "popularity_recent", "best_sellers", "trending", "age_days"), constant),
        neighbours=dict.fromkeys(("item_knn", "viewed_together", "bought_together"), neighbours),
        sequence=untrained(items, size=size, rng=rng),
    )


def untrained(items: int, *, size: Size, rng: np.random.Generator) -> Any:
    """Return the networks of a size as they are before training."""
    import torch

    from models.recommender.transformer.item_table import ItemTable
    from models.recommender.transformer.model import Encoder, SequenceModel
    from models.recommender.transformer.scorer import SequenceScorer

    config = for_size(size).transformer

    def member() -> SequenceModel:
        table = ItemTable(
            start_ND=torch.from_numpy(0.1 * rng.normal(size=(items, config.hidden_size)).astype(np.float32)),
            has_own_N=torch.ones(items),
            attributes_NA=torch.zeros((items, 0), dtype=torch.int64),
            attributes=0,
        )
        return SequenceModel(table, Encoder(config))

    return SequenceScorer.of(*(member() for _ in range(config.members)), length=config.max_length)


if __name__ == "__main__":
    main()
