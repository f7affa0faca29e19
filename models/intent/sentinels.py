"""What a run of the text model checks before it goes on: that no text stands on both sides of the split."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.evaluation.sentinels import SentinelReading, check_shuffled_accuracy


def check_run(
    train_features: NDArray[np.floating],
    train: NDArray[np.int64],
    validation_features: NDArray[np.floating],
    validation: NDArray[np.int64],
    *,
    seed: int,
) -> SentinelReading:
    """Judge a regression that was fitted on shuffled labels by the shuffled labels of validation.

    Labels of both sides are shuffled together, so that a text that stands on both sides would show.

    Args:
        train_features: the frozen encoder's output for the texts of training, shape ``(texts, width)``.
        train: their labels.
        validation_features: the same for validation.
        validation: the labels of validation.
        seed: of the shuffling.

    Raises:
        SentinelTrippedError: the accuracy is further above chance than four standard errors.
    """
    shuffled = np.random.default_rng(seed).permutation(np.concatenate([train, validation]))
    model = LogisticRegression(C=0.01, max_iter=200).fit(train_features, shuffled[: len(train)])
    accuracy = float(np.mean(model.predict(validation_features) == shuffled[len(train) :]))
    shares = np.bincount(shuffled) / len(shuffled)
    return check_shuffled_accuracy(accuracy, chance=float(shares.max()), cases=len(validation))
