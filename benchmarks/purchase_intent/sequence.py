"""Purchase intent from the events of a session in order: a GRU and a causal transformer over typed events.

Each event is its type, the time since the one before (in logarithmic buckets) and a row of signals (price, what is
known of the item and the shopper); after each event the network says the log odds of a purchase later in the session.

Sources: B. Hidasi et al., "Session-based recommendations with recurrent neural networks", ICLR 2016; H. Sheil et al.,
"Predicting purchasing intent: automatic feature learning using recurrent neural networks", SIGIR eCom 2018.

Shapes: R rows (events that are predicted from), F signals, B sessions of a batch, L events of the longest, D width.
"""

import copy
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = Literal["gru", "transformer"]

GAP_BUCKETS = 16
"""Buckets of the time between events: under 1 s, 2 s, 4 s, and so on to half a day."""


@dataclass(frozen=True, kw_only=True)
class SequenceConfig:
    """Size of the network and how it is trained."""

    kind: Kind = "gru"
    """Which network."""
    width: int = 48
    """Width of event vectors and states."""
    blocks: int = 1
    """Layers of the GRU, or blocks of the transformer."""
    heads: int = 4
    """Attention heads of the transformer."""
    max_length: int = 128
    """Positions that the transformer tells apart; later events share the last one."""
    dropout: float = 0.2
    """Share of each vector dropped in training."""
    epochs: int = 20
    """Most passes over the sessions; validation stops earlier."""
    patience: int = 3
    """Epochs without a lower validation loss before training stops."""
    batch: int = 128
    """Sessions of a step."""
    learning_rate: float = 2e-3
    """Peak of AdamW's rate, which rises over a tenth of the steps and falls linearly."""
    weight_decay: float = 0.05
    """AdamW's decay."""

    def __post_init__(self) -> None:
        """Refuse settings that no run can have."""
        if min(self.width, self.blocks, self.heads, self.max_length, self.epochs, self.patience, self.batch) < 1:
            raise ValueError("sizes, epochs, patience and batch must be at least 1")
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, got {self.width} and {self.heads}")
        if not 0 <= self.dropout < 1 or self.learning_rate <= 0 or self.weight_decay < 0:
            raise ValueError("dropout lies in [0, 1), learning_rate above 0, weight_decay not below it")

    def for_epochs(self, epochs: int) -> "SequenceConfig":
        """Return the settings of a refit that makes as many passes as validation found best."""
        return replace(self, epochs=epochs)


@dataclass(frozen=True, kw_only=True)
class EventRows:
    """Events that are predicted from; the rows of a session are neighbours and in order."""

    types: Ints
    """Type of each event, from 0; shape (R,)."""
    gaps: Floats
    """Seconds since the event before, 0 for the first; shape (R,)."""
    signals_RF: Floats
    """Numbers of each event, ``nan`` where missing."""
    sessions: Ints
    """Session number of each row, rising; shape (R,)."""
    outcomes: NDArray[np.bool_]
    """Whether a purchase follows; shape (R,)."""

    def take(self, rows: NDArray[np.bool_]) -> "EventRows":
        """Return the rows where ``rows`` is true: whole sessions, or their beginnings."""
        return EventRows(
            types=self.types[rows],
            gaps=self.gaps[rows],
            signals_RF=self.signals_RF[rows],
            sessions=self.sessions[rows],
            outcomes=self.outcomes[rows],
        )

    def places(self) -> list[Ints]:
        """Return the rows of each session."""
        opens = np.flatnonzero(np.diff(self.sessions, prepend=self.sessions[:1] - 1))
        return np.split(np.arange(len(self.sessions)), opens[1:]) if len(opens) else []


@dataclass(frozen=True, kw_only=True)
class SignalScale:
    """Puts signals on one scale: signed logarithm, then mean 0 and spread 1, a flag beside each that can be missing."""

    means: Floats
    spreads: Floats
    can_miss: NDArray[np.bool_]

    @classmethod
    def fit(cls, signals_RF: Floats) -> "SignalScale":
        """Learn from training rows; a column that never moves, or is always missing, says nothing."""
        logs = _signed_log(signals_RF)
        there = ~np.isnan(logs)
        counts = np.maximum(there.sum(axis=0), 1)
        means = np.where(there, logs, 0.0).sum(axis=0) / counts
        spreads = np.sqrt((np.where(there, logs - means, 0.0) ** 2).sum(axis=0) / counts)
        return cls(means=means, spreads=np.where(spreads > 1e-9, spreads, 1.0), can_miss=np.asarray(~there.all(axis=0)))

    def __call__(self, signals_RF: Floats) -> NDArray[np.float32]:
        """Return scaled signals with the flags after them, missing ones as 0."""
        scaled = (_signed_log(signals_RF) - self.means) / self.spreads
        flags = np.isnan(scaled[:, self.can_miss])
        return np.concatenate([np.nan_to_num(scaled), flags], axis=1).astype(np.float32)


