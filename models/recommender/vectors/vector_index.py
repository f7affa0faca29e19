"""The nearest of many vectors by cosine: an exact product for a catalogue of a shop, FAISS for one of a marketplace.

Shapes: N vectors, D width, Q questions, K answers.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.evaluation.ranking import top_items
from shopsight.errors import ShopsightError

EXACT_BELOW: Final = 200_000
"""Up to so many vectors the exact product is asked: it takes milliseconds and misses nothing."""
LINKS: Final = 32
"""Neighbours of a vector in the HNSW graph."""
BUILD_BREADTH: Final = 200
SEARCH_BREADTH: Final = 256
"""Candidates that are kept while the graph is built and searched: more find more and take longer."""

NONE_MASKED: Final = np.zeros(0, dtype=np.int64)

Vectors = NDArray[np.float32]


class VectorIndex(Protocol):
    """What is nearest to a vector."""

    def nearest(self, questions_QD: Vectors, count: int) -> NDArray[np.int64]:
        """Return the places of the ``count`` nearest vectors of each question, best first, shape (Q, K)."""
        ...


@dataclass(frozen=True, kw_only=True)
class ExactIndex:
    """The product with every vector."""

    vectors_ND: Vectors
    """Of length 1."""

    def nearest(self, questions_QD: Vectors, count: int) -> NDArray[np.int64]:
        """Return the places of the ``count`` nearest vectors of each question, best first, shape (Q, K)."""
        nearest_QK = [
            top_items(self.vectors_ND @ one_D, length=count, masked=NONE_MASKED) for one_D in unit(questions_QD)
        ]
        return np.stack(nearest_QK)


@dataclass(frozen=True, kw_only=True)
class FaissIndex:
    """A navigable small-world graph: finds most of the nearest in a fraction of the time.

    Source: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using HNSW graphs" (2018).
    """

    graph: Any

    @classmethod
    def build(cls, vectors_ND: Vectors) -> "FaissIndex":
        """Build the graph over vectors of length 1.

        Raises:
            ShopsightError: FAISS is not installed.
        """
        try:
            import faiss
        except ImportError as error:
            raise ShopsightError(
                f"cannot index {len(vectors_ND):,} vectors",
                why=f"above {EXACT_BELOW:,} they are searched with FAISS, which is not installed",
                fix="install the extra: pip install 'shopsight[index]'",
            ) from error
        graph = faiss.IndexHNSWFlat(vectors_ND.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = BUILD_BREADTH
        graph.hnsw.efSearch = SEARCH_BREADTH
        graph.add(vectors_ND)
        return cls(graph=graph)

    def nearest(self, questions_QD: Vectors, count: int) -> NDArray[np.int64]:
        """Return the places of the ``count`` nearest vectors of each question, best first, shape (Q, K)."""
        _, places_QK = self.graph.search(unit(questions_QD), count)
        return np.asarray(places_QK, dtype=np.int64)


def unit(vectors_ND: Vectors) -> Vectors:
    """Return the vectors with length 1; a vector of zeros stays one."""
    lengths_N1 = np.linalg.norm(vectors_ND, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors_ND / np.maximum(lengths_N1, 1e-12), dtype=np.float32)


def build_index(vectors_ND: Vectors, *, exact_below: int = EXACT_BELOW) -> VectorIndex:
    """Return the index that suits so many vectors.

    Raises:
        ShopsightError: FAISS is wanted and not installed.
    """
    normed_ND = unit(vectors_ND)
    return ExactIndex(vectors_ND=normed_ND) if len(normed_ND) < exact_below else FaissIndex.build(normed_ND)


def recall(found_QK: NDArray[np.int64], nearest_QK: NDArray[np.int64]) -> float:
    """Return the share of the true nearest that an index found.

    >>> recall(np.array([[1, 2]]), np.array([[2, 3]]))
    0.5
    """
    hits = sum(len(np.intersect1d(items, true)) for items, true in zip(found_QK, nearest_QK, strict=True))
    return float(hits / max(nearest_QK.size, 1))
