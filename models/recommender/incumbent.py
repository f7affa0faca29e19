"""The champion on the very cases that a candidate is measured on: figures of two windows compare the windows.

After a change of taste the champion's own figure is of a world that is gone, and no candidate would ever reach it.

Shapes: B histories, C cases, N items of the window's catalogue, M items of the champion's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.evaluation.results import Evaluation
from models.recommender.dataset import Window
from models.recommender.evaluate import EvaluationConfig, estimates, rank_cases, slices
from models.recommender.history import History
from models.recommender.predict import Recommender
from models.recommender.scoring import Scores, standardise, weighted_sum
from models.training import read_card, read_evaluation


@dataclass(frozen=True, kw_only=True)
class Incumbent:
    """A served model as a scorer of another catalogue than it was trained on."""

    recommender: Recommender
    places_N: NDArray[np.int64]
    """Where each item stands in the champion's catalogue; -1 where it does not know it."""

    @classmethod
    def of(cls, recommender: Recommender, item_ids: NDArray[np.object_]) -> "Incumbent":
        """Return the scorer of a catalogue."""
        places = (recommender.catalogue.index_of(item_id) for item_id in item_ids)
        return cls(recommender=recommender, places_N=np.array([-1 if place is None else place for place in places]))

    def scores(self, histories: Sequence[History]) -> Scores:
        """Return the scores of all items, shape (B, N); those that the champion does not know come last."""
        own, weights = [self._readable(history) for history in histories], self.recommender.weights
        blend_BM = weighted_sum(
            {name: standardise(self.recommender.scorers[name].scores(own)) for name in weights}, weights
        )
        # Whom it has nothing to say of gets what is popular, as when it serves.
        silent_B = ~blend_BM.any(axis=1) | np.array([not len(history.items) for history in own])
        blend_BM[silent_B] = standardise(self.recommender.lists.popularity_N[None, :])
        scores_BN: Scores = blend_BM[:, self.places_N.clip(min=0)]
        scores_BN[:, self.places_N < 0] = scores_BN.min(axis=1, keepdims=True) - 1
        return scores_BN

    def _readable(self, history: History) -> History:
        places = self.places_N[history.items]
        return History(places[places >= 0], history.behaviours[places >= 0])


def measure_incumbent(
    folder: Path, test: Window, users_C: NDArray[np.int64], *, cutoff: float, config: EvaluationConfig, seed: int
) -> Evaluation | None:
    """Return the champion's figures on a candidate's test cases; None where it has seen some of them, or is a baseline.

    Args:
        folder: the champion's artefact.
        test: the candidate's test window.
        users_C: whose each case is.
        cutoff: when the window begins, in seconds since 1970.
        config: how often to resample.
        seed: of the resamples.
    """
    evaluation, window = read_evaluation(folder), read_card(folder).get("data_window")
    if evaluation.is_baseline or window is None or datetime.fromisoformat(window[1]).timestamp() >= cutoff:
        return None
    name = evaluation.candidate
    scorer = Incumbent.of(Recommender.load(folder), test.train.item_ids)
    ranked = rank_cases({name: scorer}, {name: {name: 1.0}}, test.cases, lists=True)[name]
    sure = {"seed": seed, "resamples": config.resamples}
    return Evaluation(
        family=evaluation.family,
        candidate=name,
        primary_metric=evaluation.primary_metric,
        protocol=f"{folder.name} as it serves, on the test cases of a later candidate, all of them after its training.",
        cases=len(np.unique(users_C)),
        metrics=estimates(ranked, users_C, catalogue_size=test.train.items, **sure),
        baselines={},
        gains={},
        slices={
            part: estimates(ranked.only(members), users_C[members], catalogue_size=None, **sure)
            for part, members in slices(test.cases).items()
        },
    )
