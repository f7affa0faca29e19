"""How likely a text praises what it is about: a linear model over hashed words, learnt from a shop's own stars.

Linear for two reasons: what each word adds is exact in sum, so that a shop sees why; and it answers a clause in 0.15 ms
and a review in 0.8, so that every clause of every review can be asked. Needs numpy only.

Shapes: W buckets of words.
"""

import json
import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from models.intent.word_list import Sentiment, praise
from models.text.normalise import normalise
from shopsight.whole_files import write_json

BUCKETS: Final = 1 << 17
"""Of 40,026 distinct terms in 1,280 reviews, 27% share a bucket with another."""
STEM: Final = 4
"""Letters of a long word's beginning."""
WORD_LIST_REACH: Final = 3
"""Words of praise or complaint beyond this many say no more."""
CLEAR_LOG_ODDS: Final = 0.4
"""A text whose words move the odds by less than this, either way, is called neutral."""

_TERM = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[^\W\da-z_]", re.UNICODE)
_WORDS_FILE: Final = "tone.safetensors"
_CONFIG_FILE: Final = "tone.json"


def terms(text: str) -> list[str]:
    """Return the words of a text, each two that follow each other, and the beginnings of long words.

    Of Chinese, characters and pairs of them. Beginnings stand for word forms and slips of the pen ("disa*"): ROC AUC
    .957 with them and .946 without, on 1,280 real reviews.
    """
    words = _TERM.findall(normalise(text).casefold().replace("’", "'"))
    pairs = [f"{first} {second}" for first, second in pairwise(words)]
    return words + pairs + [word[:STEM] + "*" for word in words if len(word) > STEM]


def bucket(term: str) -> int:
    """Return the bucket of a term, 0 to W - 1."""
    return zlib.crc32(term.encode("utf-8", "surrogatepass")) % BUCKETS


def term_weights(terms: Sequence[str]) -> dict[str, float]:
    """Return how much each distinct term of a text counts: 1 + log of how often it occurs, to length 1 in all."""
    counts: dict[str, int] = {}
    for term in terms:
        counts[term] = counts.get(term, 0) + 1
    raw = {term: 1.0 + math.log(count) for term, count in counts.items()}
    length = math.sqrt(sum(value * value for value in raw.values())) or 1.0
    return {term: value / length for term, value in raw.items()}


def word_list_share(text: str) -> float:
    """Return what the word list makes of a text, -1 to 1: a start for shops with few reviews."""
    return max(-WORD_LIST_REACH, min(WORD_LIST_REACH, praise(text))) / WORD_LIST_REACH


@dataclass(frozen=True, kw_only=True)
class Tone:
    """A text's tone, with the words behind it."""

    probability: float
    """That the text praises; calibrated on the shop's own stars."""
    label: Sentiment
    """``positive``, ``neutral`` or ``negative``, by its words alone: that most reviews praise is no reason to call a
    complaint praise."""


@dataclass(frozen=True, kw_only=True)
class ToneModel:
    """Log odds of praise as a sum over terms; slope and intercept of the calibration are in the weights already."""

    weights_W: NDArray[np.float32]
    word_list_weight: float
    intercept: float
    usual: float
    """Log odds of praise where the words say nothing either way: as many reviews praise as complain."""
    rate: float
    """Share of the shop's reviews that praise: all that can be said of a text without words."""

    def log_odds(self, text: str) -> float:
        """Return the calibrated log odds that the text praises."""
        return sum(part for _, part in self.contributions(text))

    def tone(self, text: str) -> Tone:
        """Return the tone of a text; one without words praises as often as any review, and is called neutral."""
        if not terms(text):
            return Tone(probability=self.rate, label="neutral")
        log_odds = self.log_odds(text)
        moved = log_odds - self.usual
        label: Sentiment = (
            "positive" if moved >= CLEAR_LOG_ODDS else "negative" if moved <= -CLEAR_LOG_ODDS else "neutral"
        )
        return Tone(probability=1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, log_odds)))), label=label)

    def contributions(self, text: str) -> list[tuple[str, float]]:
        """Return what each distinct term adds to the log odds, then the word list, then what no word says.

        They sum to :meth:`log_odds` exactly.
        """
        parts = [
            (term, weight * float(self.weights_W[bucket(term)])) for term, weight in term_weights(terms(text)).items()
        ]
        parts.append(("(word list)", self.word_list_weight * word_list_share(text)))
        parts.append(("(no word)", self.intercept))
        return parts

    def save(self, folder: Path) -> None:
        """Write ``tone.safetensors`` and ``tone.json`` into a folder."""
        save_file({"weights": self.weights_W}, str(folder / _WORDS_FILE))
        content = {
            "word_list_weight": self.word_list_weight,
            "intercept": self.intercept,
            "usual": self.usual,
            "rate": self.rate,
        }
        write_json(folder / _CONFIG_FILE, content)

    @classmethod
    def load(cls, folder: Path) -> "ToneModel | None":
        """Read what :meth:`save` wrote; None where the folder has no tone model."""
        if not (folder / _CONFIG_FILE).exists():
            return None
        weights_W = load_file(str(folder / _WORDS_FILE))["weights"]
        return cls(weights_W=weights_W, **json.loads((folder / _CONFIG_FILE).read_text()))
