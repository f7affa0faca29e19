"""Item vectors in eight bits: scores of all items for a quarter of the memory traffic, each with a bound on its error.

640 numbers an item of 100,000 items are 256 MB, and reading them is what takes a list its time. The codes are a
constant of an ONNX graph, whose product of integers is exact. What is lost is the rounding of the vectors, and by
Cauchy-Schwarz it moves a score by no more than the rounding's length times the state's. So the few items that can be
among the best are known, and these alone are scored in full.

Needs numpy and onnxruntime; writing needs onnx. Shapes: B states, N items, D width.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LEVELS = 127
_STATE_LEVELS = 64
"""Two products of a state and an item's code must fit 16 bits: processors without VNNI add pairs of them that way."""
_TOGETHER = 4_096
"""Items at a time: of 100,000 of width 640 every further copy of all would take 256 MB."""


@dataclass(frozen=True, kw_only=True)
class ItemCodes:
    """The codes in a graph, and per item what turns a sum of products into a score."""

    session: onnxruntime.InferenceSession
    steps_N: Floats
    """What 1 of a code stands for."""
    bounds_N: Floats
    """The most that a score may be wrong by, for a state of length 1."""

    @classmethod
    def load(cls, path: Path, vectors_ND: Floats, *, threads: int) -> "ItemCodes":
        """Load the codes of these vectors; ``threads`` is what one product may use."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        # Of a state, of which no number is longer than all of it, rounding takes half a fine step a number at most; the
        # millionth is the rounding of 32 bits.
        of_state = vectors_ND.shape[1] ** 0.5 / (4 * _STATE_LEVELS**2) + 1e-6
        steps_N, bounds_N = _steps(vectors_ND), np.empty(len(vectors_ND), dtype=np.float32)
        for start in range(0, len(vectors_ND), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            coded_PD = _rounded(vectors_ND[part], steps_N[part]) * steps_N[part, None]
            lost_P = np.linalg.norm(vectors_ND[part] - coded_PD, axis=1)
            bounds_N[part] = lost_P + of_state * np.linalg.norm(coded_PD, axis=1)
        return cls(session=session, steps_N=steps_N, bounds_N=bounds_N)

    def scores(self, hidden_BD: Floats) -> Floats:
        """Return the scores of all items, shape (B, N), each within ``bounds_N`` times the length of the state."""
        # The state is rounded twice, the second time what the first left over: 14 bits for two rows of one product.
        steps_B1 = np.maximum(np.abs(hidden_BD).max(axis=1, keepdims=True), 1e-30) / _STATE_LEVELS
        high_BD = np.rint(hidden_BD / steps_B1)
        low_BD = np.rint((hidden_BD / steps_B1 - high_BD) * 2 * _STATE_LEVELS)
        rows = (np.concatenate([high_BD, low_BD]) + _STATE_LEVELS).astype(np.uint8)
        (sums,) = self.session.run(None, {"states": rows})
        # In place: arrays as long as the catalogue are memory that the kernel clears page by page.
        scores_BN: Floats = sums[len(hidden_BD) :].astype(np.float32)
        scores_BN *= np.float32(1 / (2 * _STATE_LEVELS))
        scores_BN += sums[: len(hidden_BD)]
        scores_BN *= self.steps_N
        scores_BN *= steps_B1
        return scores_BN


def write_item_codes(path: Path, vectors_ND: Floats) -> None:
    """Write the graph: ``states`` (B, D) uint8, 64 standing for 0 -> ``sums`` (B, N) int32, with the codes within."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    items, width = vectors_ND.shape
    codes_DN = np.empty((width, items), dtype=np.int8)
    steps_N = _steps(vectors_ND)
    for start in range(0, items, _TOGETHER):
        part = slice(start, start + _TOGETHER)
        codes_DN[:, part] = _rounded(vectors_ND[part], steps_N[part]).T
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["states", "codes", "zero"], ["sums"])],
        "item_codes",
        [helper.make_tensor_value_info("states", TensorProto.UINT8, ["batch", width])],
        [helper.make_tensor_value_info("sums", TensorProto.INT32, ["batch", items])],
        [
            numpy_helper.from_array(codes_DN, "codes"),
            numpy_helper.from_array(np.array(_STATE_LEVELS, np.uint8), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.save(model, str(path))


def _steps(vectors_ND: Floats) -> Floats:
    steps_N: Floats = np.maximum(np.abs(vectors_ND).max(axis=1), 1e-30) / _LEVELS
    return steps_N


def _rounded(vectors_ND: Floats, steps_N: Floats) -> Floats:
    rounded: Floats = np.rint(vectors_ND / steps_N[:, None])
    return rounded
