"""Answers a question with the words of a passage, or not at all. Deterministic; needs numpy alone, and no torch.

Each sentence gets the log odds that it holds an answer (BM25, similarity of vectors, shared terms, opinions); of the
best ones the run of words with the highest expected F1; and the question the probability that it is answered at all.
"""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from models.answers.answer import Answer, Passage
from models.answers.ranking import (
    Question,
    Sentence,
    bm25,
    question_figures,
    read_question,
    read_sentences,
    sentence_figures,
)
from models.answers.spans import best_run, word_figures
from models.answers.weights import FILE, Weights
from models.answers.words import terms
from models.text.sentences import SentenceEncoder, load_sentence_encoder

MAX_SENTENCES: Final = 64
"""Sentences that are read closely: those with the highest BM25. A vector of one takes 1 to 2 ms the first time."""
REMEMBERED: Final = 20_000
"""Sentences whose vectors are remembered: 40 MB. A shop is asked about the same reviews again and again."""


class Reading(NamedTuple):
    """A question beside the sentences that might answer it, with the figures of each."""

    question: Question
    sentences: list[Sentence]
    figures_SF: NDArray[np.float64]


class Finding(NamedTuple):
    """The best answer, before it is decided whether it is good enough."""

    sentence: Sentence
    text: str
    figures_G: NDArray[np.float64]
    """Figures of the question, from which its confidence is computed."""


class Reader:
    """Reads questions and passages into figures; remembers the vectors of sentences."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self.encoder = encoder
        self._vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = Lock()

    def read(self, question: str, texts: Sequence[str]) -> Reading | None:
        """Return a question and its sentences; None where no passage has a word."""
        asked = read_question(question)
        sentences = read_sentences(texts)
        if not sentences:
            return None
        if len(sentences) > MAX_SENTENCES:
            fit_S = bm25(asked.terms, [terms(sentence.words) for sentence in sentences])
            places = np.sort(np.argsort(-fit_S, kind="stable")[:MAX_SENTENCES])
            sentences = [sentences[place] for place in places]
        vectors_SD = self._encode([sentence.text for sentence in sentences])
        similarity_S = vectors_SD @ self.encoder.encode([question], kind="query")[0]
        return Reading(asked, sentences, sentence_figures(asked, sentences, similarity_S))

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        with self._lock:
            rows = {text: self._vectors[text] for text in texts if text in self._vectors}
            for text in rows:
                self._vectors.move_to_end(text)
        new = [text for text in dict.fromkeys(texts) if text not in rows]
        if new:
            rows |= zip(new, self.encoder.encode(new, kind="passage"), strict=True)
            with self._lock:
                self._vectors |= {text: rows[text] for text in new}
                while len(self._vectors) > REMEMBERED:
                    self._vectors.popitem(last=False)
        return np.stack([rows[text] for text in texts])


class Answerer:
    """Answers questions from passages."""

    def __init__(self, weights: Weights, reader: Reader) -> None:
        self.weights, self._reader = weights, reader

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Return an answerer with the weights of a folder; where it has none, with those that come with shopsight.

        Raises:
            ShopsightError: the weights cannot be read, or their sentence encoder is not on this machine.
        """
        weights = Weights.read(folder if folder and (folder / FILE).exists() else None)
        return cls(weights, Reader(load_sentence_encoder(weights.encoder)))

    def answer(self, question: str, passages: Sequence[Passage]) -> Answer | None:
        """Return the words that answer a question; None where the passages do not answer it.

        Args:
            question: in English or Chinese, as a shopper types it.
            passages: what may answer it, in any number; the order decides between equals.
        """
        reading = self._reader.read(question, [passage.text for passage in passages])
        if reading is None or not reading.question.terms:
            return None
        finding = find(reading, self.weights)
        confidence = float(self.weights.question.chance(finding.figures_G))
        if confidence < self.weights.min_confidence:
            return None
        places = [finding.sentence.passage] + [
            sentence.passage for sentence in reading.sentences if sentence.text == finding.sentence.text
        ]
        return Answer(
            text=finding.text,
            sentence=finding.sentence.text,
            passage_ids=tuple(passages[place].id for place in dict.fromkeys(places)),
            confidence=confidence,
        )


def find(reading: Reading, weights: Weights) -> Finding:
    """Return the best sentence's best words, and the figures that say how good they are."""
    scores_S = weights.sentence.log_odds(reading.figures_SF)
    best = reading.sentences[int(scores_S.argmax())]
    chance_W = weights.word.chance(word_figures(best.words, set(reading.question.terms)))
    first, after, _ = best_run(chance_W)
    text = best.text[best.words[first].start : best.words[after - 1].end]
    return Finding(best, text, question_figures(reading.question, reading.figures_SF, scores_S))
