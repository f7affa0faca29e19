"""A causal transformer over typed interactions (the SASRec family), with item attributes tied on input and output.

Source: W.-C. Kang, J. McAuley, "Self-attentive sequential recommendation", ICDM 2018; trained with cross-entropy, which
matters more than the architecture: A. Klenitskiy, A. Vasilev, "Turning dross into gold loss", RecSys 2023.

Shapes: B histories, L interactions (padded on the right), D width, N items, A attributes of an item (padded with 0).
Row 0 of every embedding is padding; item code i has row i + 1.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.recommender.config import TransformerConfig
from models.recommender.dataset import Interactions
from models.recommender.full_softmax import full_cross_entropy
from models.recommender.history import BEHAVIOURS


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
    def over(
        cls,
        train: Interactions,
        attributes_NA: NDArray[np.int64],
        start_ND: NDArray[np.float32],
        *,
        fewest_users: int = 1,
    ) -> "ItemTable":
        """Return the untrained table of a catalogue; items of fewer users have no embedding of their own."""
        return cls(
            start_ND=torch.from_numpy(start_ND),
            has_own_N=torch.from_numpy(train.distinct_users_per_item() >= fewest_users),
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


class Block(nn.Module):
    """Pre-norm causal self-attention and a feed-forward layer."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.attention_norm = nn.LayerNorm(config.width)
        self.queries_keys_values = nn.Linear(config.width, 3 * config.width)
        self.attention_out = nn.Linear(config.width, config.width)
        self.wide_norm = nn.LayerNorm(config.width)
        self.wide = nn.Linear(config.width, 4 * config.width)
        self.wide_out = nn.Linear(4 * config.width, config.width)
        self.drop = nn.Dropout(config.dropout)
        # Both branches start silent: the untrained model says "like the last item", which is item-kNN.
        for last in (self.attention_out, self.wide_out):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, hidden_BLD: Tensor) -> Tensor:
        """Return the block's output; padding is on the right, so the causal mask already hides it."""
        batch, length, width = hidden_BLD.shape
        split = self.queries_keys_values(self.attention_norm(hidden_BLD))
        queries, keys, values = split.view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        # Written out: for histories of 50 at most the fused kernel's gradient takes five times as long in bf16 on CPUs.
        ahead_LL = torch.ones(length, length, dtype=torch.bool, device=hidden_BLD.device).triu(1)
        weights_BHLL = (queries @ keys.transpose(-1, -2)) * (width // self.heads) ** -0.5
        weights_BHLL = weights_BHLL.masked_fill(ahead_LL, float("-inf")).softmax(dim=-1).to(values.dtype)
        attended = weights_BHLL @ values
        mixed = self.attention_out(attended.transpose(1, 2).reshape(batch, length, width))
        hidden_BLD = hidden_BLD + self.drop(mixed)
        fed = self.wide_out(functional.gelu(self.wide(self.wide_norm(hidden_BLD))))
        out_BLD: Tensor = hidden_BLD + self.drop(fed)
        return out_BLD

    def after(self, hidden_BLD: Tensor, last_B: Tensor) -> Tensor:
        """Return the output at each row's place ``last_B`` alone, shape (B, D); as it is served, nothing is dropped.

        One place asks, so keys and values need no product per place: the query goes through the keys' weights before it
        meets the states, and what it finds through the values' weights after that. The keys' bias is the same for all.
        """
        batch, length, width = hidden_BLD.shape
        each = width // self.heads
        normed_B1LD = self.attention_norm(hidden_BLD).unsqueeze(1)
        ask, keys, values = self.queries_keys_values.weight.view(3, self.heads, each, width)
        ask_bias, _, values_bias = self.queries_keys_values.bias.view(3, width)
        asked_BD = at(normed_B1LD.squeeze(1), last_B)
        queries = functional.linear(asked_BD, ask.reshape(width, width), ask_bias).view(batch, self.heads, 1, each)
        weights_BH1L = (queries @ keys) @ normed_B1LD.transpose(-1, -2) * each**-0.5
        ahead_BL = torch.arange(length, device=hidden_BLD.device) > last_B.unsqueeze(1)
        weights_BH1L = weights_BH1L.masked_fill(ahead_BL[:, None, None, :], float("-inf")).softmax(dim=-1)
        attended_BD = ((weights_BH1L @ normed_B1LD) @ values.transpose(-1, -2)).reshape(batch, width) + values_bias
        state_BD = at(hidden_BLD, last_B) + self.attention_out(attended_BD)
        out_BD: Tensor = state_BD + self.wide_out(functional.gelu(self.wide(self.wide_norm(state_BD))))
        return out_BD


class Encoder(nn.Module):
    """From item vectors and behaviours to what the shopper is about to want."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.scale = config.width**0.5
        self.behaviours = nn.Embedding(len(BEHAVIOURS) + 1, config.width, padding_idx=0)
        self.positions = nn.Embedding(config.length, config.width)
        self.drop = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        for embedding in (self.behaviours, self.positions):
            nn.init.normal_(embedding.weight, std=0.02)

    def forward(self, items_BLD: Tensor, behaviours_BL: Tensor) -> Tensor:
        """Return the hidden state after each interaction, shape (B, L, D)."""
        hidden_BLD = self.drop(self._entered(items_BLD, behaviours_BL))
        for block in self.blocks:
            hidden_BLD = block(hidden_BLD)
        out_BLD: Tensor = self.norm(hidden_BLD)
        return out_BLD

    def last(self, items_BLD: Tensor, behaviours_BL: Tensor) -> Tensor:
        """Return the hidden state after each row's last interaction alone, as it is served, shape (B, D)."""
        hidden_BLD = self._entered(items_BLD, behaviours_BL)
        *before, final = self.blocks
        for block in before:
            hidden_BLD = block(hidden_BLD)
        out_BD: Tensor = self.norm(cast(Block, final).after(hidden_BLD, last_places(behaviours_BL)))
        return out_BD

    def _entered(self, items_BLD: Tensor, behaviours_BL: Tensor) -> Tensor:
        positions_L = torch.arange(behaviours_BL.shape[1], device=behaviours_BL.device)
        entered_BLD: Tensor = (items_BLD + self.behaviours(behaviours_BL)) * self.scale + self.positions(positions_L)
        return entered_BLD


class SequenceModel(nn.Module):
    """Item table and encoder; a score is the dot product of a hidden state and an item's vector."""

    def __init__(self, table: ItemTable, encoder: nn.Module) -> None:
        super().__init__()
        self.table = table
        self.encoder = encoder

    def forward(self, rows_BL: Tensor, behaviours_BL: Tensor, targets_BL: Tensor, negatives_K: Tensor) -> Tensor:
        """Return the summed cross-entropy of the targets (0 where there is none), a scalar.

        With ``negatives_K`` empty the softmax runs over all items; else over the target and the K rows, each logit
        of a negative raised by log((N - 1) / K), so that the sampled sum estimates the full one.
        """
        wanted = targets_BL > 0
        targets_T = targets_BL[wanted]
        if len(negatives_K) == 0:
            # Both ends need vectors, the output all of them: compose each once a step and look the inputs up.
            vectors_ND = self.table.all_items()
            items_BLD = functional.embedding((rows_BL - 1).clamp(min=0), vectors_ND)
            hidden_TD = self.encoder(items_BLD, behaviours_BL)[wanted]
            return full_cross_entropy(hidden_TD, vectors_ND, targets_T - 1)
        hidden_TD = self.encoder(self.table(rows_BL), behaviours_BL)[wanted]
        positive_T = (hidden_TD * self.table(targets_T)).sum(dim=-1)
        items = len(self.table.own_N) - 1
        correction = torch.log(torch.tensor((items - 1) / len(negatives_K)))
        negative_TK = hidden_TD @ self.table(negatives_K).T + correction
        negative_TK = negative_TK.masked_fill(negatives_K == targets_T.unsqueeze(1), float("-inf"))
        logits = torch.cat([positive_T.unsqueeze(1), negative_TK], dim=1).float()
        return functional.cross_entropy(logits, torch.zeros_like(targets_T), reduction="sum")

    def last_hidden(self, rows_BL: Tensor, behaviours_BL: Tensor) -> Tensor:
        """Return the hidden state after each history's last interaction, shape (B, D)."""
        return last_state(self.encoder(self.table(rows_BL), behaviours_BL), behaviours_BL)


def last_state(hidden_BLD: Tensor, behaviours_BL: Tensor) -> Tensor:
    """Pick the state after the last interaction of each row; a row of padding alone gives that of its first place."""
    return at(hidden_BLD, last_places(behaviours_BL))


def last_places(behaviours_BL: Tensor) -> Tensor:
    """Return the place of each row's last interaction, shape (B,); 0 in a row of padding alone."""
    return (behaviours_BL > 0).sum(dim=1).clamp(min=1) - 1


def at(hidden_BLD: Tensor, places_B: Tensor) -> Tensor:
    """Return the state at one place of each row, shape (B, D)."""
    return hidden_BLD.gather(1, places_B.view(-1, 1, 1).expand(-1, 1, hidden_BLD.shape[2])).squeeze(1)


class Exported(nn.Module):
    """What is served: item vectors are composed once, and the last hidden states of all members come out.

    The items' vectors live outside the graph (``item_vectors_BLD`` goes in), so that one matrix serves both ends.
    """

    def __init__(self, encoders: Sequence[nn.Module]) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)

    def forward(self, item_vectors_BLD: Tensor, behaviours_BL: Tensor) -> Tensor:
        """Return the members' hidden states after the last interaction, side by side, shape (B, M·D)."""
        parts = item_vectors_BLD.chunk(len(self.encoders), dim=-1)
        states = [
            cast(Encoder, encoder).last(part_BLD, behaviours_BL)
            for encoder, part_BLD in zip(self.encoders, parts, strict=True)
        ]
        return torch.cat(states, dim=-1)
