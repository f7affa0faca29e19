"""Judge a search engine on the newest searches, once: figures, intervals, baselines, slices.

Shapes: S searches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import bootstrap_mean
from models.evaluation.ranking import ndcg_at
from models.evaluation.results import Evaluation
from models.search.config import SearchConfig
from models.search.dataset import Pasts, Search
from models.search.documents import Ints
from models.search.predict import FUSION, SearchEngine
from models.text.normalise import detect_language

FAMILY: Final = "search"
PRIMARY_METRIC: Final = "ndcg@10"
LENGTH: Final = 10
NOWHERE: Final = 1_000_000
"""The rank of an item that was not found."""
PROTOCOL: Final = (
    "the newest searches that led to an item, each judged by the place of that item among all items of the catalogue; "
    "demand and clicks are those of before the first of them; the trees stopped on the searches before"
)
BASELINES_TO_BEAT: Final = ("bm25_title", "bm25", "semantic", FUSION)


def evaluate(
    engine: SearchEngine, searches: Sequence[Search], pasts: Pasts, *, config: SearchConfig, seed: int
) -> Evaluation:
    """Return the figures of an engine beside its baselines'.

    Args:
        engine: as it was before the first of the searches.
        searches: that it is judged on.
        pasts: of the shoppers.
        config: how many resamples.
        seed: of the bootstrap.
    """
    ranks = ranks_of(engine, searches, pasts, count=config.candidates)
    gains = {name: ndcg_at(ranks_S, LENGTH) for name, ranks_S in ranks.items()}
    figures = {
        name: {
            PRIMARY_METRIC: bootstrap_mean(gains[name], seed=seed, resamples=config.resamples),
            "hit@10": bootstrap_mean((ranks_S <= LENGTH).astype(float), seed=seed, resamples=config.resamples),
        }
        for name, ranks_S in ranks.items()
    }
    ours = gains["lambdamart"]
    return Evaluation(
        family=FAMILY,
        candidate="lambdamart",
        primary_metric=PRIMARY_METRIC,
        protocol=PROTOCOL,
        cases=len(searches),
        metrics=figures.pop("lambdamart"),
        baselines=figures,
        gains={
            name: bootstrap_mean(ours - gains[name], seed=seed, resamples=config.resamples)
            for name in BASELINES_TO_BEAT
        },
        slices={
            name: {PRIMARY_METRIC: bootstrap_mean(ours[rows], seed=seed, resamples=config.resamples)}
            for name, rows in _slices(searches, pasts).items()
            if rows.sum() >= 20
        },
    )


def ranks_of(engine: SearchEngine, searches: Sequence[Search], pasts: Pasts, *, count: int) -> dict[str, Ints]:
    """Return the rank of each search's item by the engine and by each baseline, from 1, shape (S,).

    Not found among the first ``count`` of a source is :data:`NOWHERE`.
    """
    plain = replace(engine, ranker=None)
    ranks: dict[str, list[int]] = {name: [] for name in ("lambdamart", *BASELINES_TO_BEAT)}
    of_strangers: dict[str, dict[str, Ints]] = {}  # what many ask alike is looked up once
    for search in searches:
        target = engine.catalogue.positions[search.item_id]
        profile = pasts.before(search.user_id, search.at_us)
        lists = of_strangers.get(search.query) if profile is None else None
        if lists is None:
            vector_D = engine.encoder.encode([search.query], kind="query")[0]
            lists = {
                "lambdamart": engine.search(search.query, profile=profile).places,
                "bm25_title": engine.lexical.nearest(search.query, count, fields=("title",))[0],
                "bm25": engine.lexical.nearest(search.query, count, fields=("everything",))[0],
                "semantic": engine.meaning.nearest(vector_D, count),
                FUSION: plain.search(search.query).places,
            }
        if profile is None:
            of_strangers[search.query] = lists
        for name, places in lists.items():
            (where,) = np.nonzero(places == target)
            ranks[name].append(int(where[0]) + 1 if len(where) else NOWHERE)
    return {name: np.array(column, dtype=np.int64) for name, column in ranks.items()}


def _slices(searches: Sequence[Search], pasts: Pasts) -> Mapping[str, NDArray[np.bool_]]:
    languages = np.array([detect_language(search.query) for search in searches])
    familiar = np.array([pasts.before(search.user_id, search.at_us) is not None for search in searches])
    short = np.array([len(search.query.split()) <= 2 for search in searches])
    return {
        "English": languages == "en",
        "Chinese": languages == "zh",
        "shoppers with a past": familiar,
        "strangers": ~familiar,
        "one or two words": short,
        "more words": ~short,
    }
