import numpy as np
import pytest

from models.evaluation.sentinels import SentinelTrippedError
from models.intent.sentinels import check_run


def test_texts_on_one_side_of_the_split_each_are_at_chance() -> None:
    rng = np.random.default_rng(1)
    train, validation = rng.normal(size=(300, 8)), rng.normal(size=(200, 8))
    labels = rng.integers(0, 5, 500)
    reading = check_run(train, labels[:300], validation, labels[300:], seed=7)
    assert reading.sentinel == "shuffled_labels_accuracy"
    assert reading.value < reading.limit < 0.45


def test_a_feature_that_holds_the_shuffled_label_stops_the_run() -> None:
    labels = np.random.default_rng(1).integers(0, 5, 500)
    shuffled = np.random.default_rng(7).permutation(labels)  # as the sentinel shuffles them with this seed
    features = 100.0 * np.eye(5)[shuffled]
    with pytest.raises(SentinelTrippedError, match=r"a model of shuffled labels is right in 1\.000"):
        check_run(features[:300], labels[:300], features[300:], labels[300:], seed=7)
