import numpy as np
import pytest

from models.intent.ngrams import bag_of, character_ngrams, inverse_frequencies
from models.text.normalise import MAX_CHARACTERS, detect_language, encoder_text, knows_chinese, normalise, skeleton


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("black boots", "en"),
        ("蓝牙耳机", "zh"),
        ("iPhone 15 和小米14哪个好", "zh"),
        ("靴を探しています", "other"),
        ("신발 추천해 주세요", "other"),
        ("где моя посылка", "other"),
        ("12345", "other"),
        ("👍👍", "other"),
        ("", "other"),
        ("une robe d'été", "en"),
        ("𠮷", "zh"),
    ],
)
def test_the_language_is_read_from_the_script(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  red \n\t shoes ", "red shoes"),
        ("red\x00shoes", "red shoes"),
        ("ＵＳＢ　ｈｕｂ", "USB hub"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("zero\u200bwidth", "zero width"),
        ("\x00\x01", ""),
        ("", ""),
    ],
)
def test_texts_are_cleaned_before_any_model_reads_them(raw: str, clean: str) -> None:
    assert normalise(raw) == clean


def test_a_very_long_text_is_cut() -> None:
    assert len(normalise("word " * 100_000)) == MAX_CHARACTERS
    assert len(normalise("\ufdfa" * 100_000)) == MAX_CHARACTERS  # one character that NFKC turns into eighteen


def test_the_ngrams_of_a_word_tell_its_beginning_and_its_end() -> None:
    buckets = 1 << 20
    ab, ba = (character_ngrams(text, buckets=buckets) for text in ("ab", "ba"))
    assert sum(ab.values()) == 2 + 3 + 2 + 1  # a b, " a" ab "b ", " ab" "ab ", " ab "
    assert len(ab & ba) == 2, "the letters alone are the same"
    assert character_ngrams("AB  ab", buckets=buckets) == character_ngrams("ab ab", buckets=buckets)


def test_an_ngram_that_hardly_a_training_text_has_counts_for_nothing() -> None:
    idf = inverse_frequencies(["red shoes", "red hat", "red bag", "blue"], buckets=1 << 16)
    bag = bag_of(["red", "blue", ""], idf_G=idf)
    assert np.diff(bag.starts).tolist() == [12, 1, 0], "of blue only the e is in three texts"
    assert np.linalg.norm(bag.weights[:12]) == pytest.approx(1.0)


def test_a_long_text_is_read_to_a_limit_only() -> None:
    assert character_ngrams("ab " * 1000, buckets=50) == character_ngrams("ab " * 134, buckets=50)


def test_digits_case_and_punctuation_do_not_make_another_text() -> None:
    assert skeleton("Where is order 4471?") == skeleton("where is order 12")
    assert skeleton("red shoes") != skeleton("blue shoes")
    assert skeleton("?!") == "?!"


def test_only_an_encoder_with_a_chinese_vocabulary_reads_chinese() -> None:
    english = ["the", "##ing", *map(chr, range(0x4E00, 0x4E00 + 300))]
    chinese = [*english, *map(chr, range(0x5000, 0x5000 + 5000))]
    assert not knows_chinese(english)
    assert knows_chinese(chinese)
    assert encoder_text("红 iPhone", encoder_knows_chinese=False) == ""
    assert encoder_text("红 iPhone", encoder_knows_chinese=True) == "红 iPhone"
    assert encoder_text("red", encoder_knows_chinese=False) == "red"
