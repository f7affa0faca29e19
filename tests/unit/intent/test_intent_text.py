import numpy as np
import pytest

from models.intent.ngrams import MAX_NGRAMS, character_ngrams, ngram_batch
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


def test_only_texts_in_a_cjk_script_have_ngrams() -> None:
    assert character_ngrams("red shoes", buckets=100) == []
    assert len(character_ngrams("红鞋", buckets=100)) == 4 + 3 + 2  # ^红鞋$ by one, two and three


def test_ngrams_are_within_the_table_and_never_the_padding() -> None:
    batch = ngram_batch(["红色的运动鞋", "shoes", "好"], buckets=50)
    assert batch.dtype == np.int64
    assert batch.max() <= 50
    assert (batch[1] == 0).all()
    assert (batch[0] > 0).all()


def test_a_long_chinese_text_keeps_ngrams_of_all_lengths_from_its_start() -> None:
    grams = character_ngrams("的" * 500, buckets=1000)
    assert len(grams) == MAX_NGRAMS
    assert len(set(grams)) == 6  # ^ 的 ^的 的的 ^的的 的的的


def test_a_batch_has_room_even_when_no_text_has_ngrams() -> None:
    assert ngram_batch(["a", "b"], buckets=10).shape == (2, 2)
    assert ngram_batch([], buckets=10).shape == (0, 2)


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
