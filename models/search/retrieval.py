"""The candidates of a query: items that share its words, items near it in meaning, items it was clicked for.

Shapes: N items, C candidates, D numbers of a vector.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

import numpy as np
import tantivy
from numpy.typing import NDArray

from models.search.documents import Ints
from models.search.words import words

Vector = NDArray[np.float32]

EXACT_BELOW: Final = 20_000
"""Up to so many items each vector is compared; above, a faster index finds nearly all of the nearest."""
NARROW: Final = 128
"""Numbers of a vector in that index, by principal components."""
PROBES: Final = 24
"""Cells of the index that a question looks into."""
TITLE_BOOST: Final = 2.0
_HEAP_BYTES: Final = 100_000_000


class LexicalIndex:
    """Which items share words with a query: BM25 over titles and all that items say, by tantivy, in memory."""

    def __init__(self, titles: Sequence[str], everything: Sequence[str]) -> None:
        builder = tantivy.SchemaBuilder()
        for name in ("title", "everything"):
            builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
        builder.add_unsigned_field("place", fast=True)
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema)
        writer = self._index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        for place, (title, text) in enumerate(zip(titles, everything, strict=True)):
            document = tantivy.Document()
            document.add_text("title", " ".join(words(title)))
            document.add_text("everything", " ".join(words(text)))
            document.add_unsigned("place", place)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()

    def nearest(self, query: str, count: int, *, fields: Sequence[str] = ("title", "everything")) -> tuple[Ints, Any]:
        """Return the places of the best items, best first, and their scores; no item where no word is shared."""
        asked = list(dict.fromkeys(words(query)))
        terms = []
        for field in fields:
            boost = TITLE_BOOST if field == "title" and len(fields) > 1 else 1.0
            for word in asked:
                term = tantivy.Query.term_query(self._schema, field, word, index_option="freq")
                terms.append((tantivy.Occur.Should, tantivy.Query.boost_query(term, boost) if boost != 1.0 else term))
        if not terms:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        hits = self._searcher.search(tantivy.Query.boolean_query(terms), limit=count, count=False).hits
        if not hits:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        places = self._searcher.fast_field_values("place", [address for _, address in hits])
        return np.array(places, dtype=np.int64), np.array([score for score, _ in hits], dtype=np.float64)


class MeaningIndex(Protocol):
    """Which items are near a vector."""

    def nearest(self, vector_D: Vector, count: int) -> Ints:
        """Return the places of the nearest items, nearest first."""
        ...


class ExactMeaning:
    """The product with every item's vector."""

    def __init__(self, vectors_ND: Vector) -> None:
        self._vectors_ND = vectors_ND

    def nearest(self, vector_D: Vector, count: int) -> Ints:
        """See :class:`MeaningIndex`."""
        scores_N = self._vectors_ND @ vector_D
        count = min(count, len(scores_N))
        if count == 0:
            return np.zeros(0, dtype=np.int64)
        best = np.argpartition(-scores_N, count - 1)[:count]
        return np.asarray(best[np.argsort(-scores_N[best], kind="stable")], dtype=np.int64)


class ProbedMeaning:
    """Vectors narrowed to their principal components, in the cells of an inverted file (FAISS)."""

    def __init__(self, vectors_ND: Vector, *, seed: int = 0) -> None:
        import faiss

        rng = np.random.default_rng(seed)
        sample = vectors_ND[rng.choice(len(vectors_ND), min(len(vectors_ND), 20_000), replace=False)]
        mean_D = sample.mean(axis=0)
        _, axes_DD = np.linalg.eigh(np.cov(sample, rowvar=False))
        self._axes_DK = np.ascontiguousarray(axes_DD[:, ::-1][:, :NARROW], dtype=np.float32)
        narrow_NK = np.ascontiguousarray((vectors_ND - mean_D) @ self._axes_DK, dtype=np.float32)
        cells = int(4 * np.sqrt(len(vectors_ND)))
        quantizer = faiss.IndexFlatIP(narrow_NK.shape[1])
        self._index = faiss.IndexIVFFlat(quantizer, narrow_NK.shape[1], cells, faiss.METRIC_INNER_PRODUCT)
        self._index.cp.niter, self._index.cp.max_points_per_centroid, self._index.cp.seed = 6, 40, seed
        self._index.train(narrow_NK)
        self._index.add(narrow_NK)
        self._index.nprobe = PROBES

    def nearest(self, vector_D: Vector, count: int) -> Ints:
        """See :class:`MeaningIndex`."""
        # Not less the mean: of all items' products that would take the same away, and add each one's own share.
        asked_1K = np.ascontiguousarray(vector_D[None, :] @ self._axes_DK, dtype=np.float32)
        _, places = self._index.search(asked_1K, count)
        return np.asarray(places[0][places[0] >= 0], dtype=np.int64)


def meaning_index(vectors_ND: Vector, *, exact_below: int = EXACT_BELOW) -> MeaningIndex:
    """Return the index that suits so many items."""
    return ExactMeaning(vectors_ND) if len(vectors_ND) < exact_below else ProbedMeaning(vectors_ND)


def united(groups: Iterable[Ints], *, count: int) -> Ints:
    """Return the places of several groups, taken from each in turn, each place once, at most ``count``.

    >>> united([np.array([3, 1, 2]), np.array([1, 5])], count=4).tolist()
    [3, 1, 5, 2]
    """
    rows = [group.tolist() for group in groups]
    taken: dict[int, None] = {}
    for turn in range(max(map(len, rows), default=0)):
        for row in rows:
            if turn < len(row):
                taken.setdefault(row[turn])
    return np.array(list(taken)[:count], dtype=np.int64)
