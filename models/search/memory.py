"""What earlier clicks say of a query: which items they fell on, and which categories its words lead to.

A click counts by how seldom its place is looked at (inverse propensity), so that what stood at the top of a list does
not win for having stood there. Source: T. Joachims, A. Swaminathan, T. Schnabel, "Unbiased learning-to-rank with biased
feedback", WSDM 2017.

Shapes: N items, C candidates, G categories.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.search.documents import Floats
from models.search.words import words
from models.text.normalise import normalise

FEATURES: Final = ("clicked_for_query", "clicks_of_query", "category_of_words", "clicked_at_all")
"""The columns of :meth:`ClickMemory.features`: the item's share of the query's clicks, smoothed; how many clicks the
query had; how likely the words lead to the item's category, in logarithms; clicks on the item, in logarithms."""
SAID_BY_SEVERAL: Final = 2.0
"""Weight of clicks from which on a query is suggested to others."""
SMOOTHING: Final = 2.0
"""Clicks' worth of doubt: a share is told of so many more clicks than there were."""


@dataclass(frozen=True, kw_only=True)
class Click:
    """A click that a search led to."""

    query: str
    item_id: str
    weight: float = 1.0
    """1, or 1 over how often the place that it was clicked at is looked at."""


def query_key(query: str) -> str:
    """Return what makes two queries the same: their stemmed words, in any order.

    >>> query_key("Running shoes") == query_key("shoe running")
    True
    """
    return " ".join(sorted(set(words(query))))


@dataclass(frozen=True, kw_only=True)
class ClickMemory:
    """Clicks counted by query, item, and word and category."""

    of_query: Mapping[str, Mapping[str, float]]
    """By query key, then item: the weight of the clicks."""
    of_word: Mapping[str, Mapping[str, float]]
    """By word, then category."""
    of_item: Mapping[str, float]
    of_category: Mapping[str, float]
    phrases: Mapping[str, float]
    """Queries as they were typed, in lower case, by their clicks; one that was clicked once may name a person."""

    @classmethod
    def of(cls, clicks: Sequence[Click], category_of: Mapping[str, str]) -> "ClickMemory":
        """Count clicks; ``category_of`` has the category of each item that has one."""
        of_query: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        of_word: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        of_item: dict[str, float] = defaultdict(float)
        of_category: dict[str, float] = defaultdict(float)
        phrases: dict[str, float] = defaultdict(float)
        for click in clicks:
            phrases[" ".join(normalise(click.query).casefold().split())] += click.weight
            of_query[query_key(click.query)][click.item_id] += click.weight
            of_item[click.item_id] += click.weight
            category = category_of.get(click.item_id)
            if category is None:
                continue
            of_category[category] += click.weight
            for word in set(words(click.query)):
                of_word[word][category] += click.weight
        plain = {key: dict(counts) for key, counts in of_query.items()}
        return cls(
            of_query=plain,
            of_word={word: dict(counts) for word, counts in of_word.items()},
            of_item=dict(of_item),
            of_category=dict(of_category),
            phrases={text: weight for text, weight in phrases.items() if weight >= SAID_BY_SEVERAL},
        )

    def features(self, query: str, item_ids: Sequence[str], categories: Sequence[str | None]) -> Floats:
        """Return what clicks say of each candidate, shape (C, 4); the columns are :data:`FEATURES`."""
        counts = self.of_query.get(query_key(query), {})
        total = sum(counts.values())
        chances = self.categories(query)
        unlikely = min(chances.values(), default=0.0)
        return np.array(
            [
                (
                    counts.get(item_id, 0.0) / (total + SMOOTHING),
                    total,
                    chances.get(category or "", unlikely),
                    np.log1p(self.of_item.get(item_id, 0.0)),
                )
                for item_id, category in zip(item_ids, categories, strict=True)
            ],
            dtype=np.float64,
        ).reshape(len(item_ids), len(FEATURES))

    def categories(self, query: str) -> dict[str, float]:
        """Return the logarithm of each category's chance, by naive Bayes over the query's words; {} without a click."""
        seen = [counts for word in set(words(query)) if (counts := self.of_word.get(word))]
        if not seen or not self.of_category:
            return {}
        total = sum(self.of_category.values())
        names = list(self.of_category)
        prior_G = np.array([self.of_category[name] for name in names]) / total
        logits_G = np.log(prior_G)
        for counts in seen:
            of_word_G = np.array([counts.get(name, 0.0) for name in names])
            # The word's share of each category, over its share of all: what naive Bayes multiplies.
            chance_G = (of_word_G + SMOOTHING * prior_G) / (of_word_G.sum() + SMOOTHING)
            logits_G += np.log(chance_G) - np.log(prior_G)
        logits_G -= logits_G.max()
        logits_G -= np.log(np.exp(logits_G).sum())
        return dict(zip(names, np.maximum(logits_G, -12.0).tolist(), strict=True))

    def items(self, query: str) -> list[str]:
        """Return the items that the same query was clicked for, most clicked first."""
        counts = self.of_query.get(query_key(query), {})
        return sorted(counts, key=lambda item_id: (-counts[item_id], item_id))

    def as_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` reads."""
        return {
            "of_query": self.of_query,
            "of_word": self.of_word,
            "of_item": self.of_item,
            "of_category": self.of_category,
            "phrases": self.phrases,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ClickMemory":
        """Return the memory that :meth:`as_json` wrote down."""
        return cls(**content)


NO_CLICKS: Final = ClickMemory(of_query={}, of_word={}, of_item={}, of_category={}, phrases={})
"""The memory of a shop without a click."""
