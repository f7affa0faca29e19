"""Learns to answer from questions whose answers people have marked in the passages: three logistic regressions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.answers.predict import Reader, Reading, find
from models.answers.ranking import QUESTION_FIGURES, SENTENCE_FIGURES
from models.answers.scoring import answer_f1
from models.answers.spans import WORD_FIGURES, word_figures
from models.answers.weights import Linear, Weights
from shopsight.errors import ShopsightError
from shopsight.marked_answers import MarkedQuestion

MIN_QUESTIONS: Final = 50
"""Of either kind, answered and not; with fewer, the weights that come with shopsight are better."""
RIDGE: Final = {"sentence": 1.0, "word": 0.1, "question": 0.1}
"""Inverse strength of the penalty on standardised figures: round numbers that were never tuned."""


class Case(NamedTuple):
    """A question with what people marked, and its figures."""

    question: MarkedQuestion
    reading: Reading


def read(questions: Iterable[MarkedQuestion], reader: Reader) -> list[Case]:
    """Return the questions whose text has a word, with their figures."""
    readings = ((question, reader.read(question.question, [question.text])) for question in questions)
    return [Case(question, reading) for question, reading in readings if reading]


def learn(cases: Sequence[Case], *, encoder: str, source: Mapping[str, Any]) -> Weights:
    """Return the weights that cases teach.

    Args:
        cases: questions with marked answers, and without.
        encoder: the name of the sentence encoder that they were read with.
        source: where they come from: ``name``, ``domains``.

    Raises:
        ShopsightError: there are fewer than :data:`MIN_QUESTIONS` answered questions, or unanswered ones.
    """
    answered = np.array([bool(case.question.marked) for case in cases], dtype=float)
    if min(answered.sum(), len(answered) - answered.sum()) < MIN_QUESTIONS:
        raise ShopsightError(
            "too few questions to learn to answer from",
            why=f"{int(answered.sum())} have an answer and {int(len(answered) - answered.sum())} have none; "
            f"{MIN_QUESTIONS} of each are needed",
            fix="use the weights that come with shopsight until more questions are answered",
        )
    sentence = _fit(
        np.vstack([case.reading.figures_SF for case in cases]),
        np.concatenate([_holds_answer(case) for case in cases]),
        SENTENCE_FIGURES,
        RIDGE["sentence"],
    )
    word = _fit(*_words_of_answers(cases), WORD_FIGURES, RIDGE["word"])
    draft = Weights(
        sentence=sentence,
        word=word,
        question=Linear(names=QUESTION_FIGURES, weights=np.zeros(len(QUESTION_FIGURES)), intercept=0.0),
        min_confidence=0.0,
        encoder=encoder,
        source={**source, "questions": len(cases)},
    )
    findings = [find(case.reading, draft) for case in cases]
    figures = np.stack([finding.figures_G for finding in findings])
    question = _fit(figures, answered, QUESTION_FIGURES, RIDGE["question"])
    f1 = [answer_f1(finding.text, case.question.marked) for finding, case in zip(findings, cases, strict=True)]
    threshold = best_threshold(question.chance(figures), np.array(f1), answered)
    return replace(draft, question=question, min_confidence=threshold)


def best_threshold(confidence: NDArray[np.float64], f1: NDArray[np.float64], answered: NDArray[np.float64]) -> float:
    """Return the confidence from which answering gives the highest mean F1, where abstaining counts 1 if right."""
    order = np.argsort(-confidence, kind="stable")
    gains = np.cumsum(f1[order] - (1 - answered[order]))
    best = int(gains.argmax())
    return float(confidence[order][best]) if gains[best] > 0 else 1.0


def _offsets(case: Case) -> list[int]:
    """Return where each sentence starts in the text."""
    offsets, place = [], 0
    for sentence in case.reading.sentences:
        place = case.question.text.index(sentence.text, place)
        offsets.append(place)
        place += len(sentence.text)
    return offsets


def _holds_answer(case: Case) -> NDArray[np.float64]:
    """Return 1 for each sentence that holds most of a marked answer, or the larger part of itself is one."""
    labels = np.zeros(len(case.reading.sentences))
    for place, start in enumerate(_offsets(case)):
        end = start + len(case.reading.sentences[place].text)
        labels[place] = any(
            2 * (min(end, last) - max(start, first)) > min(last - first, end - start)
            for first, last in case.question.spans
        )
    return labels


def _words_of_answers(cases: Sequence[Case]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the figures of the words of sentences that hold an answer, and the share of answers each is part of."""
    figures, shares = [], []
    for case in cases:
        asked = set(case.reading.question.terms)
        for start, sentence in zip(_offsets(case), case.reading.sentences, strict=True):
            inside = [
                [start + word.start >= first and start + word.end <= last for word in sentence.words]
                for first, last in case.question.spans
                if min(start + len(sentence.text), last) > max(start, first)
            ]
            inside = [row for row in inside if any(row)]
            if inside:
                figures.append(word_figures(sentence.words, asked))
                shares.append(np.mean(inside, axis=0))
    return np.vstack(figures), np.concatenate(shares)


def _fit(
    figures: NDArray[np.float64], share: NDArray[np.float64], names: Sequence[str], inverse_ridge: float
) -> Linear:
    """Return a logistic regression of ``share``, 0 to 1, its weights in the figures' own units."""
    from sklearn.linear_model import LogisticRegression

    mean, deviation = figures.mean(axis=0), figures.std(axis=0)
    deviation[deviation < 1e-9] = 1.0
    rows = (figures - mean) / deviation
    weight = np.concatenate([share, 1 - share])
    taken = weight > 0
    model = LogisticRegression(C=inverse_ridge, max_iter=2000, tol=1e-6)
    label = np.concatenate([np.ones(len(share)), np.zeros(len(share))])
    model.fit(np.vstack([rows, rows])[taken], label[taken], sample_weight=weight[taken])
    weights = model.coef_[0] / deviation
    return Linear(names=tuple(names), weights=weights, intercept=float(model.intercept_[0] - weights @ mean))
