"""How much of a picture has which colour: a soft histogram in CIELAB, in which what is near looks alike.

The middle of the picture counts most, where the goods are. Shapes: N pictures, H height, W width, B bins.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.pictures.reading import Pixels

SHRINK: Final = 4
"""Pixels on a side that are averaged into one first."""
LIGHTNESS_BINS: Final = 6
CHROMA_BINS: Final = 9
"""Along each axis of colour, from green to red and from blue to yellow; an odd number, so that one is grey."""
BINS: Final = LIGHTNESS_BINS * CHROMA_BINS**2
CENTRE: Final = 0.5
"""Width of the bell that weighs the middle, where the edge of the picture is at 1."""
MAX_CHROMA: Final = 22.0
"""Largest distance from grey along an axis, after the root below: about 83 in CIELAB."""
CHROMA_POWER: Final = 0.7
"""Greys and pastels lie close together; the power gives them more bins."""

Floats = NDArray[np.float32]


def colour_histogram(pixels_HW3: Pixels) -> Floats:
    """Return the histogram of a picture's colours as a vector of length 1, shape (B,).

    Its values are square roots of shares, so that the product of two is their Bhattacharyya coefficient: 1 where both
    have the same colours, 0 where they have none in common.
    """
    lab_HW3 = to_lab(_shrunk(pixels_HW3))
    chroma_HW2 = np.sign(lab_HW3[..., 1:]) * np.abs(lab_HW3[..., 1:]) ** CHROMA_POWER
    axes = [
        _soft_places(lab_HW3[..., 0] / 100, LIGHTNESS_BINS),
        _soft_places((chroma_HW2[..., 0] / MAX_CHROMA + 1) / 2, CHROMA_BINS),
        _soft_places((chroma_HW2[..., 1] / MAX_CHROMA + 1) / 2, CHROMA_BINS),
    ]
    weight_HW = _bell(*lab_HW3.shape[:2])
    shares_B = np.zeros(BINS)
    for corner in np.ndindex(2, 2, 2):  # each pixel counts in the eight bins around its colour
        (lightness, by_l), (red, by_a), (yellow, by_b) = (
            (low + step, high_share if step else 1 - high_share)
            for (low, high_share), step in zip(axes, corner, strict=True)
        )
        bins = (lightness * CHROMA_BINS + red) * CHROMA_BINS + yellow
        shares_B += np.bincount(bins.ravel(), (weight_HW * by_l * by_a * by_b).ravel(), minlength=BINS)
    return np.asarray(np.sqrt(shares_B / shares_B.sum()), dtype=np.float32)


def to_lab(rgb_HW3: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return sRGB colours, 0 to 1, in CIELAB under D65 (IEC 61966-2-1; CIE 15:2004).

    >>> to_lab(np.ones((1, 1, 3))).round().tolist()
    [[[100.0, 0.0, 0.0]]]
    """
    linear = np.where(rgb_HW3 <= 0.04045, rgb_HW3 / 12.92, ((rgb_HW3 + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T
    x, y, z = np.moveaxis(np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


_TO_XYZ: Final = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) / np.array(
    [[0.9505], [1.0], [1.089]]
)
"""From linear RGB to CIE XYZ, as shares of white."""


def _shrunk(pixels_HW3: Pixels) -> NDArray[np.float64]:
    high, wide = (size // SHRINK for size in pixels_HW3.shape[:2])
    blocks = pixels_HW3[: high * SHRINK, : wide * SHRINK].reshape(high, SHRINK, wide, SHRINK, 3)
    return np.asarray(blocks.mean(axis=(1, 3)) / 255)


def _soft_places(values_HW: NDArray[np.float64], bins: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the lower of the two bins around each value, 0 to 1, and the share that the upper one gets."""
    places = np.clip(values_HW, 0, 1) * (bins - 1)
    low = np.minimum(places.astype(np.intp), bins - 2)
    return low, places - low


def _bell(high: int, wide: int) -> NDArray[np.float64]:
    down, across = np.linspace(-1, 1, high)[:, None], np.linspace(-1, 1, wide)[None, :]
    return np.exp(-(down**2 + across**2) / (2 * CENTRE**2))
