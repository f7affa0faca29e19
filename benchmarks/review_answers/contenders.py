"""Who answers the questions: what shopsight learns, and what is simpler."""

import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.review_answers.figures import Answered, figures
from models.answers.predict import find
from models.answers.ranking import SENTENCE_FIGURES
from models.answers.scoring import answer_f1
from models.answers.train import Case, best_threshold, learn
from models.answers.weights import Weights

BM25: Final = SENTENCE_FIGURES.index("bm25")


def answered_in_folds(cases: Sequence[Case], folds: NDArray[np.int64], *, encoder: str) -> tuple[list[Answered], float]:
    """Return each question's answer by weights learnt without its fold, and the processor milliseconds of one."""
    answers: dict[int, Answered] = {}
    seconds = 0.0
    for fold in np.unique(folds):
        others = [case for case, one in zip(cases, folds, strict=True) if one != fold]
        weights = learn(others, encoder=encoder, source={})
        started = time.process_time()
        answers |= {int(place): answer(cases[place], weights) for place in np.flatnonzero(folds == fold).tolist()}
        seconds += time.process_time() - started
    return [answers[place] for place in range(len(cases))], round(1000 * seconds / len(cases), 3)


def across_domains(cases: Sequence[Case], *, encoder: str, seed: int) -> dict[str, Any]:
    """Return the figures of each domain with weights that were learnt from the others."""
    report = {}
    for domain in sorted({case.question.domain for case in cases}):
        weights = learn([case for case in cases if case.question.domain != domain], encoder=encoder, source={})
        own = [case for case in cases if case.question.domain == domain]
        report[domain] = figures(own, [answer(case, weights) for case in own], seed=seed)
    return report


def come_with_shopsight(cases: Sequence[Case], *, encoder: str, seed: int) -> dict[str, Any]:
    """Return the figures of the weights that come with shopsight, on domains that they were not learnt from."""
    weights = Weights.read()
    unseen = [case for case in cases if case.question.domain not in weights.source["domains"]]
    if weights.encoder != encoder:
        return {"not_measured": f"they were learnt with the encoder {weights.encoder}"}
    if not unseen:
        return {"not_measured": f"they were learnt from {weights.source['name']}, which is what is asked about here"}
    return figures(unseen, [answer(case, weights) for case in unseen], seed=seed)


def baselines(cases: Sequence[Case], folds: NDArray[np.int64]) -> dict[str, list[Answered]]:
    """Return the answers of simpler ways, by their names."""
    score = np.array([float(case.reading.figures_SF[:, BM25].max()) for case in cases])
    best = [case.reading.sentences[int(case.reading.figures_SF[:, BM25].argmax())].text for case in cases]
    return {
        "bm25_sentence": [Answered(text, one, text) for text, one in zip(best, score, strict=True)],
        "bm25_sentence_abstaining": _abstaining(cases, best, score, folds),
        "always_abstain": [Answered(None, 0.0, "") for _ in cases],
        "whole_review": [
            Answered(case.question.text, one, case.question.text) for case, one in zip(cases, score, strict=True)
        ],
    }


def answer(case: Case, weights: Weights) -> Answered:
    """Return what the product answers: :func:`models.answers.predict.find`, above the confidence that it learnt."""
    finding = find(case.reading, weights)
    confidence = float(weights.question.chance(finding.figures_G))
    return Answered(finding.text if confidence >= weights.min_confidence else None, confidence, finding.text)


def _abstaining(
    cases: Sequence[Case], texts: Sequence[str], score: NDArray[np.float64], folds: NDArray[np.int64]
) -> list[Answered]:
    """Return the answers above a score that is chosen on the other folds."""
    f1 = np.array([answer_f1(text, case.question.marked) for text, case in zip(texts, cases, strict=True)])
    answered = np.array([bool(case.question.marked) for case in cases], dtype=float)
    threshold = {
        fold: best_threshold(score[folds != fold], f1[folds != fold], answered[folds != fold])
        for fold in np.unique(folds)
    }
    return [
        Answered(text if one >= threshold[fold] else None, one, text)
        for text, one, fold in zip(texts, score, folds, strict=True)
    ]
