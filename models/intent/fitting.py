"""Fits the layer, and asks it about kinds of texts that it has not seen.

Probabilities that are honest on texts like those of training are too sure on others. So each style of the corpus
(keywords, questions, reviews of ten sentences …) is answered by a layer that was fitted without that style, and those
answers set the temperatures.

Shapes: N texts, D numbers of a sentence vector, G buckets, B of them filled, F = D + B, L labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from models.intent.config import IntentConfig
from models.intent.corpus import STYLES, Utterance
from models.intent.dataset import labels_of
from models.intent.languages import is_latin
from models.intent.model import IntentHead
from models.intent.ngrams import bag_of, inverse_frequencies
from models.text.normalise import normalise
from models.text.sentences import SentenceEncoder
from shopsight.contracts import INTENTS

UNSEEN: Final = tuple(STYLES[place::4] for place in range(4))
"""Styles that are left out together: keywords and dialogue, fragments and misspelt ones, and so on."""
LANGUAGE_INVERSE_PENALTY: Final = 10.0
TOLERANCE: Final = 1e-4


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The layer, and what is needed to fit others on the same texts."""

    head: IntentHead
    texts: Sequence[Utterance]
    vectors_ND: NDArray[np.float32]
    matrix_NF: Any
    """What the layer read of them, sparse: the sentence vector, and the weights of the buckets."""
    inverse_penalty: float


def fit_head(
    texts: Sequence[Utterance], untaught: Sequence[str], encoder: SentenceEncoder, *, config: IntentConfig
) -> Fitted:
    """Return the layer fitted on ``texts`` and, for the language, on theirs beside texts of ``untaught`` languages.

    Of the buckets only those that enough texts fall into are columns while fitting: a sixth of them.
    """
    clean = [*(normalise(u.text) for u in texts), *untaught]
    vectors_ND = encoder.encode(clean)
    idf_G = inverse_frequencies(clean, buckets=config.ngram_buckets)
    bag, filled_B = bag_of(clean, idf_G=idf_G), np.flatnonzero(idf_G)
    columns, shape = np.searchsorted(filled_B, bag.buckets), (len(clean), len(filled_B))
    bag_NB = sparse.csr_matrix((bag.weights * config.ngram_scale, columns, bag.starts), shape=shape)
    matrix_NF = sparse.hstack([sparse.csr_matrix(vectors_ND), bag_NB]).tocsr()

    taught_NF, width = matrix_NF[: len(texts)], vectors_ND.shape[1]
    weights_LF, bias_L = _labels(taught_NF, texts, config.inverse_penalty)
    latin = [row for row in range(len(texts)) if is_latin(clean[row])]
    language_F, language_bias = _language(matrix_NF[latin], matrix_NF[len(texts) :])
    table_GL = np.zeros((config.ngram_buckets, len(INTENTS) + 1), dtype=np.float32)
    all_LF = np.vstack([weights_LF, language_F])
    table_GL[filled_B] = all_LF[:, width:].T * config.ngram_scale
    head = IntentHead(
        vector_LD=all_LF[:, :width].astype(np.float32),
        table_GL=table_GL,
        bias_L=np.append(bias_L, language_bias).astype(np.float32),
        idf_G=idf_G,
    )
    return Fitted(
        head=head,
        texts=texts,
        vectors_ND=vectors_ND[: len(texts)],
        matrix_NF=taught_NF,
        inverse_penalty=config.inverse_penalty,
    )


def unseen_logits(fitted: Fitted) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the rows of the corpus' texts, and their logits by layers that saw no text of their style, (rows, L)."""
    styles = np.array([u.style for u in fitted.texts])
    rows, logits = [], []
    for left_out in UNSEEN:
        asked = np.flatnonzero(np.isin(styles, left_out))
        taught = np.flatnonzero(~np.isin(styles, left_out))
        texts = [fitted.texts[row] for row in taught.tolist()]
        if len(asked) and len({u.label for u in texts}) == len(INTENTS):
            weights_LF, bias_L = _labels(fitted.matrix_NF[taught], texts, fitted.inverse_penalty)
            rows.append(asked)
            logits.append(np.asarray(fitted.matrix_NF[asked] @ weights_LF.T) + bias_L)
    if not rows:
        return np.zeros(0, dtype=np.int64), np.zeros((0, len(INTENTS)))
    return np.concatenate(rows), np.concatenate(logits)


def _labels(
    matrix_NF: Any, texts: Sequence[Utterance], inverse_penalty: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights (L, F) and bias (L,) of a logistic regression; every label weighs alike in sum."""
    model = LogisticRegression(C=inverse_penalty, class_weight="balanced", max_iter=200, tol=TOLERANCE)
    model.fit(matrix_NF, labels_of(texts), sample_weight=np.array([u.weight for u in texts]))
    weights_LF, bias_L = np.zeros((len(INTENTS), matrix_NF.shape[1])), np.full(len(INTENTS), -20.0)
    weights_LF[model.classes_], bias_L[model.classes_] = model.coef_, model.intercept_
    return weights_LF, bias_L


def _language(taught_NF: Any, untaught_NF: Any) -> tuple[NDArray[np.float64], float]:
    """Return weights (F,) and bias of the log-odds that a text in Latin letters is in an untaught language."""
    model = LogisticRegression(C=LANGUAGE_INVERSE_PENALTY, max_iter=200, tol=TOLERANCE)
    counts = (taught_NF.shape[0], untaught_NF.shape[0])
    model.fit(sparse.vstack([taught_NF, untaught_NF]), np.repeat([0, 1], counts))
    return np.asarray(model.coef_[0]), float(model.intercept_[0])
