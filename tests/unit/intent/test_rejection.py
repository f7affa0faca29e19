"""The threshold under which a label is too unsure to act on, and texts in a language that was never taught."""

import numpy as np
import pytest

from models.intent.corpus import read_corpus
from models.intent.rejection import MIN_TEXTS, SHIPPED_SCRIPTS, is_foreign, reject_threshold, taught_scripts


def test_the_texts_kept_reach_the_precision_and_one_more_would_not() -> None:
    rng = np.random.default_rng(7)
    confidence = rng.uniform(0.4, 1.0, 2000)
    right = rng.uniform(size=2000) < confidence
    threshold = reject_threshold(confidence, right, precision=0.8, min_coverage=0.1)
    accepted = confidence >= threshold
    assert right[accepted].mean() >= 0.8
    looser = np.sort(confidence[~accepted])[::-1]
    assert all(right[confidence >= lower].mean() < 0.8 for lower in looser)


@pytest.mark.parametrize(("precision", "confident"), [(0.75, 4), (0.9, 3), (1.0, 3)])
def test_a_higher_precision_keeps_fewer_texts(precision: float, confident: int) -> None:
    confidence, right = np.array([0.5, 0.9, 0.6, 0.8]), np.array([False, True, True, True])
    threshold = reject_threshold(confidence, right, precision=precision, min_coverage=0.25)
    assert (confidence >= threshold).sum() == confident


def test_where_the_precision_is_out_of_reach_no_more_is_rejected_than_was_allowed() -> None:
    confidence, right = np.linspace(0.3, 0.9, 10), np.zeros(10, dtype=bool)
    threshold = reject_threshold(confidence, right, precision=0.95, min_coverage=0.7)
    assert (confidence >= threshold).sum() == 7


def test_nothing_is_rejected_where_everything_is_right() -> None:
    assert reject_threshold(np.array([0.2, 0.3]), np.array([True, True]), precision=1.0, min_coverage=0.5) == 0.0


@pytest.mark.parametrize(
    "text",
    [
        # Hebrew: how much is delivery?
        "\u05db\u05de\u05d4 \u05e2\u05d5\u05dc\u05d4 \u05d4\u05de\u05e9\u05dc\u05d5\u05d7?",
        "\u0623\u0631\u064a\u062f \u062d\u0630\u0627\u0621 Nike",  # Arabic: I want Nike shoes
        "\u043a\u0440\u0430\u0441\u043d\u044b\u0435 \u0442\u0443\u0444\u043b\u0438",  # Russian: red shoes
        "\u0e23\u0e2d\u0e07\u0e40\u0e17\u0e49\u0e32\u0e2a\u0e35\u0e41\u0e14\u0e07",  # Thai: red shoes
        "\u9001\u6599\u306f\u3044\u304f\u3089\u3067\u3059\u304b",  # Japanese: how much is delivery?
        "\ubc30\uc1a1\ube44\uac00 \uc5bc\ub9c8\uc608\uc694",  # Korean: how much is delivery?
        "東京駅近くの店舗一覧",  # Japanese: list of shops near Tokyo station, two kana of nine letters
        # Greek: red shoes
        "\u03ba\u03cc\u03ba\u03ba\u03b9\u03bd\u03b1 \u03c0\u03b1\u03c0\u03bf\u03cd\u03c4\u03c3\u03b9\u03b1",
    ],
)
def test_a_text_in_a_script_that_was_never_taught_is_foreign(text: str) -> None:
    assert is_foreign(text, scripts=SHIPPED_SCRIPTS)


@pytest.mark.parametrize(
    "text",
    [
        "花の店 鲜花",
        "red shoes",
        "\u7ea2\u8272 Nike \u978b",
        "cr\u00e8me br\u00fbl\u00e9e",
        "42,90?",
        "",
        "\u03a9mega watch",
    ],
)
def test_a_text_in_a_taught_script_or_in_none_is_not(text: str) -> None:
    assert not is_foreign(text, scripts=SHIPPED_SCRIPTS)


def test_no_text_that_intents_are_learnt_from_is_foreign_to_its_own_model() -> None:
    assert not [u.text for u in read_corpus() if is_foreign(u.text, scripts=SHIPPED_SCRIPTS)]


def test_a_script_is_taught_by_enough_of_a_shops_own_texts() -> None:
    russian = "\u043a\u0440\u0430\u0441\u043d\u044b\u0435 \u0442\u0443\u0444\u043b\u0438 Nike"
    assert taught_scripts([russian] * (MIN_TEXTS - 1)) == ["CJK", "LATIN"]
    assert taught_scripts([russian] * MIN_TEXTS) == ["CJK", "CYRILLIC", "LATIN"]
    assert not is_foreign(russian, scripts=taught_scripts([russian] * MIN_TEXTS))
