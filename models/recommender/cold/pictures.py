"""What the items' pictures say of them, as vectors of the picture encoder.

Shapes: N items, F numbers of a picture.
"""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.pictures.index import picture_vectors, rows_of

COLUMN: Final = "picture"
"""Of the items: what a picture shows and its colours, side by side; null where there is none."""


def with_pictures(items: pa.Table, embeddings: pa.Table) -> pa.Table:
    """Return the mart ``items`` with the column ``picture``, from ``item_picture_embeddings``."""
    pictures = picture_vectors(embeddings)
    vectors = np.hstack([pictures.shows_NK, pictures.colours_NB]) / np.float32(np.sqrt(2))  # both are of length 1
    place_of = {item_id: place for place, item_id in enumerate(embeddings["item_id"].to_pylist())}
    places = [place_of.get(item_id) for item_id in items["item_id"].to_pylist()]
    rows = [None if place is None else vectors[place] for place in places]
    return items.append_column(COLUMN, pa.array(rows, pa.list_(pa.float32())))


def picture_features(items: pa.Table, item_ids: NDArray[np.object_]) -> NDArray[np.float32] | None:
    """Return a vector of norm 1 for the picture of each item, zeros where it has none, shape (N, F).

    Args:
        items: see :func:`with_pictures`.
        item_ids: of the N items.

    Returns:
        None where no item has a picture.
    """
    if COLUMN not in items.column_names:
        return None
    pictured = items.filter(pc.is_valid(items[COLUMN]))
    if not pictured.num_rows:
        return None
    vectors = rows_of(pictured[COLUMN])
    place_of = {item_id: place for place, item_id in enumerate(item_ids)}
    features_NF = np.zeros((len(item_ids), vectors.shape[1]), dtype=np.float32)
    for row, item_id in enumerate(pictured["item_id"].to_pylist()):
        if item_id in place_of:
            features_NF[place_of[item_id]] = vectors[row]
    return features_NF