class EventNetwork(nn.Module):
    """Log odds after each event; what comes later in the session never reaches it."""

    def __init__(self, config: SequenceConfig, *, types: int, inputs: int) -> None:
        super().__init__()
        self.config = config
        self.types = nn.Embedding(types, config.width)
        self.gaps = nn.Embedding(GAP_BUCKETS, config.width)
        self.signals = nn.Linear(inputs, config.width)
        self.dropout = nn.Dropout(config.dropout)
        if config.kind == "gru":
            self.gru = nn.GRU(config.width, config.width, num_layers=config.blocks, batch_first=True)
        else:
            self.positions = nn.Embedding(config.max_length, config.width)
            block = nn.TransformerEncoderLayer(
                config.width,
                config.heads,
                2 * config.width,
                config.dropout,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            self.attention = nn.TransformerEncoder(block, config.blocks, enable_nested_tensor=False)
        self.head = nn.Sequential(
            nn.LayerNorm(2 * config.width),
            nn.Linear(2 * config.width, config.width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.width, 1),
        )

    def forward(self, types_BL: Tensor, gaps_BL: Tensor, signals_BLF: Tensor) -> Tensor:
        """Return log odds, shape (B, L); sessions are padded on the right, which a causal network never looks at."""
        events_BLD = self.types(types_BL) + self.gaps(gaps_BL) + self.signals(signals_BLF)
        inputs_BLD = self.dropout(events_BLD)
        length = types_BL.shape[1]
        if self.config.kind == "gru":
            states_BLD, _ = self.gru(inputs_BLD)
        else:
            at = torch.arange(length, device=types_BL.device).clamp(max=self.config.max_length - 1)
            mask = nn.Transformer.generate_square_subsequent_mask(length, device=types_BL.device)
            states_BLD = self.attention(inputs_BLD + self.positions(at), mask=mask, is_causal=True)
        log_odds: Tensor = self.head(torch.cat([states_BLD, events_BLD], dim=-1)).squeeze(-1)
        return log_odds


@dataclass(frozen=True, kw_only=True)
class SequenceModel:
    """A trained network with the scale of its signals."""

    network: EventNetwork
    scale: SignalScale
    epochs: int
    """Passes after which the validation loss was lowest; those of a refit are the same."""

    def log_odds(self, rows: EventRows) -> Floats:
        """Return uncalibrated log odds, shape (R,)."""
        scaled, log_odds_R = self.scale(rows.signals_RF), np.empty(len(rows.types))
        self.network.eval()
        with torch.inference_mode():
            for places in _batches(rows.places(), size=256):
                padded = _padded(places)
                logits_BL = self.network(*_inputs(rows, scaled, padded)).double().numpy()
                log_odds_R[padded[padded >= 0]] = logits_BL[padded >= 0]
        return log_odds_R


def fit_sequence(
    train: EventRows, validation: EventRows | None, *, config: SequenceConfig, types: int, seed: int
) -> SequenceModel:
    """Train until the validation loss stops falling; every session weighs the same, however long it is.

    Args:
        train: sessions to learn from.
        validation: later sessions that stop the training; without them ``config.epochs`` are made, no fewer.
        config: settings.
        types: number of event types.
        seed: of the weights, the order and the dropout.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    scale = SignalScale.fit(train.signals_RF)
    scaled = scale(train.signals_RF)
    network = EventNetwork(config, types=types, inputs=scaled.shape[1])
    places = train.places()
    steps = config.epochs * -(-len(places) // config.batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    warm = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(steps - warm, 1)))
    )
    best, best_loss, best_epoch = copy.deepcopy(network.state_dict()), float("inf"), 0
    for epoch in range(1, config.epochs + 1):
        network.train()
        for batch in _batches(places, size=config.batch, rng=rng):
            padded = _padded(batch)
            there = torch.from_numpy(padded >= 0)
            logits_BL = network(*_inputs(train, scaled, padded))
            wanted_BL = torch.from_numpy(train.outcomes[padded]).float()
            losses = nn.functional.binary_cross_entropy_with_logits(logits_BL, wanted_BL, reduction="none")
            loss = ((losses * there).sum(dim=1) / there.sum(dim=1)).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        if validation is None:
            continue
        loss_now = _loss(SequenceModel(network=network, scale=scale, epochs=epoch), validation)
        if loss_now < best_loss:
            best, best_loss, best_epoch = copy.deepcopy(network.state_dict()), loss_now, epoch
        elif epoch - best_epoch >= config.patience:
            break
    if validation is None:
        return SequenceModel(network=network, scale=scale, epochs=config.epochs)
    network.load_state_dict(best)
    return SequenceModel(network=network, scale=scale, epochs=best_epoch)


def _loss(model: SequenceModel, rows: EventRows) -> float:
    """Return the log loss, every session weighing the same."""
    log_odds = model.log_odds(rows)
    weights = 1.0 / np.bincount(rows.sessions)[rows.sessions]
    return float(np.average(np.logaddexp(0.0, log_odds) - rows.outcomes * log_odds, weights=weights))


def _batches(places: list[Ints], *, size: int, rng: np.random.Generator | None = None) -> list[list[Ints]]:
    """Return sessions in batches of similar length, which saves most of the padding; shuffled where there is a rng."""
    lengths = np.array([len(one) for one in places], dtype=np.float64)
    jitter = rng.random(len(places)) if rng is not None else 0.0
    order = np.argsort(np.log2(lengths) + jitter, kind="stable")
    batches = [[places[place] for place in order[begin : begin + size]] for begin in range(0, len(order), size)]
    return [batches[number] for number in rng.permutation(len(batches))] if rng is not None else batches


def _padded(places: list[Ints]) -> Ints:
    """Return the rows of sessions as one matrix, shape (B, L), -1 where a session is over."""
    padded = np.full((len(places), max(len(one) for one in places)), -1, dtype=np.int64)
    for row, one in enumerate(places):
        padded[row, : len(one)] = one
    return padded


def _inputs(rows: EventRows, scaled: NDArray[np.float32], padded: Ints) -> tuple[Tensor, Tensor, Tensor]:
    # A padded place shows the last row of all: whatever stands there, no earlier event sees it.
    buckets = np.clip(np.log2(np.maximum(rows.gaps[padded], 0.5)) + 1.0, 0, GAP_BUCKETS - 1).astype(np.int64)
    return torch.from_numpy(rows.types[padded]), torch.from_numpy(buckets), torch.from_numpy(scaled[padded])


def _signed_log(values: Floats) -> Floats:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)), dtype=np.float64)
