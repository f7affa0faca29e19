"""Trained transformers as a scorer, in torch; what is served is the same networks in ONNX.

Members of an ensemble add their scores, and a sum of dot products is one dot product of longer vectors: hidden states
and item vectors of all members stand side by side, (B, M·D) and (N, M·D). Shapes: B histories, N items, M members.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.recommender.history import History
from models.recommender.scoring import ItemVectors, Scores
from models.recommender.transformer.model import SequenceModel
from models.recommender.transformer.sequences import padded_histories

_TOGETHER = 128
"""Histories of similar length that are encoded together: of 500 as they come, five slots in six would be padding."""


@dataclass(frozen=True, kw_only=True)
class SequenceScorer:
    """Scores are those of the members, added up."""

    members: tuple[SequenceModel, ...]
    vectors: ItemVectors
    length: int

    @classmethod
    def of(cls, *members: SequenceModel, length: int) -> "SequenceScorer":
        """Compose the item vectors of the members once."""
        table = members[0].table
        with torch.no_grad():
            vectors_ND = np.concatenate([one.table.all_items().float().cpu().numpy() for one in members], axis=1)
        usable_N = ((table.own_N[1:] > 0) | (table.attributes_NA[1:] > 0).any(dim=1)).cpu().numpy()
        return cls(members=members, vectors=ItemVectors(vectors_ND=vectors_ND, usable_N=usable_N), length=length)

    def scores(self, histories: Sequence[History]) -> Scores:
        """Return the scores of all items, shape (B, N)."""
        return self.vectors.scores(self.hidden(histories))

    def hidden(self, histories: Sequence[History]) -> NDArray[np.float32]:
        """Return each shopper's vector, whose product with an item's is their score, shape (B, D)."""
        order = np.argsort([len(history.items) for history in histories], kind="stable")
        hidden_BD = np.empty((len(histories), self.vectors.vectors_ND.shape[1]), dtype=np.float32)
        for start in range(0, len(order), _TOGETHER):
            rows = order[start : start + _TOGETHER]
            hidden_BD[rows] = self._hidden([histories[row] for row in rows])
        return hidden_BD

    def _hidden(self, histories: Sequence[History]) -> Scores:
        padded = padded_histories(histories, length=self.length)
        device = next(self.members[0].parameters()).device
        rows_BL, behaviours_BL = (torch.from_numpy(array).to(device) for array in padded)
        states = []
        with torch.no_grad():
            for member in self.members:
                member.eval()
                states.append(member.last_hidden(rows_BL, behaviours_BL).float().cpu().numpy())
        return np.concatenate(states, axis=1)
