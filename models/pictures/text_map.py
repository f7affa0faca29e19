"""From a text to the pictures it means: a linear map that ridge regression learns from titles and their pictures.

The texts come as vectors of a sentence encoder that reads several languages alike: a map that is learnt from English
titles answers Chinese queries. Shapes: N pairs, Q texts, T numbers of a text, V numbers of a picture's vector.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.pictures.space import PictureVectors

RIDGE_ALPHAS: Final = (0.1, 0.3, 1.0, 3.0, 10.0)
COLOUR_WEIGHTS: Final = (0.1, 0.2, 0.35, 0.5, 0.65)

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class TextMapConfig:
    """How the map is learnt."""

    ridge_alpha: float
    """Penalty on the squares of the map's numbers; above zero."""
    colour_weight: float
    """Share of the colours in the vector of a picture, 0 to 1."""

    def __post_init__(self) -> None:
        if self.ridge_alpha <= 0 or not 0 <= self.colour_weight <= 1:
            raise ValueError(f"a penalty above zero and a weight of 0 to 1 are needed: {self}")


@dataclass(frozen=True, kw_only=True)
class TextMap:
    """Scores pictures by texts."""

    text_mean_T: Floats
    picture_mean_V: Floats
    map_TV: Floats
    colour_weight: float

    @classmethod
    def fit(cls, texts_NT: Floats, pictures: PictureVectors, config: TextMapConfig) -> "TextMap":
        """Learn from pairs.

        Args:
            texts_NT: vectors of the titles.
            pictures: theirs, in the same order.
            config: how.

        Raises:
            ValueError: there are no pairs, or not as many texts as pictures.
        """
        if len(texts_NT) != len(pictures) or not len(pictures):
            raise ValueError(f"{len(texts_NT)} texts and {len(pictures)} pictures are no pairs")
        joint_NV = joint(pictures, config.colour_weight)
        text_mean_T, picture_mean_V = texts_NT.mean(axis=0), joint_NV.mean(axis=0)
        centred_NT = (texts_NT - text_mean_T).astype(np.float64)
        gram_TT = centred_NT.T @ centred_NT + config.ridge_alpha * np.eye(texts_NT.shape[1])
        map_TV = np.linalg.solve(gram_TT, centred_NT.T @ (joint_NV - picture_mean_V))
        return cls(
            text_mean_T=text_mean_T.astype(np.float32),
            picture_mean_V=picture_mean_V.astype(np.float32),
            map_TV=map_TV.astype(np.float32),
            colour_weight=config.colour_weight,
        )

    def scores(self, texts_QT: Floats, pictures: PictureVectors) -> Floats:
        """Return the cosine between what each text maps to and each picture, both about the mean, shape (Q, N)."""
        wanted_QV = _unit((texts_QT - self.text_mean_T) @ self.map_TV)
        return np.asarray(wanted_QV @ _unit(joint(pictures, self.colour_weight) - self.picture_mean_V).T)

    def arrays(self) -> Mapping[str, Floats]:
        """Return what :meth:`from_arrays` takes, for a file."""
        return {
            "text_mean_T": self.text_mean_T,
            "picture_mean_V": self.picture_mean_V,
            "map_TV": self.map_TV,
            "colour_weight": np.array([self.colour_weight], dtype=np.float32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> "TextMap":
        """Return the map that :meth:`arrays` gave."""
        rest = {name: arrays[name] for name in ("text_mean_T", "picture_mean_V", "map_TV")}
        return cls(**rest, colour_weight=float(arrays["colour_weight"][0]))


def joint(pictures: PictureVectors, colour_weight: float) -> Floats:
    """Return one vector of length 1 for each picture, shape (N, V), in which colours have ``colour_weight``."""
    shows_NK, colours_NB = np.sqrt(1 - colour_weight) * pictures.shows_NK, np.sqrt(colour_weight) * pictures.colours_NB
    return np.hstack([shows_NK, colours_NB]).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class TextPairs:
    """Titles with their pictures, of which exact repeats count once: whoever finds one has found the other."""

    texts_NT: Floats
    pictures: PictureVectors
    """The distinct ones."""
    own_N: NDArray[np.intp]
    """Place of each text's own picture among them."""

    @classmethod
    def of(cls, texts_NT: Floats, pictures: PictureVectors, digests: Sequence[str]) -> "TextPairs":
        """Return the pairs of texts and pictures in the same order.

        Args:
            texts_NT: vectors of the titles.
            pictures: theirs.
            digests: of the pictures' pixels.
        """
        _, first, own_N = np.unique(np.asarray(digests), return_index=True, return_inverse=True)
        return cls(texts_NT=texts_NT, pictures=pictures.take(first), own_N=own_N)

    def ranks(self, text_map: TextMap) -> NDArray[np.int64]:
        """Return the rank, from 1, of each text's own picture by a map."""
        return ranks_of(text_map.scores(self.texts_NT, self.pictures), self.own_N)


def ranks_of(scores_QN: Floats, own_Q: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the rank, from 1, of the own column of each row; ties count against it.

    >>> ranks_of(np.array([[0.9, 0.1], [0.8, 0.3]]), np.array([0, 1])).tolist()
    [1, 2]
    """
    own_Q1 = scores_QN[np.arange(len(scores_QN)), own_Q][:, None]
    return np.asarray((scores_QN >= own_Q1).sum(axis=1), dtype=np.int64)


def choose_text_map(
    train: tuple[Floats, PictureVectors],
    validation: TextPairs,
    *,
    length: int = 10,
    ridge_alphas: Sequence[float] = RIDGE_ALPHAS,
    colour_weights: Sequence[float] = COLOUR_WEIGHTS,
) -> TextMapConfig:
    """Return how a map is learnt so that the most texts of ``validation`` find their own among its pictures.

    Args:
        train: texts and pictures to learn from.
        validation: texts and pictures to choose on.
        length: of the list in which a text's own picture is to be.
        ridge_alphas: to try.
        colour_weights: to try.
    """
    recalls = {}
    for colour_weight in colour_weights:
        for ridge_alpha in ridge_alphas:
            config = TextMapConfig(ridge_alpha=ridge_alpha, colour_weight=colour_weight)
            ranks_N = validation.ranks(TextMap.fit(*train, config))
            recalls[config] = (float((ranks_N <= length).mean()), -float(np.log(ranks_N).mean()))
    return max(recalls, key=lambda one: recalls[one])


def _unit(rows: NDArray[np.floating]) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)
