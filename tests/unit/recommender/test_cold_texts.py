"""How the texts of items without shoppers are read."""

import numpy as np
import pytest

from models.device import new_accelerator
from models.recommender.cold.texts import encode_texts


def test_items_of_both_languages_can_be_compared_where_a_tenth_of_the_texts_are_chinese() -> None:
    texts = ["无线降噪耳机", "Wireless noise cancelling headphones", "Stainless steel frying pan", ""]
    vectors = encode_texts(texts, encoder="bundled", max_tokens=48, accelerator=new_accelerator("cpu", "fp32"))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1, 0], abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
