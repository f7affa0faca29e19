"""The shipped corpus: utterances written by hand for this project, in every style, so that no label is a style.

A public data set usually gives one label, and a model trained on several learns which set a text is from. Here every
label is written as keywords, fragments, questions, sentences, paragraphs, in dialogue, misspelt and shouted.

One file per label and language, ``corpus/<label>.<language>.txt``: a line ``[style]`` opens a section, every other
line is an utterance, ``#`` opens a comment. A file named in ``corpus/`` that is no label is an error.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.text.normalise import skeleton
from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError

CORPUS_DIR: Final = Path(__file__).with_name("corpus")
STYLES: Final = ("keyword", "fragment", "question", "sentence", "paragraph", "dialogue", "misspelt", "shouted")
LANGUAGES: Final = ("en", "zh")


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """A text with its label and where it comes from."""

    text: str
    label: str
    """One of :data:`shopsight.contracts.INTENTS`."""
    language: str
    """``en``, ``zh`` or ``other``."""
    style: str
    """One of :data:`STYLES`; ``unknown`` for a shop's own texts."""
    group: str
    """Texts of one group are too alike to be split between training and test."""
    source: str
    """``corpus``, ``shop`` (a person's label) or ``channel`` (labelled by where it was typed)."""
    weight: float = 1.0
    """How much the label counts in training."""


def read_corpus(folder: Path = CORPUS_DIR) -> list[Utterance]:
    """Read the hand-written utterances, in a fixed order.

    Raises:
        ShopsightError: the folder is missing or empty, or a file names an unknown label, language or style.
    """
    utterances: list[Utterance] = []
    for path in sorted(folder.glob("*.txt")):
        label, _, language = path.stem.partition(".")
        if label not in INTENTS or language not in LANGUAGES:
            raise _malformed(path, 0, f"the name must be <label>.<language>.txt with a label of {', '.join(INTENTS)}")
        style = ""
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            if text.startswith("[") and text.endswith("]"):
                style = text[1:-1]
                if style not in STYLES:
                    raise _malformed(path, number, f"style {style!r} is not one of {', '.join(STYLES)}")
                continue
            if not style:
                raise _malformed(path, number, "an utterance stands before the first [style]")
            group = skeleton(text)
            utterances.append(
                Utterance(text=text, label=label, language=language, style=style, group=group, source="corpus")
            )
    if not utterances:
        raise ShopsightError(
            f"the intent corpus in {folder} is empty",
            why="the folder has no <label>.<language>.txt file with utterances",
            fix="restore models/intent/corpus from the repository",
        )
    return utterances


def _malformed(path: Path, line: int, why: str) -> ShopsightError:
    return ShopsightError(f"cannot read the intent corpus at {path}:{line}", why=why, fix="correct that line or name")
