"""How well candidates match a query in words and in meaning: what the ranker reads first.

Shapes: N items, C candidates, Q words of a query, F features, D numbers of a vector.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.search.documents import Field, Floats, Ints, bm25_of
from models.search.words import trigrams, words

TEXTS: Final = ("title", "category", "brand", "description")
"""What an item says, field by field."""
FIELDS: Final = (*TEXTS, "everything")
"""What is matched; ``everything`` is all that an item says, as one text."""
_OF_FIELD: Final = ("bm25", "covered", "missing", "density")
_OF_TITLE: Final = ("first_word", "last_word", "pairs", "numbers", "length")
_RELATIVE: Final = ("everything_bm25", "title_covered", "letters", "similarity")
"""Features that are also told from the best candidate's: some queries match everything better than others."""

FEATURES: Final = (
    *(f"{field}_{name}" for field in FIELDS for name in _OF_FIELD),
    *(f"title_{name}" for name in _OF_TITLE),
    "letters",
    "similarity",
    "query_words",
    "query_rarity",
    *(f"{name}_below_best" for name in _RELATIVE),
)
"""The columns of :func:`matches`: BM25 of each field; the share of the query's words that it has, by their rarity; how
many are missing; the share of the field that they are; groups of three letters in common; similarity of meaning."""


_LEXICAL: Final = (
    *(f"{field}_{name}" for field in FIELDS for name in _OF_FIELD),
    *(f"title_{name}" for name in _OF_TITLE if name != "length"),
    "letters",
    *(f"{name}_below_best" for name in _RELATIVE if name != "similarity"),
)


@dataclass(frozen=True, kw_only=True)
class Documents:
    """The items as they are matched."""

    fields: Mapping[str, Field]
    """By the names of :data:`FIELDS`."""
    letters: Field
    """The title's groups of three letters."""
    vectors_ND: NDArray[np.float32]
    """What the items mean, of length 1; zeros where they say nothing."""

    @classmethod
    def of(cls, texts: Sequence[Mapping[str, str]], vectors_ND: NDArray[np.float32]) -> "Documents":
        """Return the documents of items that say these texts, by the names of :data:`TEXTS`."""
        columns = {name: [text.get(name) or "" for text in texts] for name in TEXTS}
        columns["everything"] = [" ".join(filter(None, row)) for row in zip(*columns.values(), strict=True)]
        fields = {name: Field.of(column, words) for name, column in columns.items()}
        return cls(fields=fields, letters=Field.of(columns["title"], trigrams), vectors_ND=vectors_ND)

    def __len__(self) -> int:
        return len(self.vectors_ND)


def matches(query: str, vector_D: NDArray[np.float32], candidates: Ints, documents: Documents) -> Floats:
    """Return how each candidate matches a query, shape (C, F); the columns are :data:`FEATURES`.

    Args:
        query: what is asked for.
        vector_D: its meaning.
        candidates: places of the items.
        documents: all items.
    """
    asked = words(query)
    columns: dict[str, Floats] = {}
    for name in FIELDS:
        columns |= _of_field(name, documents.fields[name], asked, candidates)
    columns |= _of_title(documents.fields["title"], asked, candidates)
    letters = list(dict.fromkeys(trigrams(query)))
    rarity_L = documents.letters.rarity(letters)
    columns["letters"] = rarity_L @ (documents.letters.counts(letters, candidates) > 0) / max(rarity_L.sum(), 1e-9)
    columns["similarity"] = (documents.vectors_ND[candidates] @ vector_D).astype(np.float64)
    rarity_Q = documents.fields["everything"].rarity(asked)
    columns["query_words"] = np.full(len(candidates), float(len(asked)))
    columns["query_rarity"] = np.full(len(candidates), float(rarity_Q.mean()) if len(asked) else 0.0)
    for name in _RELATIVE:
        columns[f"{name}_below_best"] = columns[name] - (columns[name].max() if len(candidates) else 0.0)
    return np.column_stack([columns[name] for name in FEATURES])


def without_words(features: Floats) -> Floats:
    """Return the features of the same candidates as if the query shared no word with any, as of another language."""
    blind = features.copy()
    asked = blind[:, FEATURES.index("query_words")]
    for name in _LEXICAL:
        blind[:, FEATURES.index(name)] = asked if name.endswith("_missing") else 0.0
    return blind


def _of_field(name: str, field: Field, asked: Sequence[str], candidates: Ints) -> dict[str, Floats]:
    distinct = list(dict.fromkeys(asked))
    counts_QC, rarity_Q = field.counts(distinct, candidates), field.rarity(distinct)
    hit_QC = counts_QC > 0
    columns = {
        "bm25": bm25_of(field, counts_QC, rarity_Q, candidates),
        "covered": rarity_Q @ hit_QC / max(float(rarity_Q.sum()), 1e-9),
        "missing": (~hit_QC).sum(axis=0).astype(np.float64),
        "density": counts_QC.sum(axis=0) / np.maximum(field.lengths(candidates), 1),
    }
    return {f"{name}_{feature}": column for feature, column in columns.items()}


def _of_title(title: Field, asked: Sequence[str], candidates: Ints) -> dict[str, Floats]:
    nothing = np.zeros(len(candidates))
    distinct = list(dict.fromkeys(asked))
    row_of = {word: row for row, word in enumerate(distinct)}
    hit_QC = (title.counts(distinct, candidates) > 0)[[row_of[word] for word in asked]]
    numbers = [row for row, word in enumerate(asked) if word.isdigit()]
    columns = {
        "first_word": hit_QC[0].astype(np.float64) if asked else nothing,
        "last_word": hit_QC[-1].astype(np.float64) if asked else nothing,
        "pairs": (hit_QC[1:] & hit_QC[:-1]).sum(axis=0).astype(np.float64) if len(asked) > 1 else nothing,
        "numbers": hit_QC[numbers].mean(axis=0) if numbers else np.full(len(candidates), np.nan),
        "length": title.lengths(candidates).astype(np.float64),
    }
    return {f"title_{name}": column for name, column in columns.items()}
