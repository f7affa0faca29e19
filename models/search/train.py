"""Train search: the ranker learns from older searches, stops on later ones, and is judged on the newest.

Shapes: S searches, C candidates of one, R rows of all, F features.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.catalogue import Catalogue
from models.evaluation.results import Evaluation
from models.progress import Progress, ReportProgress
from models.search.attributes import item_attributes
from models.search.config import SearchConfig
from models.search.dataset import Pasts, Search, demand_until, item_texts, read_searches
from models.search.evaluate import FAMILY, PRIMARY_METRIC, PROTOCOL, evaluate
from models.search.hits import Hits
from models.search.matching import TEXTS, without_words
from models.search.memory import Click, ClickMemory
from models.search.predict import CATALOGUE_FILE, DEMAND, FEATURES, FUSION, SearchEngine, everything
from models.search.ranker import Groups, Ranker, fit_ranker
from models.text.sentences import load_sentence_encoder
from models.training import BASELINE_FOLDER, impossible, write_results

_ENCODED_TOGETHER = 256


@dataclass(frozen=True, kw_only=True)
class SearchTables:
    """What search is trained on."""

    searches: pa.Table
    """Rows of the mart ``search_clicks``."""
    items: pa.Table
    """The mart ``items``, and its ``attributes`` as JSON where there are any."""
    demand: pa.Table
    """The mart ``item_demand_daily``."""
    interactions: pa.Table
    """The mart ``interactions``: what shoppers who permit personal use did."""


def train(
    tables: SearchTables,
    *,
    config: SearchConfig,
    out_dir: Path,
    seed: int,
    device: str,
    precision: str,
    report: ReportProgress,
) -> Evaluation:
    """Train, judge and write an artefact folder: the engine, evaluation.json, card.json.

    Beside it goes the baseline that needs no click, for a shop that has too few.

    Args:
        tables: see :class:`SearchTables`.
        config: settings.
        out_dir: folder to write; made if need be.
        seed: seed of the trees and the bootstrap.
        device: recorded only: the encoder is read by numpy, and trees grow on the CPU.
        precision: recorded only.
        report: told of each finished step.

    Returns:
        The evaluation; with too few searches it says so, and no model is written.

    Raises:
        BadTrainingTableError: the searches lack a column.
        ShopsightError: the encoder is not on this machine.
    """
    began = time.monotonic()
    out_dir.mkdir(parents=True, exist_ok=True)
    listed = _listed(tables.items)
    item_ids: list[str] = listed["item_id"].to_pylist()
    searches = read_searches(tables.searches, item_ids, at_most=config.max_searches)
    card: dict[str, Any] = {"items": len(item_ids), "searches": len(searches), "settings": asdict(config), "seed": seed}
    texts = item_texts(listed)
    encoder = load_sentence_encoder(config.encoder)
    vectors_ND = encoded(encoder, [everything(text) for text in texts])
    report(Progress(message=f"read the meaning of {len(texts)} items", fraction=0.3))
    demand = demand_until(tables.demand, item_ids)
    base = SearchEngine.build(
        Catalogue.of(_with_demand(listed, demand)),
        texts,
        vectors_ND=vectors_ND,
        demand=np.log1p(demand),
        encoder=encoder,
        candidates=config.candidates,
        attributes=item_attributes(listed),
    )
    if len(searches) < config.min_searches:
        reason = f"{len(searches)} searches led to an item of the catalogue; {config.min_searches} are needed"
        evaluation = impossible(
            out_dir, family=FAMILY, primary_metric=PRIMARY_METRIC, protocol=PROTOCOL, reason=reason, card=card
        )
        _write_baseline(out_dir, base, listed, demand, evaluation, card)
        return evaluation

    parts = _split(searches, config)
    pasts = Pasts(tables.interactions)
    past_demand = demand_until(tables.demand, item_ids, before=parts["test"][0].day)
    engine = replace(base, demand=np.log1p(past_demand))
    engine = replace(engine, min_similarity=_min_similarity(engine, parts["train"]))
    groups, answered = {}, {}
    for name in ("train", "validation"):
        groups[name], answered[name] = _groups(engine, parts, name, pasts, config=config, seed=seed)
        report(Progress(message=f"matched {len(parts[name])} searches for {name}", fraction=0.6))
    ranker = fit_ranker(groups["train"], groups["validation"], names=FEATURES, config=config, seed=seed)
    report(Progress(message=f"grew {ranker.booster.num_trees()} trees", fraction=0.7))
    judged = replace(engine, ranker=ranker, memory=_memory(engine, [*parts["train"], *parts["validation"]]))
    evaluation = evaluate(judged, parts["test"], pasts, config=config, seed=seed)
    report(Progress(message=f"judged on {len(parts['test'])} searches", fraction=0.95))
    served = replace(judged, demand=np.log1p(demand), memory=_memory(engine, searches))
    served.save(out_dir)
    write_catalogue(out_dir, listed, demand)
    card |= {
        "chosen": "lambdamart",
        "rows": {name: len(part) for name, part in parts.items()},
        "found_among_candidates": answered,
        "min_similarity": engine.min_similarity,
        "trees": ranker.booster.num_trees(),
        "importance": importance(ranker),
        "encoder": encoder.name,
        "device": "cpu",
        "asked_for": {"device": device, "precision": precision},
        "train_seconds": round(time.monotonic() - began, 2),
    }
    write_results(out_dir, evaluation, card)
    _write_baseline(out_dir, base, listed, demand, evaluation, card)
    report(Progress(message="wrote the engine", fraction=1.0))
    return evaluation


def encoded(encoder: Any, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return what texts of items mean, shape (N, D), read some hundred at a time."""
    parts = [
        encoder.encode(texts[start : start + _ENCODED_TOGETHER], kind="passage")
        for start in range(0, len(texts), _ENCODED_TOGETHER)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, encoder.dim), dtype=np.float32)


