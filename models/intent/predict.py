"""Serve a trained intent classifier: numpy, onnxruntime and tokenizers, no torch and no transformers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.evaluation.calibration import softmax
from models.intent.ngrams import NGRAM_CHARACTERS, ngram_batch, path_of
from models.intent.rejection import SHIPPED_SCRIPTS, is_foreign
from models.intent.static_model import STATIC_FILE, StaticModel, read_static
from models.text.normalise import detect_language, encoder_text, has_cjk, normalise
from shopsight.errors import ShopsightError

BATCH: Final = 64
"""Texts per run of the graph: enough to fill two cores, and 64 x 64 word pieces stay under 100 MB."""


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

    def __init__(self, *, form: Any, tokenizer: Tokenizer, config: dict[str, Any]) -> None:
        """Take the graph's session or the :class:`StaticModel`, whichever form training chose."""
        self.labels: tuple[str, ...] = tuple(config["labels"])
        self.temperatures: dict[str, float] = config["temperatures"]
        """By path: texts in a CJK script go by their n-grams, the rest by the encoder; their scales differ."""
        self.reject_below = float(config.get("reject_below", 0.0))  # artefacts of before reject nothing
        """Probability of the most probable label under which a text is rejected."""
        self.scripts: tuple[str, ...] = tuple(config.get("scripts", SHIPPED_SCRIPTS))
        """Scripts that training taught; a text in another one is rejected, whatever its probability."""
        self._buckets = int(config["ngram_buckets"])
        self._knows_chinese = bool(config["encoder_knows_chinese"])
        self._form = form
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, folder: Path, *, threads: int = 2) -> "IntentClassifier":
        """Load what training wrote into ``folder``.

        Raises:
            ShopsightError: a file of the artefact is missing.
        """
        config_file = folder / "config.json"
        if not config_file.exists():
            raise _incomplete(config_file)
        config = json.loads(config_file.read_text())
        graph, vocabulary = folder / config["graph"], folder / "tokenizer.json"
        for path in (graph, vocabulary):
            if not path.exists():
                raise _incomplete(path)
        tokenizer = Tokenizer.from_file(str(vocabulary))
        tokenizer.enable_truncation(config["max_tokens"])
        if graph.name == STATIC_FILE:
            tokenizer.no_padding()
            return cls(form=StaticModel.load(graph), tokenizer=tokenizer, config=config)
        tokenizer.enable_padding(pad_id=config["pad_id"], pad_token=config["pad_token"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Spinning threads burn a core between requests and slow whatever else the machine serves.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        return cls(form=session, tokenizer=tokenizer, config=config)

    def predict(self, texts: Sequence[str]) -> list[IntentPrediction]:
        """Return a prediction for each text, in order; a text without any visible character is surely ``other``."""
        clean = [normalise(text) for text in texts]
        temperatures = np.array([self.temperatures[path_of(text)] for text in clean]).reshape(-1, 1)
        probabilities = softmax(self.logits(clean) / temperatures)
        empty = np.array([not text for text in clean], dtype=bool)
        probabilities[empty] = np.array([label == "other" for label in self.labels], dtype=float)
        return [
            IntentPrediction(
                label=self.labels[int(row.argmax())],
                probabilities=dict(zip(self.labels, row.tolist(), strict=True)),
                language=detect_language(text),
                rejected=bool(row.max() < self.reject_below) or is_foreign(text, scripts=self.scripts),
            )
            for text, row in zip(clean, probabilities, strict=True)
        ]

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return logits of normalised texts, shape ``(texts, labels)``, before the temperature."""
        if isinstance(self._form, StaticModel):
            buckets, knows_chinese = self._form.buckets, self._knows_chinese
            return self._form.logits(
                read_static(self._tokenizer, texts, buckets=buckets, encoder_knows_chinese=knows_chinese)
            )
        logits = np.zeros((len(texts), len(self.labels)), dtype=np.float32)
        read = [encoder_text(text, encoder_knows_chinese=self._knows_chinese) for text in texts]
        by_length = sorted(range(len(texts)), key=lambda i: (len(read[i]), len(texts[i])))
        for start in range(0, len(texts), BATCH):
            rows = by_length[start : start + BATCH]
            feed = tokenize(self._tokenizer, [read[i] for i in rows])
            feed["ngram_ids"] = ngram_batch([texts[i] for i in rows], buckets=self._buckets)
            logits[rows] = self._form.run(["logits"], feed)[0]
        return logits

    def read_end(self, text: str) -> int:
        """Return how many characters of a normalised text are read; later ones are cut off, as every model must."""
        pieces = self._tokenizer.encode(encoder_text(text, encoder_knows_chinese=self._knows_chinese))
        by_pieces = max((end for _, end in pieces.offsets), default=0)
        return max(by_pieces, min(len(text), NGRAM_CHARACTERS) if has_cjk(text) else 0)


def tokenize(tokenizer: Tokenizer, texts: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """Return ``input_ids`` and ``attention_mask``, each ``(texts, word pieces)``; truncation and padding must be on."""
    encoded = tokenizer.encode_batch(list(texts))
    return {
        "input_ids": np.array([e.ids for e in encoded], dtype=np.int64),
        "attention_mask": np.array([e.attention_mask for e in encoded], dtype=np.int64),
    }


def _incomplete(path: Path) -> ShopsightError:
    return ShopsightError(
        "cannot load the intent classifier",
        why=f"{path} is missing",
        fix="train the intent model again, or restore the folder of this version from the registry",
    )
