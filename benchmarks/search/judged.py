"""Judged pairs of a query and a title: the very features and trees of the product, split by query.

Six tenths of the queries teach, one tenth stops the trees and says which of both scores puts results in order, three
tenths judge. Only titles are told, so that nothing but a title can be matched; words that no title has are put right as
the engine does, for ours alone. Relevance is as the file has it; the gain of a result is 2 to
its relevance, less 1.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from numpy.typing import NDArray

from benchmarks.search.figures import beside, ndcg
from models.search.config import SearchConfig
from models.search.matching import FEATURES, Documents, matches
from models.search.ranker import Groups, fit_ranker, fit_relevance
from models.search.spelling import Spelling
from models.search.train import encoded
from models.text.normalise import detect_language
from models.text.sentences import load_sentence_encoder
from shopsight.errors import ShopsightError

COLUMNS: Final = ("search_term", "product_title", "relevance")
BASELINES: Final = {"bm25": "title_bm25", "word_overlap": "title_covered", "semantic": "similarity"}
"""Each baseline, and the feature that it is."""


def read_judged(path: Path) -> pa.Table:
    """Read a CSV, packed or not.

    Raises:
        ShopsightError: a column is missing, or nothing is in it.
    """
    table = pc.read_csv(path, convert_options=pc.ConvertOptions(strings_can_be_null=False))
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing or not table.num_rows:
        raise ShopsightError(
            f"{path.name} has no judged queries",
            why=f"the columns {', '.join(missing)} are missing" if missing else "it has no row",
            fix=f"give a CSV with the columns {', '.join(COLUMNS)}",
        )
    texts = {name: pa.array([str(text) for text in table[name].to_pylist()]) for name in COLUMNS[:2]}
    return pa.table({**texts, "relevance": table["relevance"].cast(pa.float64())})


def measure(path: Path, *, encoder: str, seed: int, resamples: int = 1_000) -> dict[str, Any]:
    """Return the figures of a file of judged queries.

    Raises:
        ShopsightError: the file is no such one, or has too few queries to split.
    """
    table = read_judged(path)
    queries, query_R = _encode(table["search_term"])
    titles, title_R = _encode(table["product_title"])
    order = np.argsort(query_R, kind="stable")
    query_R, title_R = query_R[order], title_R[order]
    relevance_R = np.asarray(table["relevance"].to_numpy(), dtype=np.float64)[order]
    reader = load_sentence_encoder(encoder)
    documents = Documents.of([{"title": title} for title in titles], encoded(reader, titles))
    starts = np.flatnonzero(np.r_[True, query_R[1:] != query_R[:-1]])
    sizes = np.diff(np.r_[starts, len(query_R)])
    spelling = Spelling(titles)

    def features_of(texts: list[str]) -> NDArray[np.float64]:
        asked = np.concatenate([reader.encode(texts[at : at + 256], kind="query") for at in range(0, len(texts), 256)])
        rows = (
            matches(texts[query_R[start]], asked[query_R[start]], title_R[start : start + size], documents)
            for start, size in zip(starts, sizes, strict=True)
        )
        return np.concatenate(list(rows))

    features_RF = features_of([spelling.corrected(query) or query for query in queries])
    plain_RF = features_of(queries)[:, [FEATURES.index(feature) for feature in BASELINES.values()]]
    place_Q = np.empty(len(queries))
    place_Q[np.random.default_rng(seed).permutation(len(queries))] = np.arange(len(queries)) / len(queries)
    of_query = place_Q[query_R[starts]]
    parts = {
        "train": of_query < 0.6,
        "validation": (of_query >= 0.6) & (of_query < 0.7),
        "test": of_query >= 0.7,
    }
    groups, plain = {}, {}
    for name, chosen in parts.items():
        rows = np.repeat(chosen, sizes)
        groups[name] = Groups(features_RF=features_RF[rows], gains_R=relevance_R[rows], sizes=sizes[chosen])
        plain[name] = plain_RF[rows]
    if not all(part.worth.any() for part in groups.values()):
        raise ShopsightError(
            f"{path.name} has too few judged queries",
            why=f"of its {len(starts)}, split 60/10/30, a part has none with results of different relevance",
            fix="give more queries, each with several results",
        )
    return _judge(groups, plain, seed=seed, resamples=resamples) | {
        "data": path.name,
        "pairs": len(relevance_R),
        "encoder": encoder,
        "seed": seed,
        "languages": _languages(queries),
    }


def _judge(
    groups: Mapping[str, Groups], plain: Mapping[str, NDArray[np.float64]], *, seed: int, resamples: int
) -> dict[str, Any]:
    """Return the figures; ``plain`` has the baselines' columns of each part, of the queries as they were typed."""
    config = SearchConfig(
        rounds=800, learning_rate=0.04, min_rows_in_leaf=min(50, max(5, len(groups["train"].gains_R) // 200))
    )
    teaches, stops, test = groups["train"], groups["validation"], groups["test"]
    relevance = fit_relevance(teaches, stops, names=FEATURES, config=config, seed=seed)
    order = fit_ranker(
        replace(teaches, gains_R=_gain(teaches.gains_R)),
        replace(stops, gains_R=_gain(stops.gains_R)),
        names=FEATURES,
        config=config,
        seed=seed,
    )
    scores = {"relevance": relevance, "lambdamart": order}
    on_validation = {
        name: float(np.nanmean(_ndcgs(stops, ranker.scores(stops.features_RF)))) for name, ranker in scores.items()
    }
    chosen = max(on_validation, key=lambda name: on_validation[name])
    values = {"ours": _ndcgs(test, scores[chosen].scores(test.features_RF))}
    errors = {"ours": relevance.scores(test.features_RF) - test.gains_R}
    for column, name in enumerate(BASELINES):
        values[name] = _ndcgs(test, plain["test"][:, column])
        errors[name] = _calibrated(plain["train"][:, column], teaches, plain["test"][:, column]) - test.gains_R
    figures = beside(values, "ours", seed=seed, resamples=resamples)
    squares = {name: _by_query(error**2, test.sizes) for name, error in errors.items()}
    rmse = {name: _rmse(columns, seed=seed, resamples=resamples) for name, columns in squares.items()}
    return {
        "ndcg@10": figures["ours"],
        "rmse": rmse.pop("ours"),
        "baselines": {name: {"ndcg@10": figures["baselines"][name], "rmse": rmse[name]} for name in BASELINES},
        "ndcg@10_ahead_by": figures["ahead_by"],
        "queries": {"train": len(teaches.sizes), "validation": len(stops.sizes), "test": len(test.sizes)},
        "put_in_order_by": chosen,
    }


def _gain(relevance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the gain of each result, 0 of the least relevant ones."""
    return np.asarray(2.0**relevance - 2.0 ** min(float(relevance.min()), 1.0))


def _ndcgs(groups: Groups, scores: NDArray[np.float64]) -> list[float]:
    ends = np.cumsum(groups.sizes)
    values = []
    for start, end in zip(ends - groups.sizes, ends, strict=True):
        gains = 2.0 ** groups.gains_R[start:end] - 1.0
        # A query with one judged result has one order.
        order = np.argsort(-scores[start:end], kind="stable")
        values.append(ndcg(gains[order], gains) if end - start > 1 else float("nan"))
    return values


def _calibrated(scores_R: NDArray[np.float64], teaches: Groups, test_R: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the relevance that a baseline's scores stand for, by least squares over the training pairs."""
    line, *_ = np.linalg.lstsq(np.c_[scores_R, np.ones(len(scores_R))], teaches.gains_R, rcond=None)
    return np.asarray(test_R * line[0] + line[1])


def _by_query(values: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sum and the number of each query's values, shape (queries, 2): pairs of a query come together."""
    ends = np.cumsum(sizes)
    sums = [float(values[end - size : end].sum()) for end, size in zip(ends, sizes, strict=True)]
    return np.column_stack([sums, sizes])


def _rmse(columns: NDArray[np.float64], *, seed: int, resamples: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    draws = np.empty(resamples)
    for place in range(resamples):
        rows = columns[rng.integers(0, len(columns), len(columns))]
        draws[place] = np.sqrt(rows[:, 0].sum() / rows[:, 1].sum())
    value = float(np.sqrt(columns[:, 0].sum() / columns[:, 1].sum()))
    low, high = np.quantile(draws, [0.025, 0.975])
    return {"value": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _encode(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct texts, and which of them each row has."""
    places: dict[str, int] = {}
    rows = np.array([places.setdefault(text, len(places)) for text in column.to_pylist()], dtype=np.int64)
    return list(places), rows


def _languages(queries: list[str]) -> dict[str, int]:
    names = [detect_language(query) for query in queries]
    return {name: names.count(name) for name in sorted(set(names))}
