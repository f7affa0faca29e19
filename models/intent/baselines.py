"""What the classifier must beat: the majority, rules, bags of n-grams, the encoder's vectors alone.

Every baseline takes and returns label indices in the order of :data:`shopsight.contracts.INTENTS`; scikit-learn is
used while training only and never saved.
"""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from shopsight.contracts import INTENTS

Labels = NDArray[np.int64]

_RULES: Final = (
    (
        "compare_product",
        re.compile(
            r"\b(vs|versus|compare[ds]?|comparison|difference between|better than|which is better|or the)\b"
            r"|哪个|哪款|区别|对比|还是|相比",
            re.IGNORECASE,
        ),
    ),
    (
        "leave_review",
        re.compile(
            r"\b(i bought|i love|loved|arrived|recommend|disappointed|works great|stars?|waste of|returned)\b"
            r"|好评|差评|收到|不错|满意|失望|推荐|质量很|喜欢",
            re.IGNORECASE,
        ),
    ),
    (
        "other",
        re.compile(
            r"\b(hello|hi|hey|thanks|thank you|weather|joke|my account|balance|alarm|bank|remind)\b"
            r"|你好|谢谢|天气|笑话|闹钟|余额|提醒",
            re.IGNORECASE,
        ),
    ),
    (
        "ask_question",
        re.compile(
            r"\?|？|^(does|do|is|are|can|will|how|what|when|where|why|which)\b|吗|怎么|多少|多久|能不能|可以",
            re.IGNORECASE,
        ),
    ),
)


def majority(train: Labels, *, cases: int) -> Labels:
    """Return the most frequent label of the training texts, ``cases`` times."""
    return np.full(cases, np.bincount(train).argmax(), dtype=np.int64)


def keyword_rules(texts: Sequence[str]) -> Labels:
    """Return the label of the first rule that fits; a text that fits none is a search."""
    labels = [next((name for name, pattern in _RULES if pattern.search(text)), "search_product") for text in texts]
    return np.array([INTENTS.index(label) for label in labels], dtype=np.int64)


def tfidf_regression(
    train_texts: Sequence[str], train: Labels, weights: NDArray[np.floating], texts: Sequence[str], *, seed: int
) -> Labels:
    """Return the labels of a logistic regression on TF-IDF of words (1-2) and characters within words (1-4)."""
    pipeline = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b"),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True),
        ),
        LogisticRegression(C=10.0, class_weight="balanced", max_iter=300, tol=1e-3, random_state=seed),
    )
    pipeline.fit(list(train_texts), train, logisticregression__sample_weight=weights)
    return np.asarray(pipeline.predict(list(texts)), dtype=np.int64)


def encoder_regression(
    train_features: NDArray[np.floating],
    train: Labels,
    weights: NDArray[np.floating],
    features: NDArray[np.floating],
    *,
    seed: int,
) -> Labels:
    """Return the labels of a logistic regression on the encoder's vectors of length 1, ``(texts, width)``."""
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=500, random_state=seed)
    model.fit(train_features, train, sample_weight=weights)
    return np.asarray(model.predict(features), dtype=np.int64)
