"""A classifier without layers: word pieces looked up in a table, averaged, and a small head on the average.

Beside the average stand logits of word pieces, pairs and triples of them, and of the characters of texts in a CJK
script, all hashed into one table: an average alone knows no order. numpy is all it takes.

Sources: A. Joulin et al., "Bag of tricks for efficient text classification" (2017); static embeddings distilled from a
sentence encoder: S. Tulkens, T. van Dongen, "Model2Vec" (2024).

Shapes: B texts, V vocabulary, D width, H hidden units, G buckets, L labels.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.intent.ngrams import character_ngrams
from models.text.normalise import encoder_text

STATIC_FILE: Final = "model.static.safetensors"
MAX_GRAMS: Final = 256
"""Hashed grams that are read of a text; an English one of 64 word pieces has 190."""
_MIXERS: Final = (1_000_003, 8_191)


@dataclass(frozen=True)
class StaticInputs:
    """What the model reads of texts."""

    pieces: list[list[int]]
    """Word pieces of each text, without the marks of its start and end."""
    grams_BN: NDArray[np.int64]
    """Buckets of grams, 1 to G, padded with 0."""


@dataclass(frozen=True, kw_only=True)
class StaticModel:
    """The arrays."""

    pieces_VD: NDArray[np.float16]
    hidden_HD: NDArray[np.float32]
    hidden_bias_H: NDArray[np.float32]
    head_LH: NDArray[np.float32]
    head_bias_L: NDArray[np.float32]
    grams_GL: NDArray[np.float32]
    """Row 0 is zero: the padding."""

    def logits(self, inputs: StaticInputs) -> NDArray[np.float32]:
        """Return logits ``(B, L)``."""
        hidden_BH = np.maximum(mean_pieces(self.pieces_VD, inputs.pieces) @ self.hidden_HD.T + self.hidden_bias_H, 0)
        counts_B = np.maximum((inputs.grams_BN > 0).sum(axis=1), 1)
        table_BL = self.grams_GL[inputs.grams_BN].sum(axis=1) / np.sqrt(counts_B)[:, None]
        logits_BL: NDArray[np.float32] = (hidden_BH @ self.head_LH.T + self.head_bias_L + table_BL).astype(np.float32)
        return logits_BL

    def save(self, path: Path) -> None:
        """Write the arrays into one file."""
        from safetensors.numpy import save_file

        save_file({field.name: np.ascontiguousarray(getattr(self, field.name)) for field in fields(self)}, str(path))

    @classmethod
    def load(cls, path: Path) -> "StaticModel":
        """Read what :meth:`save` wrote."""
        from safetensors.numpy import load_file

        return cls(**load_file(str(path)))

    @property
    def buckets(self) -> int:
        """How many buckets grams are hashed into."""
        return len(self.grams_GL) - 1


def read_static(
    tokenizer: Tokenizer, texts: Sequence[str], *, buckets: int, encoder_knows_chinese: bool
) -> StaticInputs:
    """Return what the model reads of normalised texts."""
    pieces, grams = [], []
    for text in texts:
        ids = tokenizer.encode(encoder_text(text, encoder_knows_chinese=encoder_knows_chinese)).ids
        pieces.append(ids[1:-1])
        grams_of_text = character_ngrams(text, buckets=buckets)
        if len(ids) > 2:
            one, two = _MIXERS
            grams_of_text += [(a * one) % buckets + 1 for a in ids[1:-1]]
            grams_of_text += [(a * one + b * two + 1) % buckets + 1 for a, b in itertools.pairwise(ids)]
            grams_of_text += [
                (a * one + b * two + c + 2) % buckets + 1 for a, b, c in zip(ids, ids[1:], ids[2:], strict=False)
            ]
        grams.append(grams_of_text[:MAX_GRAMS])
    grams_BN = np.zeros((len(texts), max((len(row) for row in grams), default=1) or 1), dtype=np.int64)
    for row, grams_of_text in zip(grams_BN, grams, strict=True):
        row[: len(grams_of_text)] = grams_of_text
    return StaticInputs(pieces=pieces, grams_BN=grams_BN)


def mean_pieces(pieces_VD: NDArray[np.floating], pieces: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Return the mean row of each text ``(B, D)``; zero where it has no word pieces."""
    out = np.zeros((len(pieces), pieces_VD.shape[1]), dtype=np.float32)
    for row, ids in zip(out, pieces, strict=True):
        if ids:
            row[:] = pieces_VD[ids].astype(np.float32).mean(axis=0)
    return out
