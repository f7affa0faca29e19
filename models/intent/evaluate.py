"""Judge an intent classifier on its test split, once: figures, intervals, baselines, slices by language and style."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import Estimate, bootstrap_mean, bootstrap_statistic
from models.evaluation.classification import (
    confusion,
    confusion_table,
    label_brier_score,
    label_calibration_error,
    label_negative_log_likelihood,
    macro_f1,
    per_label_scores,
)
from models.evaluation.results import Evaluation, Metrics
from models.intent.baselines import encoder_regression, keyword_rules, majority, tfidf_regression
from models.intent.corpus import Utterance
from models.intent.dataset import Splits, labels_of
from models.intent.predict import IntentClassifier
from models.text.normalise import normalise
from shopsight.contracts import INTENTS

PROTOCOL: Final = (
    "hand-written utterances of five labels in English and Chinese, and the texts that the shop's people labelled, "
    "split by group (an utterance and all that differ from it in digits, case or punctuation only); generated texts "
    "and texts labelled by their channel are in training only; epoch, temperatures, int8 and the reject threshold were "
    "chosen on validation"
)
BASELINES_TO_BEAT: Final = ("majority", "tfidf_regression")
MIN_CASES_PER_LABEL: Final = 5
LABELS: Final = len(INTENTS)


def evaluate(
    classifier: IntentClassifier,
    splits: Splits,
    *,
    candidate: str,
    training_texts: Sequence[Utterance],
    vectors: NDArray[np.floating],
    vectors_of_test: NDArray[np.floating],
    seed: int,
) -> tuple[Evaluation, dict[str, Any]]:
    """Return the evaluation of the served artefact, and figures for the card.

    Args:
        classifier: the artefact as it will be served.
        splits: only the test side is judged; training gives the majority.
        candidate: name of what validation chose.
        training_texts: every text the candidate was trained on, for the baselines.
        vectors: the encoder's vectors of ``training_texts``, shape ``(texts, width)``, for the baseline of them alone.
        vectors_of_test: the same of the test texts.
        seed: of the bootstrap and the baselines.
    """
    truth = labels_of(splits.test)
    support = np.bincount(truth, minlength=LABELS)
    if support.min() < MIN_CASES_PER_LABEL:
        scarce = INTENTS[int(support.argmin())]
        reason = f"the test split holds {support.min()} texts of {scarce}, fewer than {MIN_CASES_PER_LABEL}"
        impossible = Evaluation.impossible(family="intent", primary_metric="macro_f1", protocol=PROTOCOL, reason=reason)
        return impossible, {"confusion": {}}
    texts = [normalise(u.text) for u in splits.test]
    predictions = classifier.predict([u.text for u in splits.test])
    probabilities = np.array([list(p.probabilities.values()) for p in predictions])
    predicted = probabilities.argmax(axis=1)
    train, weights = labels_of(training_texts), np.array([u.weight for u in training_texts])
    guesses = {
        "majority": majority(train, cases=len(truth)),
        "keyword_rules": keyword_rules(texts),
        "tfidf_regression": tfidf_regression(
            [normalise(u.text) for u in training_texts], train, weights, texts, seed=seed
        ),
        "frozen_encoder_regression": encoder_regression(vectors, train, weights, vectors_of_test, seed=seed),
    }
    slices: dict[str, Metrics] = {}
    for name, member in _slices(splits.test).items():
        rows = np.flatnonzero([member(u) for u in splits.test])
        if len(rows) >= MIN_CASES_PER_LABEL:
            right = bootstrap_mean((truth[rows] == predicted[rows]).astype(float), seed=seed)
            # Over a part with one label, accuracy is that label's recall, and an F1 would say nothing else.
            slices[name] = (
                {"accuracy": right}
                if name.startswith("label ")
                else _hard_figures(truth[rows], predicted[rows], seed=seed)
            )
    scores = per_label_scores(truth, predicted, labels=LABELS)
    evaluation = Evaluation(
        family="intent",
        candidate=candidate,
        primary_metric="macro_f1",
        protocol=PROTOCOL,
        cases=len(truth),
        metrics={
            **_hard_figures(truth, predicted, seed=seed),
            **_soft_figures(truth, probabilities, seed=seed),
            **_rejection_figures(truth == predicted, np.array([p.rejected for p in predictions]), seed=seed),
        },
        baselines={name: _hard_figures(truth, guess, seed=seed) for name, guess in guesses.items()},
        gains={
            name: bootstrap_statistic(
                lambda t, mine, theirs: macro_f1(t, mine, labels=LABELS) - macro_f1(t, theirs, labels=LABELS),
                truth,
                predicted,
                guesses[name],
                seed=seed,
            )
            for name in BASELINES_TO_BEAT
        },
        slices=slices,
    )
    return evaluation, {
        "confusion": confusion_table(confusion(truth, predicted, labels=LABELS), INTENTS),
        "per_label": {
            label: {name: round(float(values[index]), 4) for name, values in scores.items()}
            for index, label in enumerate(INTENTS)
        },
    }


def _slices(test: Sequence[Utterance]) -> dict[str, Callable[[Utterance], bool]]:
    """Return the parts of the test split that are judged by themselves, by name."""
    slices: dict[str, Callable[[Utterance], bool]] = {}
    for attribute in ("language", "style", "source", "label"):
        for value in sorted({str(getattr(u, attribute)) for u in test}):
            slices[f"{attribute} {value}"] = lambda u, a=attribute, v=value: getattr(u, a) == v  # type: ignore[misc]
    return slices


def _hard_figures(truth: NDArray[np.int64], predicted: NDArray[np.int64], *, seed: int) -> dict[str, Estimate]:
    return {
        "macro_f1": bootstrap_statistic(lambda t, p: macro_f1(t, p, labels=LABELS), truth, predicted, seed=seed),
        "accuracy": bootstrap_mean((truth == predicted).astype(float), seed=seed),
    }


def _rejection_figures(right: NDArray[np.bool_], rejected: NDArray[np.bool_], *, seed: int) -> dict[str, Estimate]:
    """Return the share of the texts that are acted on, and how many of those have the right label."""
    figures = {"coverage": bootstrap_mean((~rejected).astype(float), seed=seed)}
    if not rejected.all():
        figures["answer_precision"] = bootstrap_mean(right[~rejected].astype(float), seed=seed)
    return figures


def _soft_figures(truth: NDArray[np.int64], probabilities: NDArray[np.float64], *, seed: int) -> dict[str, Estimate]:
    return {
        name: bootstrap_statistic(figure, truth, probabilities, seed=seed)
        for name, figure in (
            ("ece", label_calibration_error),
            ("brier", label_brier_score),
            ("nll", label_negative_log_likelihood),
        )
    }
