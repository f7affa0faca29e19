"""Serve a trained intent classifier: numpy and the sentence encoder, no torch and no scikit-learn."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.calibration import softmax
from models.intent.languages import is_latin
from models.intent.model import HEAD_FILE, IntentHead
from models.intent.rejection import is_foreign
from models.text.normalise import detect_language, has_cjk, normalise
from models.text.sentences import SentenceEncoder, load_sentence_encoder
from shopsight.errors import ShopsightError
from shopsight.whole_files import write_json

CONFIG_FILE: Final = "config.json"
SCRIPTS_APART: Final = ("latin", "cjk")
"""Texts with Chinese, Japanese or Korean characters, and all others: each has a temperature of its own."""
PROBE: Final = "red running shoes 红色跑步鞋"
"""What the encoder is asked when an artefact is loaded, to see that it is the one that the layer was fitted on."""


@dataclass(frozen=True, kw_only=True)
class IntentPrediction:
    """What a text wants."""

    label: str
    """The most probable label."""
    probabilities: dict[str, float]
    """Calibrated probability of every label, in the order of the labels; they sum to 1."""
    language: str
    """``en``, ``zh`` or ``other``, by script."""
    rejected: bool
    """Whether even the most probable label is too unsure to act on, or the text's language was never taught."""


class IntentClassifier:
    """A loaded artefact."""

    def __init__(self, *, head: IntentHead, encoder: SentenceEncoder, config: dict[str, Any]) -> None:
        self.labels: tuple[str, ...] = tuple(config["labels"])
        self.temperatures: dict[str, float] = config["temperatures"]
        """By :data:`SCRIPTS_APART`."""
        self.reject_below = float(config["reject_below"])
        """Probability of the most probable label under which a text is rejected."""
        self.scripts: tuple[str, ...] = tuple(config["scripts"])
        """Scripts that training taught; a text in another one is rejected, whatever its probability."""
        self.foreign_above = float(config["foreign_above"])
        """Log-odds of an untaught language, of a text in Latin letters, above which it is rejected."""
        self._head = head
        self._encoder = encoder

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> "IntentClassifier":
        """Load what training wrote into ``folder``.

        Raises:
            ShopsightError: a file of the artefact is missing, an earlier release made it, or the encoder on this
                machine is another one than it was trained with.
        """
        for name in (CONFIG_FILE, HEAD_FILE):
            if not (folder / name).exists():
                raise _incomplete(folder / name)
        config = json.loads((folder / CONFIG_FILE).read_text())
        encoder = load_sentence_encoder(config["encoder"], threads=threads)
        if not np.allclose(encoder.encode([PROBE])[0, :8], config["probe"], atol=1e-3):
            raise ShopsightError(
                "cannot load the intent classifier",
                why=f"the text encoder {config['encoder']!r} gives other vectors than when it was trained",
                fix="install the versions of requirements.lock, or train the intent model again",
            )
        return cls(head=IntentHead.load(folder), encoder=encoder, config=config)

    def predict(self, texts: Sequence[str]) -> list[IntentPrediction]:
        """Return a prediction for each text, in order; a text without any visible character is surely ``other``."""
        clean = [normalise(text) for text in texts]
        temperatures = np.array([self.temperatures[script_of(text)] for text in clean]).reshape(-1, 1)
        outputs = self._head.read(clean, self._encoder)
        probabilities, language = softmax(outputs[:, :-1] / temperatures), outputs[:, -1]
        empty = np.array([not text for text in clean], dtype=bool)
        probabilities[empty] = np.array([label == "other" for label in self.labels], dtype=float)
        return [
            IntentPrediction(
                label=self.labels[int(row.argmax())],
                probabilities=dict(zip(self.labels, row.tolist(), strict=True)),
                language=detect_language(text),
                rejected=bool(row.max() < self.reject_below)
                or is_foreign(text, scripts=self.scripts)
                or (bool(log_odds > self.foreign_above) and is_latin(text)),
            )
            for text, row, log_odds in zip(clean, probabilities, language, strict=True)
        ]

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return logits of normalised texts, shape ``(texts, labels)``, before the temperature."""
        return self._head.read(texts, self._encoder)[:, :-1]


def script_of(text: str) -> str:
    """Return which temperature a text has."""
    return "cjk" if has_cjk(text) else "latin"


def write_config(
    folder: Path,
    *,
    encoder: SentenceEncoder,
    labels: Sequence[str],
    temperatures: dict[str, float],
    reject_below: float,
    foreign_above: float,
    scripts: Sequence[str],
) -> dict[str, Any]:
    """Write ``config.json`` beside the layer; return what it says."""
    served = {
        "family": "intent",
        "labels": list(labels),
        "encoder": encoder.name,
        "probe": [round(value, 5) for value in encoder.encode([PROBE])[0, :8].tolist()],
        "temperatures": temperatures,
        "reject_below": reject_below,
        "foreign_above": foreign_above,
        "scripts": list(scripts),
    }
    write_json(folder / CONFIG_FILE, served, sort_keys=True)
    return served


def _incomplete(path: Path) -> ShopsightError:
    earlier = (path.parent / "tokenizer.json").exists()
    return ShopsightError(
        "cannot load the intent classifier",
        why="an earlier release of shopsight made it, in another form" if earlier else f"{path} is missing",
        fix="train the intent model again" + ("" if earlier else ", or restore the version's folder from the registry"),
    )
