"""Which category an item without one belongs to: what the most similar items of the catalogue are in.

Texts are compared by TF-IDF of words and of character n-grams within words, which read any script and half-known words;
the nearest items vote by their similarity. How far that can be trusted is measured on items whose category is known,
and a suggestion is made only above the share of votes at which they were right often enough.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import Estimate, bootstrap_mean
from models.intent.rejection import reject_threshold
from models.text.normalise import normalise

NEIGHBOURS: Final = 10
MAX_JUDGED: Final = 2_000
"""Items with a category that the measure is taken on."""
PRECISION: Final = 0.95
"""Share of the suggestions that should be right."""
MIN_ITEMS: Final = 20
"""Minimum number of items with a category that are worth asking."""
_CHUNK: Final = 200
"""Rows compared at once: 80 MB beside 100,000 items."""


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What the neighbours of one item say."""

    category: str
    share: float
    """Of the votes, 0 to 1."""
    nearest: int
    """Row of the most similar item of that category."""


@dataclass(frozen=True, kw_only=True)
class CategorySuggestions:
    """Suggestions for items without a category, surest first, and how far to trust them."""

    rows: list[tuple[int, Vote]]
    """Row of the item, and what its neighbours say."""
    unsure: int
    """Items without a category whose neighbours disagree too much."""
    min_share: float
    """Share of the votes that a suggestion needs, 0 to 1; chosen on one half of the judged items."""
    precision: Estimate | None
    """Share of the suggestions that were right, on the other half; None where too few items have a category."""
    coverage: Estimate | None
    """Share of that half that a suggestion was made for."""


def suggest_categories(
    texts: Sequence[str | None], categories: Sequence[str | None], *, seed: int
) -> CategorySuggestions:
    """Return a category for each item without one, where its neighbours agree.

    Args:
        texts: title and description of each item.
        categories: path in the shop's tree, or None.
        seed: draws the items that the measure is taken on.
    """
    clean = [normalise(text or "") for text in texts]
    labelled = np.array([place for place, name in enumerate(categories) if name and clean[place]], dtype=np.int64)
    without = np.array([place for place, name in enumerate(categories) if not name and clean[place]], dtype=np.int64)
    if len(labelled) < MIN_ITEMS:
        return CategorySuggestions(rows=[], unsure=len(without), min_share=1.0, precision=None, coverage=None)
    names = np.array([categories[place] for place in labelled], dtype=object)
    matrix = _tfidf(clean)
    judged = np.random.default_rng(seed).permutation(len(labelled))[:MAX_JUDGED]
    votes = list(_votes(matrix[labelled[judged]], matrix[labelled], names, itself=judged))
    shares = np.array([vote.share for vote in votes])
    right = np.array([vote.category == names[place] for vote, place in zip(votes, judged, strict=True)])
    half = len(judged) // 2
    min_share = reject_threshold(shares[:half], right[:half], precision=PRECISION, min_coverage=1 / half)
    made = shares[half:] >= min_share
    guesses = list(_votes(matrix[without], matrix[labelled], names, itself=None)) if len(without) else []
    rows = [
        (int(place), Vote(category=vote.category, share=vote.share, nearest=int(labelled[vote.nearest])))
        for place, vote in zip(without, guesses, strict=True)
        if vote.share >= min_share
    ]
    return CategorySuggestions(
        rows=sorted(rows, key=lambda row: (-row[1].share, row[0])),
        unsure=len(without) - len(rows),
        min_share=min_share,
        precision=bootstrap_mean(right[half:][made].astype(float), seed=seed) if made.any() else None,
        coverage=bootstrap_mean(made.astype(float), seed=seed),
    )


def _tfidf(texts: Sequence[str]) -> Any:
    """Return a sparse matrix ``(items, features)`` of rows of length 1."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union
    from sklearn.preprocessing import normalize

    words = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", dtype=np.float32)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, dtype=np.float32)
    return normalize(make_union(words, characters).fit_transform(texts)).tocsr()


def _votes(asked: Any, labelled: Any, names: NDArray[Any], *, itself: NDArray[np.int64] | None) -> Iterator[Vote]:
    """Yield what the nearest known items say of each row of ``asked``.

    Args:
        asked: rows to find a category for.
        labelled: rows with a category.
        names: those categories.
        itself: row of ``labelled`` that each row of ``asked`` is, and that does not vote.
    """
    for start in range(0, asked.shape[0], _CHUNK):
        similarity = (asked[start : start + _CHUNK] @ labelled.T).toarray()
        if itself is not None:
            rows = itself[start : start + _CHUNK]
            similarity[np.arange(len(rows)), rows] = -1.0
        count = min(NEIGHBOURS, similarity.shape[1] - 1)
        nearest = np.argpartition(-similarity, count, axis=1)[:, :count]
        for row, places in zip(similarity, nearest, strict=True):
            weights = np.maximum(row[places], 1e-9)
            totals: dict[str, float] = {}
            for name, weight in zip(names[places], weights, strict=True):
                totals[name] = totals.get(name, 0.0) + float(weight)
            best = max(sorted(totals), key=totals.__getitem__)
            of_best = places[names[places] == best]
            yield Vote(
                category=best,
                share=totals[best] / float(weights.sum()),
                nearest=int(of_best[row[of_best].argmax()]),
            )
