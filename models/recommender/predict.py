"""The served recommender: loads an artefact folder and answers in milliseconds.

Needs numpy, onnxruntime, pyarrow and safetensors; no torch. Shapes: N items of the catalogue. Behind the items that the
model knows may stand newcomers, which only the catalogue knows: scorers and vectors end before them.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, zip_longest
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from models.catalogue import Catalogue, Mask
from models.recommender.history import BEHAVIOUR_CODES, History
from models.recommender.scoring import Constant, Neighbours, Scorer
from models.recommender.served.answers import HistoryEvent, ScoredItem, Together
from models.recommender.served.item_text import ItemText
from models.recommender.served.lists import Lists, UnknownItemError, category_codes
from models.recommender.served.new_items import NewItems
from models.recommender.served.newcomers import Newcomers
from models.recommender.served.onnx_sequence import OnnxSequence
from models.recommender.served.reasons import Reason
from models.recommender.served.reasons import explain as reasons_of
from models.recommender.served.scored import Scored

__all__ = ["HistoryEvent", "Recommender", "ScoredItem", "Together", "UnknownItemError"]

SOURCES: Final[Mapping[str, str]] = {
    "transformer": "sequence",
    "ease": "ease",
    "item_knn": "item_knn",
    "popularity": "popularity",
    "popularity_recent": "popularity",
}
"""What an answer calls the view that counted most for an item."""


@dataclass(kw_only=True, eq=False)
class Recommender:
    """The blend that validation chose, with the lists that need no shopper."""

    catalogue: Catalogue
    candidate: str
    weights: Mapping[str, float]
    scorers: Mapping[str, Scorer]
    """By view, those of :attr:`weights` among them."""
    lists: Lists
    new_items: NewItems | None
    """None where every item has shoppers, or no vectors are served."""
    age_days_N: NDArray[np.float32]
    """Days from each item's first interaction to the last one of all; infinite where there is none."""
    usual_days_N: NDArray[np.float32]
    """Days from one purchase of an item to the same shopper's next; not a number where too few bought it again."""
    cold_N: Mask
    """Items without shoppers: the transformer ranks them by what the catalogue says of them."""
    history_length: int
    text: ItemText
    """What the model's items are called, by which newcomers are compared with them."""

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> "Recommender":
        """Load an artefact folder; ``threads`` is what one ONNX run may use."""
        config = json.loads((folder / "config.json").read_text())
        with safe_open(folder / "arrays.safetensors", framework="numpy") as tensors:
            # The item vectors, by far the largest, are read by their scorer.
            arrays = {name: tensors.get_tensor(name) for name in tensors.keys() if not name.startswith("sequence.")}  # noqa: SIM118
        neighbours = {
            name: Neighbours(
                items_NK=arrays[f"{name}.items"],
                weights_NK=arrays[f"{name}.weights"],
                decay=settings["decay"],
                behaviour_weights=np.array(settings["behaviour_weights"]),
            )
            for name, settings in config["neighbours"].items()
        }
        scorers: dict[str, Scorer] = {
            "popularity": Constant(scores_N=arrays["popularity"]),
            "popularity_recent": Constant(scores_N=arrays["popularity_recent"]),
            **neighbours,
        }
        catalogue = Catalogue.read(folder / "catalogue.parquet")
        cold_N = arrays.get("cold", np.zeros(len(catalogue))).astype(np.bool_)
        new_items = None
        sequence = OnnxSequence.read(folder, threads=threads)
        if sequence is not None:
            scorers["transformer"] = sequence
            if cold_N.any():
                new_items = NewItems.of(catalogue, cold_N, sequence.vectors.vectors_ND, neighbours.get("alike"))
        lists = Lists(
            catalogue=catalogue,
            best_sellers_N=arrays["best_sellers"],
            trending_N=arrays["trending"],
            popularity_N=arrays["popularity_recent"],
            neighbours=neighbours,
            category_codes_N=category_codes(catalogue),
            new_items=new_items,
        )
        return cls(
            catalogue=catalogue,
            candidate=config["candidate"],
            weights=config["weights"],
            scorers=scorers,
            lists=lists,
            new_items=new_items,
            # A model that was trained before ages were written has none: nothing counts as new there.
            age_days_N=arrays.get("age_days", np.full_like(arrays["popularity"], np.inf)),
            usual_days_N=arrays.get("usual_days", np.full_like(arrays["popularity"], np.nan)),
            cold_N=cold_N,
            history_length=config["history_length"],
            text=ItemText(catalogue),
        )

    @property
    def newcomers(self) -> Newcomers | None:
        """Items that came after the training; None where there is no room for any."""
        return self.lists.newcomers

    @cached_property
    def popularity_share_N(self) -> NDArray[np.float64]:
        """Share of the items that are less popular than each, from 0 to below 1."""
        popularity_N = self.lists.popularity_N
        return np.searchsorted(np.sort(popularity_N), popularity_N, side="left") / max(len(popularity_N), 1)

    def with_catalogue(self, catalogue: Catalogue) -> "Recommender":
        """Return the same model over the items as ``catalogue`` describes them: stock, prices, names, newcomers."""
        first, room = catalogue.num_known, len(catalogue) - catalogue.num_known
        is_taken = np.array([bool(item_id) for item_id in catalogue.item_ids[first:]], dtype=np.bool_)
        same_categories = catalogue.categories is self.catalogue.categories
        lists = replace(
            self.lists,
            catalogue=catalogue,
            category_codes_N=self.lists.category_codes_N if same_categories else category_codes(catalogue),
            best_sellers_N=_longer(self.lists.best_sellers_N[:first], room, 0.0),
            trending_N=_longer(self.lists.trending_N[:first], room, 0.0),
            popularity_N=_longer(self.lists.popularity_N[:first], room, 0.0),
            newcomers=Newcomers.of(catalogue, self.text),
        )
        return replace(
            self,
            catalogue=catalogue,
            lists=lists,
            age_days_N=_longer(self.age_days_N[:first], room, np.inf),
            usual_days_N=_longer(self.usual_days_N[:first], room, np.nan),
            cold_N=np.concatenate([self.cold_N[:first], is_taken]),
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
        seen_again: bool = False,
    ) -> list[ScoredItem]:
        """Return items that are new to a shopper, best first; fewer than ``num_results`` where no more are allowed.

        Args:
            history: oldest first; items and events the model does not know are passed over.
            num_results: longest answer.
            allowed: which items may be shown, shape (N,); by default those that are available.
            exclude: further items not to show.
            explain: whether to name reasons, which costs one more run of the transformer.
            cold_share: largest share of the list that items without shoppers may take.
            seen_again: whether items of the history may be recommended as if they were new.
        """
        encoded = self.encode(history)
        seen = () if seen_again else (event.item_id for event in history)
        masked = self.lists.masked(allowed, {*exclude, *seen})
        scored = self._score(encoded)
        if scored is None:
            return self.lists.popular(num_results=num_results, masked=masked)
        best = scored.best(length=num_results, masked=(masked | self.cold_N)[: self.catalogue.num_known])
        answer = self._answer(encoded, scored, best, explain=explain)
        # Their scores lack what shoppers say, and a projected vector is shorter than a learnt one: the places of these
        # items are given, only their order is the model's.
        new = self._new(encoded, scored, num_results=int(cold_share * num_results), masked=masked)
        for number, item in enumerate(new, start=1):
            answer.insert(int(number / cold_share) - 1, item)
        return answer[:num_results]

    def rank(
        self, history: Sequence[HistoryEvent], item_ids: Sequence[str], *, explain: bool = False
    ) -> list[ScoredItem]:
        """Return known ones of these items in the order of what the shopper wants, those of the history among them.

        Args:
            history: oldest first; without one that the model can read, the items are ranked by popularity.
            item_ids: what to rank; items that the model does not know are left out.
            explain: whether to name reasons.
        """
        encoded = self.encode(history)
        items = {item for item in map(self.catalogue.index_of, item_ids) if item is not None}
        masked = np.ones(len(self.catalogue), dtype=np.bool_)
        masked[list(items)] = False
        scored = self._score(encoded)
        if scored is None:
            return self.lists.popular(num_results=len(items), masked=masked)
        best = scored.best(length=len(items), masked=masked[: self.catalogue.num_known])
        ranked = self._answer(encoded, scored, best, explain=explain)
        if self.newcomers is None or len(ranked) == len(items):
            return ranked
        newcomers = self.newcomers.ranked(scored.blend_N, encoded, masked=masked)
        return sorted([*ranked, *newcomers], key=lambda item: -item.score)

    def explained(self, history: Sequence[HistoryEvent], items: Sequence[ScoredItem]) -> list[ScoredItem]:
        """Return ``items`` of :meth:`recommend` or :meth:`rank` for this history with their reasons."""
        encoded = self.encode(history)
        scored = self._score(encoded)
        if scored is None:
            return list(items)
        places = [self.catalogue.positions[item.item_id] for item in items]
        best = np.array([place for place in places if place < self.catalogue.num_known], dtype=np.int64)
        scored.settle(best)
        reasons = dict(zip(best.tolist(), self._reasons(encoded, scored, best), strict=True))
        pairs = zip(items, places, strict=True)
        return [replace(item, reasons=reasons.get(place, item.reasons)) for item, place in pairs]

    def together(
        self,
        kind: Together,
        item_ids: Sequence[str],
        *,
        num_results: int,
        allowed: Mask | None = None,
        exclude: Collection[str] = (),
    ) -> list[ScoredItem]:
        """See :meth:`models.recommender.served.lists.Lists.together`."""
        return self.lists.together(kind, item_ids, num_results=num_results, allowed=allowed, exclude=exclude)

    def similar_items(
        self, item_id: str, *, num_results: int, allowed: Mask | None = None, exclude: Collection[str] = ()
    ) -> list[ScoredItem]:
        """See :meth:`models.recommender.served.lists.Lists.similar`."""
        return self.lists.similar(item_id, num_results=num_results, allowed=allowed, exclude=exclude)

    def best_sellers(
        self, *, num_results: int, allowed: Mask | None = None, exclude: Collection[str] = ()
    ) -> list[ScoredItem]:
        """See :meth:`models.recommender.served.lists.Lists.best_sellers`."""
        return self.lists.best_sellers(num_results=num_results, allowed=allowed, exclude=exclude)

    def trending(
        self, *, num_results: int, allowed: Mask | None = None, exclude: Collection[str] = ()
    ) -> list[ScoredItem]:
        """See :meth:`models.recommender.served.lists.Lists.trending`."""
        return self.lists.trending(num_results=num_results, allowed=allowed, exclude=exclude)

    def encode(self, history: Sequence[HistoryEvent]) -> History:
        """Return what the model can read of a history: the newest known items with known events, oldest first.

        A newcomer counts as the item that it is most like.
        """
        pairs = [
            (item, BEHAVIOUR_CODES[event.event_name])
            for event in history
            if event.event_name in BEHAVIOUR_CODES and (item := self._place_to_read(event.item_id)) is not None
        ]
        codes = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return History(codes[:, 0], codes[:, 1]).last(self.history_length)

    def _place_to_read(self, item_id: str) -> int | None:
        place = self.catalogue.index_of(item_id)
        if place is None or place < self.catalogue.num_known:
            return place
        return None if self.newcomers is None else self.newcomers.stands_for(place)

    def _new(self, encoded: History, scored: Scored, *, num_results: int, masked: Mask) -> list[ScoredItem]:
        """Return what no shopper had interacted with at training: newcomers and new items of the model in turns."""
        if not num_results:
            return []
        late: Sequence[ScoredItem] = ()
        cold: Sequence[ScoredItem] = ()
        if self.newcomers is not None:
            late = self.newcomers.best(scored.blend_N, encoded, num_results=num_results, masked=masked)
        if self.new_items is not None and "transformer" in scored.standard:
            sequence_1N = scored.standard["transformer"]
            cold = self.new_items.best(encoded, sequence_1N, num_results=num_results, masked=masked)
        in_turns = (item for pair in zip_longest(late, cold) for item in pair if item is not None)
        return list(islice(in_turns, num_results))

    def _score(self, encoded: History) -> Scored | None:
        """Return every item's score, or None where the model has nothing to say of this history."""
        if len(encoded.items) == 0:
            return None
        scored = Scored.of(encoded, self.scorers, self.weights)
        # Where nothing is known of these items yet, every part is silent, and an order by item code would mean nothing.
        return scored if scored.blend_N.any() else None

    def _answer(self, encoded: History, scored: Scored, best: NDArray[np.int64], *, explain: bool) -> list[ScoredItem]:
        standard, weights = scored.standard, self.weights
        reasons = self._reasons(encoded, scored, best) if explain else [()] * len(best)
        return [
            ScoredItem(
                item_id=self.catalogue.item_ids[item],
                score=float(scored.blend_N[item]),
                source=SOURCES[max(weights, key=lambda name: weights[name] * standard[name][0, item])],
                reasons=why,
            )
            for item, why in zip(best, reasons, strict=True)
        ]

    def _reasons(self, encoded: History, scored: Scored, best: NDArray[np.int64]) -> list[tuple[Reason, ...]]:
        return reasons_of(
            encoded,
            best,
            scorers=self.scorers,
            weights=self.weights,
            standard=scored.standard,
            item_ids=self.catalogue.item_ids,
        )


def _longer(scores_N: NDArray[np.float32], room: int, value: float) -> NDArray[np.float32]:
    """Return scores with one value for each of the places behind them."""
    return np.pad(scores_N, (0, room), constant_values=value)