def write_catalogue(folder: Path, listed: pa.Table, demand: NDArray[np.float64]) -> None:
    """Write the items as :meth:`models.search.predict.SearchEngine.load` reads them."""
    table = _with_demand(listed, demand)
    columns = ["item_id", *TEXTS, "price", "is_available", *DEMAND]
    if "attributes" in table.column_names:
        columns.append("attributes")
    pq.write_table(table.select(columns), folder / CATALOGUE_FILE, compression="zstd")


def importance(ranker: Ranker) -> dict[str, float]:
    """Return each feature's share of what the trees gained, the largest first."""
    gains = ranker.booster.feature_importance("gain")
    shares = dict(zip(ranker.names, (gains / max(gains.sum(), 1e-9)).tolist(), strict=True))
    return dict(sorted(((name, round(share, 4)) for name, share in shares.items() if share), key=lambda pair: -pair[1]))


def _listed(items: pa.Table) -> pa.Table:
    """Return the items that the shop has, with every column that search reads, by their ids."""
    if "is_listed" in items.column_names:
        items = items.filter(pa.compute.fill_null(items["is_listed"], True))
    for name in TEXTS:
        if name not in items.column_names:
            items = items.append_column(name, pa.nulls(items.num_rows, pa.string()))
    return items.sort_by("item_id").combine_chunks()


def _with_demand(listed: pa.Table, demand: NDArray[np.float64]) -> pa.Table:
    for place, name in enumerate(DEMAND):
        listed = listed.append_column(name, pa.array(demand[:, place]))
    return listed


def _split(searches: Sequence[Search], config: SearchConfig) -> dict[str, list[Search]]:
    """Return the searches by time: the newest judge, those before stop the trees, the others teach."""
    test = int(len(searches) * (1.0 - config.test_share))
    validation = int(test * (1.0 - config.validation_share))
    return {
        "train": list(searches[:validation]),
        "validation": list(searches[validation:test]),
        "test": list(searches[test:]),
    }


def _memory(engine: SearchEngine, searches: Sequence[Search]) -> ClickMemory:
    catalogue = engine.catalogue
    pairs = zip(catalogue.item_ids, catalogue.categories, strict=True)
    category_of = {item_id: category for item_id, category in pairs if category}
    clicks = [Click(query=one.query, item_id=one.item_id, weight=one.weight) for one in searches]
    return ClickMemory.of(clicks, category_of)


def _min_similarity(engine: SearchEngine, searches: Sequence[Search]) -> float:
    """Return how near in meaning all but a twentieth of the clicked items are to what was asked for."""
    sample = searches[:: max(1, len(searches) // 500)]
    asked = engine.encoder.encode([search.query for search in sample], kind="query")
    places = [engine.catalogue.positions[search.item_id] for search in sample]
    return round(float(np.quantile((asked * engine.documents.vectors_ND[places]).sum(axis=1), 0.05)), 4)


def _groups(
    engine: SearchEngine,
    parts: Mapping[str, Sequence[Search]],
    name: str,
    pasts: Pasts,
    *,
    config: SearchConfig,
    seed: int,
) -> tuple[Groups, float]:
    """Return the candidates of each search as the ranker reads them, and the share of searches whose item is there.

    What a training search is told of clicks comes from the other folds: its own click would give the answer away.
    """
    searches = parts[name]
    fold_S = np.random.default_rng(seed).integers(0, config.folds, len(searches))
    if name == "train":
        others = ([s for s, f in zip(searches, fold_S, strict=True) if f != fold] for fold in range(config.folds))
        memories = [_memory(engine, part) for part in others]
    else:
        memories = [_memory(engine, parts["train"])] * config.folds
    answered = 0
    features, gains, sizes, weights = [], [], [], []
    of_strangers: dict[tuple[str, int], Hits] = {}  # what many ask alike is looked up once
    for search, fold in zip(searches, fold_S.tolist(), strict=True):
        profile, key = pasts.before(search.user_id, search.at_us), (search.query, fold)
        hits = of_strangers.get(key) if profile is None else None
        if hits is None:
            hits = replace(engine, memory=memories[fold]).search(search.query, profile=profile)
        if profile is None:
            of_strangers[key] = hits
        is_target = hits.places == engine.catalogue.positions[search.item_id]
        if not is_target.any():
            continue
        answered += 1
        # Told twice: of a query in another language than the titles, the meaning is all there is.
        for columns in (hits.features, without_words(hits.features)) if name == "train" else (hits.features,):
            features.append(columns)
            gains.append(is_target.astype(np.float64))
            sizes.append(len(is_target))
            weights.append(np.full(len(is_target), search.weight))
    groups = Groups(
        features_RF=np.concatenate(features) if features else np.zeros((0, len(FEATURES))),
        gains_R=np.concatenate(gains) if gains else np.zeros(0),
        sizes=np.array(sizes, dtype=np.int64),
        weights_R=np.concatenate(weights) if weights else np.zeros(0),
    )
    return groups, round(answered / max(len(searches), 1), 4)


def _write_baseline(
    out_dir: Path,
    engine: SearchEngine,
    listed: pa.Table,
    demand: NDArray[np.float64],
    evaluation: Evaluation,
    card: Mapping[str, Any],
) -> None:
    """Write the engine without a ranker, which stands in where the gate refuses the trees: it needs no click."""
    folder = out_dir / BASELINE_FOLDER
    folder.mkdir(exist_ok=True)
    replace(engine, ranker=None).save(folder)
    write_catalogue(folder, listed, demand)
    write_results(folder, evaluation.of_baseline(FUSION), {name: card[name] for name in ("items", "settings", "seed")})
