"""The nearest of many vectors, exactly and with FAISS."""

import sys

import numpy as np
import pytest

from models.recommender.vectors.vector_index import ExactIndex, FaissIndex, build_index, recall, unit
from shopsight.errors import ShopsightError


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rng = np.random.default_rng(1)
    middles = rng.normal(size=(40, 16))
    return (middles[rng.integers(40, size=4_000)] + 0.4 * rng.normal(size=(4_000, 16))).astype(np.float32)


def test_the_exact_index_sorts_by_cosine(vectors) -> None:
    index = build_index(vectors)
    assert isinstance(index, ExactIndex)
    cosines = unit(vectors) @ unit(vectors[:1])[0]
    assert index.nearest(vectors[:1], 20)[0].tolist() == np.argsort(-cosines, kind="stable")[:20].tolist()


def test_a_vector_is_nearest_to_itself_however_long_it_is(vectors) -> None:
    for index in (build_index(vectors), build_index(vectors, exact_below=0)):
        assert index.nearest(7 * vectors[:50], 1)[:, 0].tolist() == list(range(50))


def test_faiss_finds_nearly_all_of_what_the_exact_product_finds(vectors) -> None:
    pytest.importorskip("faiss", reason="FAISS is not installed (extra `index`)")
    approximate = build_index(vectors, exact_below=1_000)
    assert isinstance(approximate, FaissIndex)
    asked = vectors[:200]
    assert recall(approximate.nearest(asked, 10), build_index(vectors).nearest(asked, 10)) > 0.97


def test_without_faiss_a_large_catalogue_is_refused_by_the_name_of_the_extra(vectors, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ShopsightError, match=r"shopsight\[index\]|FAISS"):
        build_index(vectors, exact_below=100)
