"""A column of texts as numbers, without a Python object per row: there are tens of millions of rows."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True)
class Encoded:
    """The distinct texts of a column, and which of them each row holds."""

    names: NDArray[np.object_]
    """Sorted; shape (D,)."""
    places: NDArray[np.int64]
    """Of each row, its text's place in ``names``; shape (rows,). A null's is D."""

    def texts(self) -> NDArray[np.object_]:
        """Return each row's text, ``None`` of a null: rows of the same text share one object."""
        return np.array([*self.names, None], dtype=np.object_)[self.places]


def encode(column: pa.ChunkedArray) -> Encoded:
    """Return the texts of a column as numbers."""
    if column.null_count == len(column):  # perhaps a column without a type, which has no dictionary
        return Encoded(np.empty(0, dtype=np.object_), np.zeros(len(column), dtype=np.int64))
    # Chunk by chunk: the texts of tens of millions of rows do not fit into one array.
    chunks = column.dictionary_encode().unify_dictionaries().chunks
    texts = np.array(chunks[0].dictionary.to_pylist(), dtype=np.object_)
    order = np.argsort(texts)
    place_of = np.append(np.empty_like(order), len(texts))
    place_of[order] = np.arange(len(texts))
    indices = np.concatenate([chunk.indices.fill_null(len(texts)).to_numpy() for chunk in chunks])
    return Encoded(texts[order], place_of[indices].astype(np.int64))
