import numpy as np

from models.intent.baselines import encoder_regression, keyword_rules, majority, tfidf_regression
from shopsight.contracts import INTENTS


def test_the_majority_is_the_most_frequent_training_label() -> None:
    assert majority(np.array([3, 1, 3]), cases=2).tolist() == [3, 3]


def test_rules_read_the_plainest_words() -> None:
    texts = [
        "kindle vs kobo",
        "I love it",
        "does it fit?",
        "hello",
        "red shoes",
        "哪个好",
        "质量很好",
        "几天到？",
        "你好",
        "红鞋",
    ]
    english = ["compare_product", "leave_review", "ask_question", "other", "search_product"]
    assert [INTENTS[i] for i in keyword_rules(texts)] == english * 2


def test_tfidf_learns_separable_texts_and_sees_chinese_characters() -> None:
    train = ["red shoes", "blue shoes", "is it big?", "is it small?", "红色鞋子", "多少钱呀"]
    labels = np.array([0, 0, 2, 2, 0, 2])
    guess = tfidf_regression(train, labels, np.ones(6), ["green shoes", "is it good?", "鞋子"], seed=1)
    assert guess.tolist() == [0, 2, 0]


def test_a_text_that_weighs_nothing_has_no_say() -> None:
    features = np.array([[1.0], [-1.0], [0.0]] * 100)  # label 0 lies on both sides of label 1
    labels = np.array([0, 0, 1] * 100)
    probes = np.array([[50.0], [-50.0]])
    for silenced, expected in ((0, [1, 0]), (1, [0, 1])):
        weights = np.where(np.arange(300) % 3 == silenced, 1e-6, 1.0)
        assert encoder_regression(features, labels, weights, probes, seed=1).tolist() == expected
