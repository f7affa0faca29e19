"""The classifier: a frozen sentence encoder's vector and hashed character n-grams, under one linear layer.

The encoder was trained on pairs of sentences in many languages, and is left as it is: what a few thousand texts could
teach it, they would teach at the price of texts unlike them. Source: Kumar et al., "Fine-Tuning can Distort Pretrained
Features and Underperform Out-of-Distribution" (2022).

Shapes: N texts, D numbers of a sentence vector, G buckets, L labels and, last, the language.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.intent.ngrams import Bag, bag_of
from models.text.sentences import SentenceEncoder

HEAD_FILE = "head.safetensors"


@dataclass(frozen=True, kw_only=True)
class IntentHead:
    """The linear layer, and how n-grams are weighed before it.

    Its last output is no label: the log-odds that a text in Latin letters is in a language that was not taught.
    """

    vector_LD: NDArray[np.float32]
    table_GL: NDArray[np.float32]
    bias_L: NDArray[np.float32]
    idf_G: NDArray[np.float32]

    def logits(self, vectors_ND: NDArray[np.float32], bag: Bag) -> NDArray[np.float32]:
        """Return the logits of texts, shape (N, L)."""
        logits_NL = vectors_ND @ self.vector_LD.T + self.bias_L
        for row, (start, end) in enumerate(zip(bag.starts[:-1], bag.starts[1:], strict=True)):
            logits_NL[row] += bag.weights[start:end] @ self.table_GL[bag.buckets[start:end]]
        return np.asarray(logits_NL, dtype=np.float32)

    def read(self, texts: Sequence[str], encoder: SentenceEncoder) -> NDArray[np.float32]:
        """Return the logits of normalised texts, shape (N, L)."""
        return self.logits(encoder.encode(texts), bag_of(texts, idf_G=self.idf_G))

    def save(self, folder: Path) -> None:
        """Write the layer into ``folder``."""
        from safetensors.numpy import save_file

        save_file({one.name: np.ascontiguousarray(getattr(self, one.name)) for one in fields(self)}, folder / HEAD_FILE)

    @classmethod
    def load(cls, folder: Path) -> "IntentHead":
        """Read what :meth:`save` wrote."""
        from safetensors.numpy import load_file

        return cls(**load_file(folder / HEAD_FILE))
