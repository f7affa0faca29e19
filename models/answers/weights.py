"""What an answerer has learnt: three short lists of numbers that a person can read, and where they come from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.answers.ranking import QUESTION_FIGURES, SENTENCE_FIGURES
from models.answers.spans import WORD_FIGURES
from shopsight.errors import ShopsightError
from shopsight.whole_files import write_json

FILE: Final = "weights.json"


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Log odds as a weighted sum of figures."""

    names: tuple[str, ...]
    weights: NDArray[np.float64]
    intercept: float

    def log_odds(self, figures: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log odds of each row of figures, shape (rows, names)."""
        return np.asarray(figures @ self.weights + self.intercept)

    def chance(self, figures: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of each row of figures."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.log_odds(figures), -60, 60))))

    def as_json(self) -> dict[str, float]:
        """Return the weights by their names."""
        return {"(intercept)": self.intercept, **dict(zip(self.names, self.weights.tolist(), strict=True))}

    @classmethod
    def from_json(cls, content: Mapping[str, float], names: Sequence[str]) -> Self:
        """Read what :meth:`as_json` gave.

        Raises:
            ValueError: it has other names than this version computes figures for.
        """
        if set(content) != {"(intercept)", *names}:
            raise ValueError(f"it names other figures: {sorted(set(content) ^ {'(intercept)', *names})[:3]}")
        weights = np.array([content[name] for name in names], dtype=np.float64)
        return cls(names=tuple(names), weights=weights, intercept=float(content["(intercept)"]))


@dataclass(frozen=True, kw_only=True)
class Weights:
    """All that answering learns from questions whose answers people have marked."""

    sentence: Linear
    """Whether a sentence holds an answer."""
    word: Linear
    """Whether a word of a sentence that holds an answer is part of it."""
    question: Linear
    """Whether the passages answer the question at all."""
    min_confidence: float
    """Below this probability there is no answer: where F1, with abstaining counted, was highest on what was learnt."""
    encoder: str
    """The sentence encoder whose similarities were learnt with; no other may be used."""
    source: Mapping[str, Any]
    """What was learnt from, by whom it was published and how many questions it has."""

    def write(self, folder: Path) -> None:
        """Write ``weights.json`` into a folder."""
        content = {
            "source": dict(self.source),
            "encoder": self.encoder,
            "min_confidence": self.min_confidence,
            "question": self.question.as_json(),
            "sentence": self.sentence.as_json(),
            "word": self.word.as_json(),
        }
        write_json(folder / FILE, content)

    @classmethod
    def read(cls, folder: Path | None = None) -> Self:
        """Read the weights of a folder; without one, those that come with shopsight.

        Raises:
            ShopsightError: the file is missing or damaged, or was written by another version.
        """
        file = resources.files("models.answers") / FILE if folder is None else folder / FILE
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            return cls(
                sentence=Linear.from_json(content["sentence"], SENTENCE_FIGURES),
                word=Linear.from_json(content["word"], WORD_FIGURES),
                question=Linear.from_json(content["question"], QUESTION_FIGURES),
                min_confidence=float(content["min_confidence"]),
                encoder=content["encoder"],
                source=content["source"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ShopsightError(
                f"cannot read the weights of the answers in {file}",
                why=f"{type(error).__name__}: {error}",
                fix="delete the file, or learn it again: `shopsight answers learn FILE`",
            ) from error
