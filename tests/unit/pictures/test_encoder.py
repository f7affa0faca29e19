"""The encoder comes from a wheel, is exported once, and runs without torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.pictures.encoder import DIM, export_encoder, load_picture_encoder
from models.pictures.reading import SIDE, Picture
from models.pictures.space import encoded
from shopsight.errors import ShopsightError


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_encoder(tmp_path_factory.mktemp("encoder") / "encoder.onnx")


def test_it_tells_a_drawn_disc_from_noise_and_repeats_itself(graph: Path) -> None:
    encoder = load_picture_encoder(graph)
    down, across = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE), indexing="ij")
    disc = np.where((down**2 + across**2 < 0.4)[..., None], (200, 30, 30), 255).astype(np.uint8)
    shifted = np.roll(disc, 8, axis=1)
    noise = np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    pictures = [Picture(pixels=pixels, digest=str(number)) for number, pixels in enumerate((disc, shifted, noise))]
    vectors, colours = encoded(encoder, [*pictures, pictures[0]])
    assert vectors.shape == (4, DIM)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    assert (vectors[0] == vectors[3]).all()
    assert (colours[0] == colours[3]).all()


def test_it_is_exported_once(graph: Path) -> None:
    before = graph.stat().st_mtime_ns
    assert export_encoder(graph).stat().st_mtime_ns == before


def test_serving_it_imports_no_torch(graph: Path) -> None:
    code = (
        "import sys, pathlib; from models.pictures.encoder import load_picture_encoder;"
        f"load_picture_encoder(pathlib.Path({str(graph)!r}));"
        "print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_where_it_is_missing_the_error_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ShopsightError, match="item_pictures"):
        load_picture_encoder(tmp_path / "encoder.onnx")
