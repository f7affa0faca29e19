"""A new item's picture says what it is like, where the shop has pictures."""

import numpy as np
import pyarrow as pa
import pytest

from models.recommender.cold.pictures import COLUMN, picture_features, with_pictures

ITEMS = pa.table({"item_id": ["a", "b", "c"]})
EMBEDDINGS = pa.table(
    {
        "item_id": ["c", "a"],
        "shows": pa.array([[0.0, 1.0], [1.0, 0.0]], pa.list_(pa.float32(), 2)),
        "colours": pa.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], pa.list_(pa.float32(), 3)),
    }
)


def test_what_a_picture_shows_counts_as_much_as_its_colours() -> None:
    features = picture_features(with_pictures(ITEMS, EMBEDDINGS), np.array(["c", "b", "a"], dtype=object))
    assert features is not None
    half = np.sqrt(0.5)
    assert features == pytest.approx(np.array([[0, half, half, 0, 0], [0, 0, 0, 0, 0], [half, 0, 0, 0, half]]))


def test_a_shop_without_pictures_has_no_such_features() -> None:
    ids = np.array(["a", "b"], dtype=object)
    assert picture_features(ITEMS, ids) is None
    none = with_pictures(pa.table({"item_id": ["x"]}), EMBEDDINGS)
    assert none[COLUMN].null_count == 1
    assert picture_features(none, ids) is None
