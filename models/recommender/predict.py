"""The served recommender: loads an artefact folder and answers in milliseconds.

Needs numpy, onnxruntime, pyarrow and safetensors; no torch. Shapes: N items of the catalogue.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from models.evaluation.ranking import top_items
from models.recommender.catalogue import Catalogue, Mask
from models.recommender.history import BEHAVIOUR_CODES, History
from models.recommender.onnx_sequence import OnnxSequence
from models.recommender.reasons import Reason
from models.recommender.reasons import explain as reasons_of
from models.recommender.scored import Scored
from models.recommender.scoring import Constant, Neighbours, Scorer, cold_scores
from shopsight.errors import ShopsightError

SOURCES: Final[Mapping[str, str]] = {
    "transformer": "sequence",
    "ease": "ease",
    "item_knn": "item_knn",
    "popularity": "popularity",
    "popularity_recent": "popularity",
}
"""What an answer calls the component that spoke loudest for an item."""

Together = Literal["viewed_together", "bought_together"]
"""What the lists of items that go with others are made of, and the code of their reasons."""


class UnknownItemError(ShopsightError):
    """An item that is not in the catalogue of the model."""


@dataclass(frozen=True, kw_only=True)
class HistoryEvent:
    """One interaction of the shopper; the order of a history is its sequence, the time is not read."""

    item_id: str
    event_name: str
    event_timestamp: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ScoredItem:
    """A recommended item; scores are comparable within one answer only."""

    item_id: str
    score: float
    source: str
    reasons: tuple[Reason, ...] = ()


class Recommender:
    """The contender that validation chose, with the lists that need no shopper."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        candidate: str,
        weights: Mapping[str, float],
        scorers: Mapping[str, Scorer],
        best_seller_scores_N: NDArray[np.float32],
        trending_scores_N: NDArray[np.float32],
        popularity_N: NDArray[np.float32],
        age_days_N: NDArray[np.float32],
        cold_N: Mask,
        history_length: int,
    ) -> None:
        self.catalogue = catalogue
        self.candidate = candidate
        self.weights = weights
        self._scorers = scorers
        self._best_sellers_N = best_seller_scores_N
        self._trending_N = trending_scores_N
        self._popularity_N = popularity_N
        self.age_days_N = age_days_N
        """Days from each item's first interaction to the last one of all; infinite where there is none."""
        self.popularity_share_N = _shares(popularity_N)
        """Share of the items that are less popular than each, from 0 to below 1."""
        self.cold_N = cold_N
        """Items that nobody had touched: the transformer ranks them by what the catalogue says of them."""
        sequence = scorers.get("transformer")
        if isinstance(sequence, OnnxSequence) and cold_N.any():
            self._lengths_N = np.maximum(np.linalg.norm(sequence.vectors.vectors_ND, axis=1), 1e-9)
        self._history_length = history_length
        names = sorted({name for name in catalogue.categories if name is not None})
        codes = {name: code for code, name in enumerate(names)}
        self._category_codes_N = np.array([-1 if name is None else codes[name] for name in catalogue.categories])

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> "Recommender":
        """Load an artefact folder; ``threads`` is what one ONNX run may use."""
        config = json.loads((folder / "config.json").read_text())
        with safe_open(folder / "arrays.safetensors", framework="numpy") as held:
            # The item vectors, by far the largest, are read by their scorer.
            arrays = {name: held.get_tensor(name) for name in held.keys() if not name.startswith("sequence.")}  # noqa: SIM118
        scorers: dict[str, Scorer] = {
            "popularity": Constant(scores_N=arrays["popularity"]),
            "popularity_recent": Constant(scores_N=arrays["popularity_recent"]),
        }
        for name, settings in config["neighbours"].items():
            scorers[name] = Neighbours(
                items_NK=arrays[f"{name}.items"],
                weights_NK=arrays[f"{name}.weights"],
                decay=settings["decay"],
                behaviour_weights=np.array(settings["behaviour_weights"]),
            )
        sequence = OnnxSequence.read(folder, threads=threads)
        if sequence is not None:
            scorers["transformer"] = sequence
        return cls(
            catalogue=Catalogue.read(folder / "catalogue.parquet"),
            candidate=config["candidate"],
            weights=config["weights"],
            scorers=scorers,
            best_seller_scores_N=arrays["best_sellers"],
            trending_scores_N=arrays["trending"],
            popularity_N=arrays["popularity_recent"],
            # A model that was trained before ages were kept has none: nothing counts as new there.
            age_days_N=arrays.get("age_days", np.full_like(arrays["popularity"], np.inf)),
            cold_N=arrays.get("cold", np.zeros(len(arrays["popularity"]))).astype(np.bool_),
            history_length=config["history_length"],
        )

    def recommend(
        self,
        history: Sequence[HistoryEvent],
        *,
        num_results: int,
        allowed: Mask | None = None,
        exclude: Collection[str] = (),
        explain: bool = False,
        cold_share: float = 0.0,
    ) -> list[ScoredItem]:
        """Return items that are new to a shopper, best first; fewer than ``num_results`` where no more are allowed.

        Args:
            history: oldest first; items and events the model does not know are passed over, and the items of the
                history are not recommended again.
            num_results: longest answer.
            allowed: which items may be shown, shape (N,); by default those that are available.
            exclude: further items not to show.
            explain: whether to name reasons, which costs one more run of the transformer.
            cold_share: largest share of the list that items may take which nobody had touched.
        """
        known = self._encode(history)
        masked = self._masked(allowed, {*exclude, *(event.item_id for event in history)})
        scored = self._score(known)
        if scored is None:
            return self._listed(self._popularity_N, "popularity", num_results, masked, reason="popular")
        best = scored.best(length=num_results, masked=masked | self.cold_N)
        shown = self._shown(known, scored, best, explain=explain)
        # Their scores lack what shoppers say, and a projected vector is shorter than a learnt one: the places of cold
        # items are given, only their order is the model's.
        for number, item in enumerate(self._cold(known, scored, int(cold_share * num_results), masked), start=1):
            shown.insert(int(number / cold_share) - 1, item)
        return shown[:num_results]

    def rank(
        self, history: Sequence[HistoryEvent], item_ids: Sequence[str], *, explain: bool = False
    ) -> list[ScoredItem]:
        """Return known ones of these items in the order of what the shopper wants, those of the history among them.

        Args:
            history: oldest first; without one that the model can read, the items are ranked by popularity.
            item_ids: what to rank; items that the model does not know are left out.
            explain: whether to name reasons.
        """
        known = self._encode(history)
        places = {place for place in map(self.catalogue.index_of, item_ids) if place is not None}
        masked = np.ones(len(self.catalogue), dtype=np.bool_)
        masked[list(places)] = False
        scored = self._score(known)
        if scored is None:
            return self._listed(self._popularity_N, "popularity", len(places), masked, reason="popular")
        return self._shown(known, scored, scored.best(length=len(places), masked=masked), explain=explain)

    def explained(self, history: Sequence[HistoryEvent], items: Sequence[ScoredItem]) -> list[ScoredItem]:
        """Return ``items`` of :meth:`recommend` or :meth:`rank` for this history with their reasons."""
        known = self._encode(history)
        scored = self._score(known)
        if scored is None:
            return list(items)
        best = np.array([self.catalogue.positions[item.item_id] for item in items], dtype=np.int64)
        scored.settle(best)
        reasons = self._reasons(known, scored, best)
        return [replace(item, reasons=why) for item, why in zip(items, reasons, strict=True)]

    def together(
        self,
        kind: Together,
        item_ids: Sequence[str],
        *,
        num_results: int,
        allowed: Mask | None = None,
        exclude: Collection[str] = (),
    ) -> list[ScoredItem]:
        """Return what is viewed or bought together with any of these items; none where nothing is known to be."""
        scorer = self._scorers.get(kind)
        places = [place for place in map(self.catalogue.index_of, item_ids) if place is not None]
        if not isinstance(scorer, Neighbours) or not places:
            return []
        page = History(np.array(places), np.ones(len(places), dtype=np.int64))
        scores_N = scorer.scores([page])[0]
        masked = self._masked(allowed, {*exclude, *item_ids}) | (scores_N <= 0)
        return [
            ScoredItem(
                item_id=self.catalogue.item_ids[item],
                score=float(scores_N[item]),
                source=kind,
                reasons=self._goes_with(scorer, page, int(item), kind),
            )
            for item in top_items(scores_N, length=num_results, masked=masked)
        ]

    def similar_items(
        self, item_id: str, *, num_results: int, allowed: Mask | None = None, exclude: Collection[str] = ()
    ) -> list[ScoredItem]:
        """Return items that shoppers touched near this one, then popular items of its category.

        Of an item that nobody had touched, those whose vectors point the same way as what its text and attributes say.

        Raises:
            UnknownItemError: the catalogue has no such item.
        """
        item = self.catalogue.index_of(item_id)
        if item is None:
            raise UnknownItemError(
                f"There is no item {item_id!r} in the recommender's catalogue.",
                why="it was neither listed nor touched by anyone when the model was trained",
                fix="ask for another item, or train again after the item was ingested",
            )
        masked = self._masked(allowed, {*exclude, item_id})
        if self.cold_N[item]:
            alike_N = self._cosines(item)
            return self._listed(alike_N, "content", num_results, masked, reason="similar_content", because=item_id)
        near_N = self._scorers["item_knn"].scores([History(np.array([item]), np.array([1]))])[0]
        found = self._listed(
            near_N, "item_knn", num_results, masked | (near_N <= 0), reason="often_together", because=item_id
        )
        category = self.catalogue.categories[item]
        if len(found) < num_results and category is not None:
            rest = masked | (self._category_codes_N != self._category_codes_N[item])
            rest[[self.catalogue.positions[one.item_id] for one in found]] = True
            missing = num_results - len(found)
            found += self._listed(
                self._popularity_N, "category", missing, rest, reason="same_category", because=item_id
            )
        return found

    def best_sellers(
        self, *, num_results: int, allowed: Mask | None = None, exclude: Collection[str] = ()
    ) -> list[ScoredItem]:
        """Return the most bought items; where purchases are equal, what more people touched."""
        masked = self._masked(allowed, exclude)
        return self._listed(self._best_sellers_N, "best_sellers", num_results, masked, reason="best_seller")

    def trending(
        self, *, num_results: int, allowed: Mask | None = None, exclude: Collection[str] = ()
    ) -> list[ScoredItem]:
        """Return the items with the most attention lately."""
        masked = self._masked(allowed, exclude)
        return self._listed(self._trending_N, "trending", num_results, masked, reason="trending")

    def _score(self, known: History) -> Scored | None:
        """Return every item's score, or None where the model has nothing to say of this history."""
        if len(known.items) == 0:
            return None
        scored = Scored.of(known, self._scorers, self.weights)
        # Where nothing is known of these items yet, every part is silent, and an order by item code would mean nothing.
        return scored if scored.blend_N.any() else None

    def _shown(self, known: History, scored: Scored, best: NDArray[np.int64], *, explain: bool) -> list[ScoredItem]:
        standard, weights = scored.standard, self.weights
        reasons = self._reasons(known, scored, best) if explain else [()] * len(best)
        return [
            ScoredItem(
                item_id=self.catalogue.item_ids[item],
                score=float(scored.blend_N[item]),
                source=SOURCES[max(weights, key=lambda name: weights[name] * standard[name][0, item])],
                reasons=why,
            )
            for item, why in zip(best, reasons, strict=True)
        ]

    def _cold(self, known: History, scored: Scored, count: int, masked: Mask) -> list[ScoredItem]:
        """Return the cold items that rank first among themselves, each with the history's item that it is most like."""
        if count == 0 or "transformer" not in scored.standard:
            return []
        cold_K, near = np.flatnonzero(self.cold_N), self._scorers.get("alike")
        alike_1K = near.scores([known])[:, cold_K] if near is not None else None
        scores_K = cold_scores(scored.standard["transformer"][:, cold_K], alike_1K)[0]
        return [
            ScoredItem(
                item_id=self.catalogue.item_ids[cold_K[place]],
                score=float(scores_K[place]),
                source="content",
                reasons=(Reason(code="new_item", item_ids=(self._most_like(int(cold_K[place]), known),), weight=1.0),),
            )
            for place in top_items(scores_K, length=count, masked=masked[cold_K])
        ]

    def _most_like(self, item: int, known: History) -> str:
        distinct = np.unique(known.items)
        nearest = int(distinct[np.argmax(self._cosines(item, distinct))])
        return self.catalogue.item_ids[nearest]

    def _cosines(self, item: int, others: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.float32]:
        """Return the cosines of the transformer's vector of an item with those of others, by default of all."""
        sequence = self._scorers["transformer"]
        assert isinstance(sequence, OnnxSequence), "cold items are projected onto the vectors that it serves"
        vectors_ND, lengths_N = sequence.vectors.vectors_ND, self._lengths_N
        found: NDArray[np.float32] = (vectors_ND[others] @ vectors_ND[item]) / (lengths_N[others] * lengths_N[item])
        return found

    def _reasons(self, known: History, scored: Scored, best: NDArray[np.int64]) -> list[tuple[Reason, ...]]:
        return reasons_of(
            known,
            best,
            scorers=self._scorers,
            weights=self.weights,
            standard=scored.standard,
            item_ids=self.catalogue.item_ids,
        )

    def _goes_with(self, scorer: Neighbours, page: History, item: int, kind: Together) -> tuple[Reason, ...]:
        items, parts = scorer.contributions(page, item)
        order = [place for place in np.argsort(-parts, kind="stable")[:2] if parts[place] > 0]
        total = float(parts.sum())
        return tuple(
            Reason(code=kind, item_ids=(self.catalogue.item_ids[items[place]],), weight=float(parts[place]) / total)
            for place in order
        )

    def _encode(self, history: Sequence[HistoryEvent]) -> History:
        pairs = [
            (item, BEHAVIOUR_CODES[event.event_name])
            for event in history
            if event.event_name in BEHAVIOUR_CODES and (item := self.catalogue.index_of(event.item_id)) is not None
        ]
        codes = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return History(codes[:, 0], codes[:, 1]).last(self._history_length)

    def _masked(self, allowed: Mask | None, exclude: Collection[str]) -> Mask:
        masked = ~(self.catalogue.available if allowed is None else allowed)
        masked[[item for item in map(self.catalogue.index_of, exclude) if item is not None]] = True
        return masked

    def _listed(
        self,
        scores_N: NDArray[np.float32],
        source: str,
        num_results: int,
        masked: Mask,
        *,
        reason: str,
        because: str | None = None,
    ) -> list[ScoredItem]:
        why = (Reason(code=reason, item_ids=() if because is None else (because,), weight=1.0),)
        return [
            ScoredItem(item_id=self.catalogue.item_ids[item], score=float(scores_N[item]), source=source, reasons=why)
            for item in top_items(scores_N, length=num_results, masked=masked)
        ]


def _shares(scores_N: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.searchsorted(np.sort(scores_N), scores_N, side="left") / max(len(scores_N), 1)
