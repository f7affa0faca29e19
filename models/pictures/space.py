"""The space in which pictures of one shop are compared: what they show in few numbers, and their colours beside it.

Shapes: N pictures, Q pictures asked about, D numbers of the encoder, K numbers after the projection, B colour bins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.pictures.colours import BINS, colour_histogram
from models.pictures.encoder import DIM, PictureEncoder
from models.pictures.reading import Picture

MAX_AXES: Final = 256
"""Numbers that are kept of the encoder's 4,160: a kilobyte a picture."""
MAX_FITTED: Final = 5_000
"""Pictures that the projection is fitted on."""
DAMPING: Final = 0.25
"""Power of an axis's spread that it is divided by: 0 leaves the largest axes as loud as they are, 1 makes all equal."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class PictureVectors:
    """Pictures as they are compared."""

    shows_NK: Floats
    """What they show; of length 1."""
    colours_NB: Floats
    """Square roots of the shares of each colour; of length 1."""

    def __len__(self) -> int:
        return len(self.shows_NK)

    def take(self, places: Any) -> "PictureVectors":
        """Return those at ``places``, a mask or indices."""
        return PictureVectors(shows_NK=self.shows_NK[places], colours_NB=self.colours_NB[places])

    def similarities(self, others: "PictureVectors", *, colour_weight: float) -> Floats:
        """Return how alike each of these is to each of ``others``, shape (Q, N), at most 1.

        Args:
            others: the N pictures to compare with.
            colour_weight: share of the colours in it, 0 to 1.
        """
        shows_QN = self.shows_NK @ others.shows_NK.T
        colours_QN = self.colours_NB @ others.colours_NB.T
        return np.asarray((1 - colour_weight) * shows_QN + colour_weight * colours_QN, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class PictureSpace:
    """A projection of the encoder's vectors, fitted on the pictures of a shop."""

    mean_D: Floats
    axes_DK: Floats

    @classmethod
    def fit(cls, encoded_ND: Floats, *, seed: int) -> "PictureSpace":
        """Return the principal axes of encoded pictures; no label is looked at.

        Raises:
            ValueError: there are fewer than two pictures.
        """
        if len(encoded_ND) < 2:
            raise ValueError("a space is fitted on two pictures or more")
        if len(encoded_ND) > MAX_FITTED:
            rng = np.random.default_rng(seed)
            encoded_ND = encoded_ND[np.sort(rng.choice(len(encoded_ND), MAX_FITTED, replace=False))]
        mean_D = encoded_ND.mean(axis=0)
        _, spreads, axes_KD = np.linalg.svd(encoded_ND - mean_D, full_matrices=False)
        count = min(MAX_AXES, int((spreads > spreads[0] * 1e-4).sum()) or 1)
        damped = np.maximum(spreads[:count] / np.sqrt(len(encoded_ND)), 1e-6) ** DAMPING
        return cls(mean_D=mean_D, axes_DK=(axes_KD[:count].T / damped).astype(np.float32))

    def project(self, encoded_ND: Floats) -> Floats:
        """Return encoded pictures on the axes, of length 1, shape (N, K)."""
        shows_NK = (encoded_ND - self.mean_D) @ self.axes_DK
        return np.asarray(shows_NK / np.maximum(np.linalg.norm(shows_NK, axis=1, keepdims=True), 1e-9))

    def vectors(self, encoder: PictureEncoder, pictures: Sequence[Picture]) -> PictureVectors:
        """Return pictures as they are compared."""
        encoded_ND, colours_NB = encoded(encoder, pictures)
        return PictureVectors(shows_NK=self.project(encoded_ND), colours_NB=colours_NB)

    def arrays(self) -> Mapping[str, Floats]:
        """Return what :meth:`from_arrays` takes, for a file."""
        return {"mean_D": self.mean_D, "axes_DK": self.axes_DK}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> "PictureSpace":
        """Return the space that :meth:`arrays` gave."""
        return cls(mean_D=arrays["mean_D"], axes_DK=arrays["axes_DK"])


def encoded(encoder: PictureEncoder, pictures: Sequence[Picture]) -> tuple[Floats, Floats]:
    """Return the encoder's vectors, shape (N, D), and the colour histograms, shape (N, B), of pictures.

    An exact repeat is encoded once.
    """
    first = {picture.digest: picture for picture in pictures}
    place = {digest: number for number, digest in enumerate(first)}
    if not first:
        return np.zeros((0, DIM), dtype=np.float32), np.zeros((0, BINS), dtype=np.float32)
    vectors = encoder.encode([picture.pixels for picture in first.values()])
    colours = np.stack([colour_histogram(picture.pixels) for picture in first.values()])
    places = [place[picture.digest] for picture in pictures]
    return vectors[places], colours[places]
