"""A causal transformer over typed interactions (the SASRec family), with item attributes tied on input and output.

Source: W.-C. Kang, J. McAuley, "Self-attentive sequential recommendation", ICDM 2018; trained with cross-entropy, which
matters more than the architecture: A. Klenitskiy, A. Vasilev, "Turning dross into gold loss", RecSys 2023.

Shapes: B histories, L interactions (padded on the right), D size of a state, H heads, E size of a head (D = H·E), N
items, T targets, K negatives, M members of an ensemble. Row 0 of every embedding is padding; item code i has row i + 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.recommender.history import BEHAVIOURS
from models.recommender.transformer.item_table import ItemTable
from models.recommender.transformer.loss import full_cross_entropy
from shopsight.contracts import HISTORY_LENGTH


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """A causal transformer over the last interactions (the SASRec family)."""

    max_length: int = HISTORY_LENGTH
    """Longest history in interactions."""
    members: int = 1
    """Transformers whose scores are added up; they differ in their seed."""
    random_starts: int = 0
    """Members, the last ones, whose item vectors start at random and not as factors of item-kNN: worse alone, they
    make other mistakes."""
    hidden_size: int = 64
    """Size of an item's vector and of a state."""
    num_layers: int = 1
    """Transformer blocks."""
    num_heads: int = 2
    """Attention heads; ``hidden_size`` must be a multiple."""
    dropout: float = 0.2
    """Share of activations dropped in training."""
    interaction_dropout: float = 0.0
    """Share of a history's interactions that training leaves out, other ones in each epoch: a history that never comes
    twice in the same shape is not learnt by heart."""
    min_item_users: int = 1
    """Items with fewer distinct users have no embedding of their own; their category and brand still stand for them."""
    batch_size: int = 64
    """Histories per optimiser step, over all processes."""
    batch_places: int = 0
    """Interactions, padding included, up to which a step of short histories takes more of them; 0 takes no more."""
    learning_rate: float = 3e-3
    """Peak rate of AdamW, reached after ``warmup_steps``."""
    warmup_steps: int = 20
    """Steps of linear warm-up; the rate is constant after them, so that a run can stop at any epoch."""
    weight_decay: float = 1e-2
    """AdamW's decoupled weight decay."""
    max_gradient_norm: float = 1.0
    """Gradients are clipped to this norm."""
    ema_decay: float = 0.0
    """Decay per step of the moving average of the weights, which is what is validated and kept; 0 keeps the last."""
    epochs: int = 4
    """At most this many passes over the training histories."""
    patience: int = 3
    """Stop after this many epochs without a better validation NDCG@10."""
    stopping_cases: int = 1_500
    """Validation cases, evenly spaced, that are read after each epoch: many more would take as long as the epoch."""
    full_softmax_items: int = 4_000
    """Up to this many items the loss is the full cross-entropy; above it, over shared sampled negatives."""
    negatives: int = 1_000
    """Sampled negatives per step, corrected by log((n - 1) / negatives)."""

    def __post_init__(self) -> None:
        if not 0 <= self.random_starts <= self.members:
            raise ValueError(f"random_starts must be 0 to members, not {self.random_starts}")
        if self.hidden_size % self.num_heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of num_heads {self.num_heads}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), not {self.dropout}")
        if not 0 <= self.interaction_dropout < 1:
            raise ValueError(f"interaction_dropout must be in [0, 1), not {self.interaction_dropout}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must be in [0, 1), not {self.ema_decay}")
        counts = (
            self.max_length,
            self.members,
            self.hidden_size,
            self.num_layers,
            self.num_heads,
            self.batch_size,
            self.epochs,
            self.negatives,
        )
        if min(*counts, self.min_item_users, self.patience, self.stopping_cases, self.full_softmax_items) < 1:
            raise ValueError("lengths, sizes and counts must be at least 1")
        if self.batch_places < 0:
            raise ValueError(f"batch_places cannot be negative, not {self.batch_places}")
        if self.learning_rate <= 0 or self.max_gradient_norm <= 0 or self.weight_decay < 0 or self.warmup_steps < 0:
            raise ValueError("rates and norms must be positive")


