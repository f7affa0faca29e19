"""Item vectors of the transformer, the same on its input and its output.

Shapes: N items, D size of a vector, A attributes of an item (padded with 0). Row 0 is padding; item code i has row
i + 1.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.recommender.dataset import Interactions


class ItemTable(nn.Module):
    """Item vectors: an own embedding where the item was seen often enough, plus those of its category and brand."""

    own_N: Tensor
    attributes_NA: Tensor

    def __init__(self, *, start_ND: Tensor, has_own_N: Tensor, attributes_NA: Tensor, attributes: int) -> None:
        super().__init__()
        items, width = start_ND.shape
        self.items = nn.Embedding(items + 1, width, padding_idx=0)
        self.attributes = nn.Embedding(attributes + 1, width, padding_idx=0)
        # Buffers, not parameters: which rows exist is data. Row 0 is padding in both.
        self.register_buffer("own_N", functional.pad(has_own_N.float(), (1, 0)), persistent=False)
        self.register_buffer("attributes_NA", functional.pad(attributes_NA, (0, 0, 1, 0)), persistent=False)
        for embedding in (self.items, self.attributes):
            nn.init.normal_(embedding.weight, std=0.02)
            with torch.no_grad():
                embedding.weight[0].zero_()
        with torch.no_grad():
            self.items.weight[1:] += start_ND

    @classmethod
    def of(
        cls,
        train: Interactions,
        attributes_NA: NDArray[np.int64],
        start_ND: NDArray[np.float32],
        *,
        min_users: int = 1,
    ) -> "ItemTable":
        """Return the untrained table of a catalogue; items of fewer users have no embedding of their own."""
        return cls(
            start_ND=torch.from_numpy(start_ND),
            has_own_N=torch.from_numpy(train.distinct_users_per_item() >= min_users),
            attributes_NA=torch.from_numpy(attributes_NA),
            attributes=int(attributes_NA.max(initial=0)),
        )

    def forward(self, rows: Tensor) -> Tensor:
        """Return the vectors of the given rows, shape ``(*rows.shape, D)``."""
        own: Tensor = self.items(rows) * self.own_N[rows].unsqueeze(-1)
        if self.attributes_NA.shape[1] == 0:
            return own
        # A bag, not a lookup and a sum: its gradient is a third of the time, and nothing of shape (…, A, D) is stored.
        bags = self.attributes_NA[rows].flatten(end_dim=-2)
        summed = functional.embedding_bag(bags, self.attributes.weight, mode="sum", padding_idx=0)
        vectors: Tensor = own + summed.view_as(own)
        return vectors

    def all_items(self) -> Tensor:
        """Return the vectors of all items, shape (N, D), without the padding row."""
        return self.forward(torch.arange(1, len(self.own_N), device=self.own_N.device))
