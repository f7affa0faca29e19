"""Figures of a classifier over a fixed list of labels: how often it is right, and whether its probabilities are honest.

Shapes: ``truth`` and ``predicted`` hold label indices, ``(cases,)``; ``probabilities`` are ``(cases, labels)``.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer]
Probabilities = NDArray[np.floating]


def confusion(truth: Labels, predicted: Labels, *, labels: int) -> NDArray[np.int64]:
    """Return counts, shape ``(labels, labels)``: row is the truth, column the prediction."""
    flat = np.bincount(truth * labels + predicted, minlength=labels * labels)
    return flat.reshape(labels, labels).astype(np.int64)


def per_label_scores(truth: Labels, predicted: Labels, *, labels: int) -> dict[str, NDArray[np.float64]]:
    """Return precision, recall, F1 and support of each label, each ``(labels,)``; a ratio over nothing is 0."""
    counts = confusion(truth, predicted, labels=labels)
    hits = np.diag(counts).astype(float)
    precision = _ratio(hits, counts.sum(axis=0))
    recall = _ratio(hits, counts.sum(axis=1))
    f1 = _ratio(2 * hits, counts.sum(axis=0) + counts.sum(axis=1))
    return {"precision": precision, "recall": recall, "f1": f1, "support": counts.sum(axis=1).astype(float)}


def macro_f1(truth: Labels, predicted: Labels, *, labels: int) -> float:
    """Return the mean F1 over the labels that occur in ``truth``; ``nan`` when there are no cases.

    A label that a slice does not hold has no F1 to average; predicting it still costs the true label its recall.
    """
    scores = per_label_scores(truth, predicted, labels=labels)
    present = scores["support"] > 0
    return float(scores["f1"][present].mean()) if present.any() else float("nan")


def accuracy(truth: Labels, predicted: Labels) -> float:
    """Return the share of cases that are right."""
    return float(np.mean(truth == predicted))


def expected_calibration_error(
    truth: Labels, probabilities: Probabilities, *, bins: int = 15, least_cases_per_bin: int = 40
) -> float:
    """Return the mean gap between confidence and accuracy over bins that hold equally many cases.

    Bins of equal mass, as bins of equal width leave most cases in one bin once a classifier is good. There are fewer
    bins where they would hold under ``least_cases_per_bin``: in a bin of 20 cases a perfectly honest classifier of
    accuracy 0.9 already shows a gap of 0.05 by luck.

    Source: Nixon et al., "Measuring Calibration in Deep Learning" (2019), with confidence of the top label.
    """
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == truth).astype(float)
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, max(1, min(bins, len(order) // least_cases_per_bin)))
    return float(sum(len(p) * abs(confidence[p].mean() - right[p].mean()) for p in parts) / len(order))


def brier(truth: Labels, probabilities: Probabilities) -> float:
    """Return the mean squared distance between probabilities and truth, summed over labels: 0 is best, 2 worst."""
    hot = np.eye(probabilities.shape[1])[truth]
    return float(((probabilities - hot) ** 2).sum(axis=1).mean())


def negative_log_likelihood(truth: Labels, probabilities: Probabilities) -> float:
    """Return the mean surprise at the true label in nats; a probability of 0 counts as 1e-12."""
    return float(-np.log(np.clip(probabilities[np.arange(len(truth)), truth], 1e-12, 1.0)).mean())


def fit_temperature(truth: Labels, logits: NDArray[np.floating]) -> float:
    """Return the temperature, 0.1 to 10, that gives ``softmax(logits / temperature)`` its least surprise at ``truth``.

    Source: Guo et al., "On Calibration of Modern Neural Networks" (2017); one parameter, found by golden section over
    its logarithm (the surprise has one minimum there).
    """
    low, high = np.log(0.1), np.log(10.0)
    golden = (np.sqrt(5) - 1) / 2

    def surprise(log_temperature: float) -> float:
        return negative_log_likelihood(truth, softmax(logits / np.exp(log_temperature)))

    for _ in range(40):  # 4.6 * 0.618**40 leaves 2e-8 of the interval
        left, right = high - golden * (high - low), low + golden * (high - low)
        if surprise(left) < surprise(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return probabilities over the last axis."""
    shifted: NDArray[np.float64] = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = shifted / shifted.sum(axis=-1, keepdims=True)
    return probabilities


def confusion_table(counts: NDArray[np.int64], names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return a confusion matrix by name: ``table[truth][prediction]``."""
    return {truth: {guess: int(counts[i, j]) for j, guess in enumerate(names)} for i, truth in enumerate(names)}


def _ratio(numerator: NDArray[np.floating], denominator: NDArray[np.integer]) -> NDArray[np.float64]:
    out = np.zeros(len(numerator))
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out
