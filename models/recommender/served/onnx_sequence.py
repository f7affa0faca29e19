"""The transformer as it is served. Shapes: B histories, L interactions, D width, N items."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from safetensors import safe_open

from models.recommender.history import History
from models.recommender.scoring import ItemVectors, Scores
from models.recommender.served.item_codes import ItemCodes


@dataclass(frozen=True, kw_only=True)
class OnnxSequence:
    """The transformer's encoder in ONNX; item vectors stay outside the graph, one matrix for input and output."""

    session: onnxruntime.InferenceSession
    vectors: ItemVectors
    length: int
    codes: ItemCodes | None = None
    """The item vectors in eight bits, for a first pass over many of them."""

    @classmethod
    def load(cls, path: Path, *, vectors: ItemVectors, length: int, threads: int) -> "OnnxSequence":
        """Load the encoder; ``threads`` is what one run may use."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return cls(session=session, vectors=vectors, length=length)

    @classmethod
    def read(cls, folder: Path, *, threads: int = 1) -> "OnnxSequence | None":
        """Read it from an artefact; None where validation left the transformer out."""
        settings = json.loads((folder / "config.json").read_text())["sequence"]
        if settings is None:
            return None
        with safe_open(folder / "arrays.safetensors", framework="numpy") as arrays:
            vectors = ItemVectors(
                vectors_ND=arrays.get_tensor("sequence.vectors"),
                usable_N=arrays.get_tensor("sequence.usable").astype(np.bool_),
            )
        sequence = cls.load(folder / "sequence.onnx", vectors=vectors, length=settings["length"], threads=threads)
        codes = folder / "item_codes.onnx"
        # Of few items training writes no codes, nor did it of any before there were some.
        if not codes.exists():
            return sequence
        return replace(sequence, codes=ItemCodes.load(codes, vectors.vectors_ND, threads=threads))

    def scores(self, histories: Sequence[History]) -> Scores:
        """Return the scores of all items, shape (B, N)."""
        return self.vectors.scores(self.hidden(histories))

    def hidden(self, histories: Sequence[History]) -> NDArray[np.float32]:
        """Return each shopper's vector, whose product with an item's is their score, shape (B, D)."""
        recent = [history.last(self.length) for history in histories]
        max_items = max(len(history.items) for history in recent)
        items_BLD = np.zeros((len(recent), max(max_items, 1), self.vectors.vectors_ND.shape[1]), dtype=np.float32)
        behaviours_BL = np.zeros(items_BLD.shape[:2], dtype=np.int64)
        for row, history in enumerate(recent):
            items_BLD[row, : len(history.items)] = self.vectors.vectors_ND[history.items]
            behaviours_BL[row, : len(history.items)] = history.behaviours
        (hidden_BD,) = self.session.run(None, {"items": items_BLD, "behaviours": behaviours_BL})
        return np.asarray(hidden_BD, dtype=np.float32)
