"""The approved recommender's vectors of items and shoppers, as tables: for look-alikes, taste groups and similar items.

A shopper's vector is the transformer's state after their history; its product with an item's vector is the score that
is served. Needs no torch. Shapes: U shoppers, N items, D width, G taste groups.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.catalogue import Catalogue
from models.recommender.history import BEHAVIOUR_CODES, History
from models.recommender.served.onnx_sequence import OnnxSequence
from models.recommender.vectors.vector_index import Vectors, build_index, unit

TASTE_GROUPS: Final = 8
MIN_PER_GROUP: Final = 20
"""A smaller shop has fewer groups."""
BATCH: Final = 256
DECIMALS: Final = 5
"""Of a written number: the scores of rounded vectors differ in their fifth digit."""
CATEGORIES_SHOWN: Final = 3
AMONG: Final = 20_000
"""Shoppers drawn at random whom everybody is compared with, in a larger shop."""


@dataclass(frozen=True, kw_only=True)
class Embedder:
    """A trained transformer that says where items and shoppers are."""

    catalogue: Catalogue
    sequence: OnnxSequence

    @classmethod
    def load(cls, folder: Path) -> "Embedder | None":
        """Load a recommender's artefact; None where validation left the transformer out of it."""
        sequence = OnnxSequence.read(folder)
        return (
            None if sequence is None else cls(catalogue=Catalogue.read(folder / "catalogue.parquet"), sequence=sequence)
        )

    def history(self, item_ids: Sequence[str], event_names: Sequence[str]) -> History:
        """Return what the model can read of a shopper's interactions, oldest first."""
        pairs = [
            (place, BEHAVIOUR_CODES[name])
            for place, name in zip(map(self.catalogue.index_of, item_ids), event_names, strict=True)
            if place is not None and name in BEHAVIOUR_CODES
        ]
        codes = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return History(codes[:, 0], codes[:, 1])

    def shoppers(self, histories: Sequence[History]) -> Vectors:
        """Return the vector of every history, none of which may be empty, shape (U, D)."""
        # Of similar length side by side, so that little is padded.
        order = np.argsort([len(history.items) for history in histories], kind="stable")
        vectors_UD = np.empty((len(histories), self.sequence.vectors.vectors_ND.shape[1]), dtype=np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            vectors_UD[rows] = self.sequence.hidden([histories[row] for row in rows])
        return vectors_UD


@dataclass(frozen=True, kw_only=True)
class TasteGroup:
    """A group of shoppers who are near each other."""

    number: int
    shoppers: int
    categories: tuple[tuple[str, float], ...]
    """What they interact with more than others do: a category and how many times the shop's share of it."""


@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """What the model says of a shop at one moment."""

    users: pa.Table
    """user_id, user_vector, taste_group, user_model_version, feature_timestamp, created_timestamp."""
    items: pa.Table
    """item_id, item_vector, item_model_version, feature_timestamp, created_timestamp."""
    taste_groups: tuple[TasteGroup, ...]


def embed(embedder: Embedder, histories: pa.Table, *, version: str, moment: datetime, seed: int) -> Embeddings:
    """Return the vectors of every item that something is known of and of every shopper with a history.

    Args:
        embedder: the approved model.
        histories: ``user_id``, ``item_ids`` and ``event_names``, a row per shopper: their newest.
        version: of the model.
        moment: when the vectors became known; aware.
        seed: of the taste groups.
    """
    names = histories["user_id"].to_pylist()
    events = zip(histories["item_ids"].to_pylist(), histories["event_names"].to_pylist(), strict=True)
    read = [(name, embedder.history(items, kinds)) for name, (items, kinds) in zip(names, events, strict=True)]
    shoppers = [(name, history) for name, history in read if len(history.items)]
    vectors_UD = embedder.shoppers([history for _, history in shoppers])
    groups_U = group_by_taste(vectors_UD, seed=seed)
    usable = np.flatnonzero(embedder.sequence.vectors.usable_N)
    return Embeddings(
        users=_table(
            {
                "user_id": pa.array([name for name, _ in shoppers], pa.string()),
                "user_vector": _lists(vectors_UD),
                "taste_group": pa.array(groups_U, pa.int64()),
                "user_model_version": pa.array([version] * len(shoppers), pa.string()),
            },
            moment,
        ),
        items=_table(
            {
                "item_id": pa.array([embedder.catalogue.item_ids[place] for place in usable], pa.string()),
                "item_vector": _lists(embedder.sequence.vectors.vectors_ND[usable]),
                "item_model_version": pa.array([version] * len(usable), pa.string()),
            },
            moment,
        ),
        taste_groups=describe(groups_U, [history for _, history in shoppers], embedder.catalogue),
    )


def group_by_taste(vectors_UD: Vectors, *, seed: int) -> NDArray[np.int64]:
    """Return the taste group of every shopper, shape (U,): k-means on directions, the largest group is number 0."""
    from sklearn.cluster import KMeans

    count = min(TASTE_GROUPS, len(vectors_UD) // MIN_PER_GROUP)
    if count < 2:
        return np.zeros(len(vectors_UD), dtype=np.int64)
    found_U = KMeans(count, n_init=4, random_state=seed).fit_predict(unit(vectors_UD))
    by_size = np.argsort(-np.bincount(found_U, minlength=count), kind="stable")
    place_G = np.empty(count, dtype=np.int64)
    place_G[by_size] = np.arange(count)
    groups_U: NDArray[np.int64] = place_G[found_U]
    return groups_U


def describe(groups_U: NDArray[np.int64], histories: Sequence[History], catalogue: Catalogue) -> tuple[TasteGroup, ...]:
    """Say of every taste group which categories it interacts with most beyond what the whole shop does."""
    interactions: dict[int, Counter[str]] = {number: Counter() for number in range(int(groups_U.max(initial=-1)) + 1)}
    for number, history in zip(groups_U.tolist(), histories, strict=True):
        interactions[number].update(
            name for name in (catalogue.categories[i] for i in history.items) if name is not None
        )
    everywhere = sum(interactions.values(), Counter[str]())
    total = max(everywhere.total(), 1)
    described = []
    for number, counts in interactions.items():
        own = max(counts.total(), 1)
        # A category of a few interactions would stand first by chance.
        lifts = {
            name: count / own / (everywhere[name] / total) for name, count in counts.items() if count >= 0.02 * own
        }
        best = sorted(lifts.items(), key=lambda entry: (-entry[1], entry[0]))[:CATEGORIES_SHOWN]
        described.append(TasteGroup(number=number, shoppers=int((groups_U == number).sum()), categories=tuple(best)))
    return tuple(described)


def look_alikes(users: pa.Table, seeds: Sequence[str], *, count: int) -> list[tuple[str, float]]:
    """Return the shoppers who are most like some others, with the cosine to the others' mean, most alike first.

    Args:
        users: from :class:`Embeddings`.
        seeds: shoppers; those without a vector are passed over.
        count: longest answer; the seeds are not in it.
    """
    names = users["user_id"].to_pylist()
    places = {name: place for place, name in enumerate(names)}
    seed_rows = [places[name] for name in dict.fromkeys(seeds) if name in places]
    if not seed_rows:
        return []
    vectors_UD = unit(np.array(users["user_vector"].to_pylist(), dtype=np.float32))
    middle_1D = vectors_UD[seed_rows].mean(axis=0, keepdims=True)
    near = build_index(vectors_UD).nearest(middle_1D, min(count + len(seed_rows), len(names)))[0]
    cosines_U = vectors_UD @ unit(middle_1D)[0]
    return [(names[place], float(cosines_U[place])) for place in near if place not in seed_rows][:count]


def everyones_look_alikes(
    users: pa.Table, *, count: int, seed: int, among: int = AMONG
) -> Iterator[tuple[str, int, str, float]]:
    """Yield the look-alikes of every shopper: ``user_id, place, alike_id, cosine``, the most alike first.

    Args:
        users: from :class:`Embeddings`.
        count: of each shopper.
        seed: of the draw of those who are compared with.
        among: so many shoppers drawn at random are compared with, where there are more: a million by a million would
            take an hour.
    """
    names = users["user_id"].to_pylist()
    if len(names) < 2:
        return
    vectors_UD = unit(np.array(users["user_vector"].to_pylist(), dtype=np.float32))
    drawn = np.sort(np.random.default_rng(seed).permutation(len(names))[:among])
    others_DA = np.ascontiguousarray(vectors_UD[drawn].T)
    for start in range(0, len(names), BATCH):
        cosines_BA = vectors_UD[start : start + BATCH] @ others_DA
        cosines_BA[drawn[None, :] == np.arange(start, start + len(cosines_BA))[:, None]] = -np.inf
        length = min(count, cosines_BA.shape[1] - 1)
        near_BK = np.argpartition(-cosines_BA, length - 1, axis=1)[:, :length]
        for row, near in enumerate(near_BK):
            best = near[np.lexsort((near, -cosines_BA[row, near]))]
            for place, other in enumerate(best, start=1):
                yield names[start + row], place, names[drawn[other]], float(cosines_BA[row, other])


def _lists(vectors: Vectors) -> pa.Array:
    width = vectors.shape[1] if vectors.ndim == 2 else 0
    flat = pa.array(np.round(vectors.astype(np.float64), DECIMALS).ravel())
    return pa.ListArray.from_arrays(pa.array(np.arange(len(vectors) + 1) * width, pa.int32()), flat)


def _table(columns: dict[str, pa.Array], moment: datetime) -> pa.Table:
    rows = len(next(iter(columns.values())))
    times = pa.array([moment] * rows, pa.timestamp("us", tz="UTC"))
    return pa.table({**columns, "feature_timestamp": times, "created_timestamp": times})
