"""What a blend says of every item for one history, and the best of it, exactly.

Where the vectors have codes (:mod:`models.recommender.served.item_codes`), all items are scored in eight bits
first. Those whose score may still be among the best, by the bound on its error, are scored in full; the list is that of
full scores for all, but for the mean and the deviation that the scores are standardised by, which are the first pass's.

Needs numpy and onnxruntime. Shapes: N items, R rivals for the places of a list.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.catalogue import Mask
from models.evaluation.ranking import top_items
from models.recommender.history import History
from models.recommender.scoring import ItemVectors, Scorer, Scores, standardise, weighted_sum
from models.recommender.served.item_codes import ItemCodes
from models.recommender.served.onnx_sequence import OnnxSequence

Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class _FirstPass:
    """How the scores of one part were come by, and how to get them in full."""

    part: str
    vectors: ItemVectors
    hidden_D: NDArray[np.float32]
    mean: float
    deviation: float
    bounds_N: NDArray[np.float32]
    """The most that each standardised score may be wrong by, up to the factor ``error``."""
    error: float

    def full(self, places_R: Places) -> NDArray[np.float32]:
        """Return the standardised scores of these items from their vectors in full."""
        scores_R: NDArray[np.float32] = (self.vectors.vectors_ND[places_R] @ self.hidden_D - self.mean) / self.deviation
        return scores_R


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The parts' standardised scores and their blend."""

    standard: Mapping[str, Scores]
    """Standardised scores of each part, shape (1, N)."""
    blend_N: NDArray[np.float32]
    weights: Mapping[str, float]
    first_pass: _FirstPass | None

    @classmethod
    def of(cls, history: History, scorers: Mapping[str, Scorer], weights: Mapping[str, float]) -> "Scored":
        """Score every item for a history that is not empty."""
        standard: dict[str, Scores] = {}
        first_pass = None
        for name in weights:
            scorer = scorers[name]
            if isinstance(scorer, OnnxSequence) and scorer.codes is not None:
                standard[name], first_pass = _in_codes(name, scorer, scorer.codes, history)
            else:
                standard[name] = standardise(scorer.scores([history]))
        blend_N = weighted_sum(standard, weights)[0]
        return cls(standard=standard, blend_N=blend_N, weights=weights, first_pass=first_pass)

    def best(self, *, length: int, masked: Mask) -> Places:
        """Return the best unmasked items of the blend, best first, ties to the lower index."""
        if self.first_pass is None:
            return top_items(self.blend_N, length=length, masked=masked)
        length = min(length, len(masked) - int(np.count_nonzero(masked)))
        if length == 0:
            return np.zeros(0, dtype=np.int64)
        weight = self.weights[self.first_pass.part]
        errors_N = self.first_pass.bounds_N * np.float32(weight * self.first_pass.error)
        at_least_N = self.blend_N - errors_N
        at_least_N[masked] = -np.inf
        threshold = np.partition(at_least_N, -length)[-length]
        rivals_R = np.flatnonzero((self.blend_N + errors_N >= threshold) & ~masked)
        self.settle(rivals_R)
        return rivals_R[top_items(self.blend_N[rivals_R], length=length, masked=np.zeros(0, dtype=np.int64))]

    def settle(self, places_R: Places) -> None:
        """Put these items' scores in full in the place of those of the first pass."""
        if self.first_pass is None:
            return
        # Items that nothing is known of rank last, whatever their vectors.
        places_R = places_R[self.first_pass.vectors.usable_N[places_R]]
        self.standard[self.first_pass.part][0, places_R] = self.first_pass.full(places_R)
        of_places = {name: scores_1N[:, places_R] for name, scores_1N in self.standard.items()}
        self.blend_N[places_R] = weighted_sum(of_places, self.weights)[0]


def _in_codes(name: str, sequence: OnnxSequence, codes: ItemCodes, history: History) -> tuple[Scores, _FirstPass]:
    hidden_1D = sequence.hidden([history])
    scores_1N = sequence.vectors.last_where_unusable(codes.scores(hidden_1D))
    mean, deviation = float(scores_1N.mean()), max(float(scores_1N.std()), 1e-12)
    scores_1N -= np.float32(mean)
    scores_1N /= np.float32(deviation)
    return scores_1N, _FirstPass(
        part=name,
        vectors=sequence.vectors,
        hidden_D=hidden_1D[0],
        mean=mean,
        deviation=deviation,
        bounds_N=codes.bounds_N,
        error=float(np.linalg.norm(hidden_1D)) / deviation,
    )
