"""What a picture probably shows: the nearest pictures whose labels are there vote.

Shapes: N labelled pictures, Q pictures asked about, L labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.pictures.space import PictureVectors

SHARPNESS: Final = 20.0
"""How much more the nearer of two neighbours counts: e-fold for each 0.05 of similarity."""
COLOUR_WEIGHTS: Final = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0)
NEIGHBOURS: Final = (1, 3, 5, 7, 11, 15, 21)

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class VoteConfig:
    """How neighbours vote."""

    colour_weight: float
    """Share of the colours in how near a picture is, 0 to 1."""
    neighbours: int
    """How many vote."""

    def __post_init__(self) -> None:
        if not 0 <= self.colour_weight <= 1 or self.neighbours < 1:
            raise ValueError(f"a weight of 0 to 1 and one neighbour or more are needed: {self}")


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What the neighbours say of one picture."""

    label: str
    share: float
    """Of the vote, 0 to 1."""
    evidence: Sequence[int]
    """Places of the neighbours with this label, nearest first."""


def suggest(similarities_QN: Floats, labels: Sequence[str], *, neighbours: int) -> list[Suggestion]:
    """Return the label that the nearest pictures vote for, for each picture asked about.

    Args:
        similarities_QN: with the N labelled pictures, of which there is one at least.
        labels: theirs.
        neighbours: how many vote.
    """
    labels_N = np.asarray(labels, dtype=object)
    return [_voted(row_N, labels_N, neighbours) for row_N in similarities_QN]


def _voted(similarities_N: Floats, labels_N: NDArray[np.object_], neighbours: int) -> Suggestion:
    nearest = np.argsort(-similarities_N, kind="stable")[:neighbours]
    weights = np.exp(SHARPNESS * (similarities_N[nearest] - similarities_N[nearest[0]]))
    votes: dict[str, float] = {}
    for place, weight in zip(nearest, weights, strict=True):
        votes[labels_N[place]] = votes.get(labels_N[place], 0.0) + float(weight)
    label = max(votes, key=lambda one: votes[one])
    return Suggestion(
        label=label,
        share=votes[label] / float(weights.sum()),
        evidence=[int(place) for place in nearest if labels_N[place] == label],
    )


def accuracy_by_choice(
    asked: PictureVectors,
    labelled: PictureVectors,
    truth: Sequence[str],
    labels: Sequence[str],
    *,
    colour_weights: Sequence[float] = COLOUR_WEIGHTS,
    neighbours: Sequence[int] = NEIGHBOURS,
) -> dict[VoteConfig, float]:
    """Return the share of pictures whose label the neighbours get right, for every way of voting.

    Args:
        asked: the pictures to tell the label of.
        labelled: the neighbours.
        truth: of the pictures asked about.
        labels: of the neighbours.
        colour_weights: to try.
        neighbours: numbers of them to try.
    """
    accuracies: dict[VoteConfig, float] = {}
    for colour_weight in colour_weights:
        similarities_QN = asked.similarities(labelled, colour_weight=colour_weight)
        for count in neighbours:
            suggestions = suggest(similarities_QN, labels, neighbours=count)
            right = [one.label == true for one, true in zip(suggestions, truth, strict=True)]
            accuracies[VoteConfig(colour_weight=colour_weight, neighbours=count)] = float(np.mean(right))
    return accuracies


def best(accuracies: dict[VoteConfig, float]) -> VoteConfig:
    """Return the way of voting that is right most often; of equals the one of fewer neighbours, then of less colour."""
    return min(accuracies, key=lambda one: (-accuracies[one], one.neighbours, one.colour_weight))
