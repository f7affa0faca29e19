import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from models.intent.tone import BUCKETS, ToneModel, bucket, terms
from models.intent.tone_training import MIN_REVIEWS, Reviews, cross_validated, fit_tone, train_tone

GOOD = ("lovely", "it holds well", "my favourite", "would buy again", "just as shown", "glad i found it")
BAD = ("fell apart", "never came", "wrong colour", "want my money back", "smells odd", "gave it away")
PLAIN = ("the blue one", "for my sister", "last week", "in the kitchen", "as a present", "on holiday")


def rated(count: int, *, seed: int, complaints: float = 0.3) -> pa.Table:
    """Reviews whose words show their stars."""
    rng = random.Random(seed)
    rows = []
    for number in range(count):
        bad = rng.random() < complaints
        words = [rng.choice(BAD if bad else GOOD), *rng.sample(PLAIN, 2), f"order {rng.choice('abcdefgh')}{number}x"]
        rng.shuffle(words)
        rows.append({"text": " ".join(words), "value": 1.0 if bad else 5.0, "user_id": f"u_{number % 40}"})
    return pa.Table.from_pylist(rows)


def of(table: pa.Table) -> Reviews:
    return Reviews.of(*(table[name].to_pylist() for name in ("text", "value", "user_id")))


@pytest.fixture(scope="module")
def model() -> ToneModel:
    return fit_tone(of(rated(300, seed=1)), seed=1)


def test_tone_is_learnt_from_stars_and_generalises_to_other_shoppers() -> None:
    reviews = of(rated(300, seed=2))
    held_out = cross_validated(reviews, seed=1)
    assert np.mean((held_out > 0) == reviews.praises) > 0.97


def test_shuffled_stars_teach_nothing() -> None:
    from models.evaluation.probability import roc_auc

    reviews = of(rated(400, seed=3))
    shuffled = Reviews(
        texts=reviews.texts,
        praises=np.random.default_rng(0).permutation(reviews.praises),
        shoppers=reviews.shoppers,
    )
    assert abs(roc_auc(shuffled.praises, cross_validated(shuffled, seed=1)) - 0.5) < 0.1


def test_the_parts_of_a_tone_sum_to_its_log_odds_and_name_the_words(model: ToneModel) -> None:
    text = "It fell apart last week, want my money back"
    parts = model.contributions(text)
    assert sum(value for _, value in parts) == pytest.approx(model.log_odds(text), abs=1e-9)
    assert model.tone(text).probability == pytest.approx(1 / (1 + math.exp(-model.log_odds(text))))
    worst = min(parts, key=lambda part: part[1])[0]
    assert worst in terms("fell apart want my money back")


def test_a_complaint_is_negative_although_most_reviews_praise() -> None:
    mostly_good = fit_tone(of(rated(900, seed=4, complaints=0.06)), seed=1)
    assert mostly_good.tone("never came").label == "negative"
    assert mostly_good.tone("my favourite").label == "positive"
    assert mostly_good.tone("").label == "neutral"
    assert mostly_good.tone("").probability == pytest.approx(0.94, abs=0.02), "what is usual in the shop"


def test_probabilities_are_true_of_the_shops_own_mix() -> None:
    reviews = of(rated(600, seed=5, complaints=0.2))
    probabilities = 1 / (1 + np.exp(-cross_validated(reviews, seed=1)))
    assert probabilities.mean() == pytest.approx(reviews.praises.mean(), abs=0.03)


def test_a_model_is_the_same_after_a_trip_to_the_disk(model: ToneModel, tmp_path: Path) -> None:
    assert ToneModel.load(tmp_path) is None
    model.save(tmp_path)
    loaded = ToneModel.load(tmp_path)
    assert loaded is not None
    assert loaded.tone("it holds well") == model.tone("it holds well")


def test_three_stars_empty_texts_and_repetitions_are_left_out() -> None:
    reviews = Reviews.of(
        ["Good!", "good", "so so", "", None, "bad", "no stars"], [5, 1, 3, 5, 5, 2, None], list("abcdefg")
    )
    assert reviews.texts == ["Good!", "bad"]
    assert reviews.praises.tolist() == [True, False]


def test_with_too_few_complaints_nothing_is_shipped_and_the_reason_has_the_numbers() -> None:
    model, evidence = train_tone(rated(100, seed=6, complaints=0.02), seed=1, resamples=20)
    assert (model, evidence["shipped"]) == (None, False)
    assert f"{MIN_REVIEWS} of each" in evidence["reason"]
    nothing = pa.table({"text": pa.array([], pa.string()), "value": pa.array([], pa.float64()), "user_id": []})
    assert train_tone(nothing, seed=1, resamples=20)[0] is None


def test_a_model_that_is_not_ahead_of_the_word_list_is_not_shipped() -> None:
    """Words that the list knows already: nothing is left to learn."""
    rng = random.Random(7)
    rows: list[dict[str, Any]] = [
        {"text": f"{word} {rng.random()}", "value": stars, "user_id": f"u_{n % 30}"}
        for n in range(300)
        for word, stars in [rng.choice([("excellent", 5.0), ("terrible", 1.0)])]
    ]
    rows = [
        row | {"text": f"{row['text'].split()[0]} {chr(97 + n % 26)}{chr(97 + n // 26)}"} for n, row in enumerate(rows)
    ]
    model, evidence = train_tone(pa.Table.from_pylist(rows), seed=1, resamples=50)
    assert model is None
    assert evidence["reason"] == "it is not ahead of the word list beyond chance"


def test_chinese_is_read_by_characters_and_long_words_by_their_beginnings_too() -> None:
    assert terms("很好") == ["很", "好", "很 好"]
    assert "disa*" in terms("Disappointing!")
    assert 0 <= bucket("很 好") < BUCKETS
