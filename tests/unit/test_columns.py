"""Columns of texts as numbers."""

import numpy as np
import pyarrow as pa

from models.columns import encode


def test_texts_are_numbered_in_their_order_whatever_chunks_they_come_in() -> None:
    column = pa.chunked_array([["pear", "fig"], [], ["apple", "pear"]])

    encoded = encode(column)

    assert encoded.names.tolist() == ["apple", "fig", "pear"]
    assert encoded.places.tolist() == [2, 1, 0, 2]
    assert encoded.texts().tolist() == column.to_pylist()


def test_a_null_is_no_text() -> None:
    encoded = encode(pa.chunked_array([["b", None], [None, "a"]], pa.string()))

    assert encoded.names.tolist() == ["a", "b"]
    assert encoded.places.tolist() == [1, 2, 2, 0]
    assert encoded.texts().tolist() == ["b", None, None, "a"]


def test_a_column_without_rows_has_no_texts() -> None:
    for column in (pa.chunked_array([], pa.string()), pa.chunked_array([["a"]]).slice(0, 0)):
        encoded = encode(column)

        assert len(encoded.names) == 0
        assert len(encoded.places) == 0
        assert encoded.texts().tolist() == []


def test_a_column_of_nulls_has_no_texts_whether_it_has_a_type_or_not() -> None:
    for kind in (pa.string(), pa.null()):
        encoded = encode(pa.chunked_array([[None], [None, None]], kind))

        assert len(encoded.names) == 0
        assert encoded.texts().tolist() == [None, None, None]


def test_rows_of_one_text_share_an_object() -> None:
    first, second = encode(pa.chunked_array([["a long text"], ["a long text"]])).texts()

    assert first is second


def test_codes_are_as_numpy_would_give_them() -> None:
    names = np.random.default_rng(0).integers(50, size=1_000).astype(str).astype(object)

    encoded = encode(pa.chunked_array([names[:300].tolist(), names[300:].tolist()]))

    unique, inverse = np.unique(names, return_inverse=True)
    assert encoded.names.tolist() == unique.tolist()
    assert encoded.places.tolist() == inverse.tolist()