class Attention(nn.Module):
    """Causal self-attention: of every place for training, of one place for serving.

    Written out, not the fused kernel: of histories of 50 at most its gradient takes five times as long in bf16 on CPUs.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.queries_keys_values = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.out = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, states_BLD: Tensor) -> Tensor:
        """Return what each place reads of itself and of those before it, shape (B, L, D)."""
        batch, length, size = states_BLD.shape
        split = self.queries_keys_values(states_BLD).view(batch, length, 3, self.num_heads, size // self.num_heads)
        queries_BHLE, keys_BHLE, values_BHLE = split.permute(2, 0, 3, 1, 4)
        later_LL = torch.ones(length, length, dtype=torch.bool, device=states_BLD.device).triu(1)
        weights_BHLL = (queries_BHLE @ keys_BHLE.transpose(-1, -2)) * (size // self.num_heads) ** -0.5
        weights_BHLL = weights_BHLL.masked_fill(later_LL, float("-inf")).softmax(dim=-1).to(values_BHLE.dtype)
        read_BHLE = weights_BHLL @ values_BHLE
        out_BLD: Tensor = self.out(read_BHLE.transpose(1, 2).reshape(batch, length, size))
        return out_BLD

    def at_place(self, states_BLD: Tensor, places_B: Tensor) -> Tensor:
        """Return what :meth:`forward` returns at one place of each row, shape (B, D), for a part of the products.

        Keys and values of the other places need no products of their own: the query goes through the keys' weights
        before it meets the states, and what it reads through the values' weights after that. The keys' bias adds the
        same to every weight, which the softmax takes off again.
        """
        batch, length, size = states_BLD.shape
        head_size = size // self.num_heads
        query_DD, keys_HED, values_HED = self.queries_keys_values.weight.view(3, self.num_heads, head_size, size)
        query_bias_D, _, values_bias_D = self.queries_keys_values.bias.view(3, size)
        asking_BD = state_at(states_BLD, places_B)
        queries_BH1E = functional.linear(asking_BD, query_DD.reshape(size, size), query_bias_D).view(
            batch, self.num_heads, 1, head_size
        )
        states_B1LD = states_BLD.unsqueeze(1)
        weights_BH1L = (queries_BH1E @ keys_HED) @ states_B1LD.transpose(-1, -2) * head_size**-0.5
        later_BL = torch.arange(length, device=states_BLD.device) > places_B.unsqueeze(1)
        weights_BH1L = weights_BH1L.masked_fill(later_BL[:, None, None, :], float("-inf")).softmax(dim=-1)
        read_BH1E = (weights_BH1L @ states_B1LD) @ values_HED.transpose(-1, -2)
        out_BD: Tensor = self.out(read_BH1E.reshape(batch, size) + values_bias_D)
        return out_BD


class Layer(nn.Module):
    """Attention and a feed-forward network, each on normalised states and added to them."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.hidden_size)
        self.attention = Attention(config)
        self.feed_norm = nn.LayerNorm(config.hidden_size)
        self.expand = nn.Linear(config.hidden_size, 4 * config.hidden_size)
        self.contract = nn.Linear(4 * config.hidden_size, config.hidden_size)
        self.drop = nn.Dropout(config.dropout)
        # Both branches start silent: the untrained model says "like the last item", which is item-kNN.
        for last in (self.attention.out, self.contract):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, states_BLD: Tensor) -> Tensor:
        """Return the states after this layer; padding is on the right, so the causal mask already hides it."""
        return self._fed(states_BLD + self.drop(self.attention(self.attention_norm(states_BLD))))

    def at_place(self, states_BLD: Tensor, places_B: Tensor) -> Tensor:
        """Return the state after this layer at one place of each row alone, shape (B, D)."""
        read_BD = self.attention.at_place(self.attention_norm(states_BLD), places_B)
        return self._fed(state_at(states_BLD, places_B) + self.drop(read_BD))

    def _fed(self, states: Tensor) -> Tensor:
        fed: Tensor = states + self.drop(self.contract(functional.gelu(self.expand(self.feed_norm(states)))))
        return fed


class Encoder(nn.Module):
    """From item vectors and behaviours to what the shopper is about to want."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.scale = config.hidden_size**0.5
        self.behaviours = nn.Embedding(len(BEHAVIOURS) + 1, config.hidden_size, padding_idx=0)
        self.positions = nn.Embedding(config.max_length, config.hidden_size)
        self.drop = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.hidden_size)
        for embedding in (self.behaviours, self.positions):
            nn.init.normal_(embedding.weight, std=0.02)

    def forward(self, items_BLD: Tensor, behaviours_BL: Tensor) -> Tensor:
        """Return the hidden state after each interaction, shape (B, L, D)."""
        states_BLD = self.drop(self._embedded(items_BLD, behaviours_BL))
        for layer in self.layers:
            states_BLD = layer(states_BLD)
        out_BLD: Tensor = self.norm(states_BLD)
        return out_BLD

    def last(self, items_BLD: Tensor, behaviours_BL: Tensor) -> Tensor:
        """Return the hidden state after each row's last interaction alone, as it is served, shape (B, D)."""
        states_BLD = self._embedded(items_BLD, behaviours_BL)
        *before, final = self.layers
        for layer in before:
            states_BLD = layer(states_BLD)
        out_BD: Tensor = self.norm(cast(Layer, final).at_place(states_BLD, last_places(behaviours_BL)))
        return out_BD

    def _embedded(self, items_BLD: Tensor, behaviours_BL: Tensor) -> Tensor:
        positions_L = torch.arange(behaviours_BL.shape[1], device=behaviours_BL.device)
        embedded_BLD: Tensor = (items_BLD + self.behaviours(behaviours_BL)) * self.scale + self.positions(positions_L)
        return embedded_BLD


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
        return state_at(self.encoder(self.table(rows_BL), behaviours_BL), last_places(behaviours_BL))


def last_places(behaviours_BL: Tensor) -> Tensor:
    """Return the place of each row's last interaction, shape (B,); 0 in a row of padding alone."""
    return (behaviours_BL > 0).sum(dim=1).clamp(min=1) - 1


def state_at(hidden_BLD: Tensor, places_B: Tensor) -> Tensor:
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
