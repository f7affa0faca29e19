"""Teach a model without layers what the fine-tuned encoder answers.

Its word pieces start from the encoder's own embeddings, cut to their principal components, so that a word that no
training text holds has a meaning; they stay as they are. Source: G. Hinton et al., "Distilling the knowledge in a
neural network" (2015), at temperature 1: label smoothing made the targets soft already.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from models.evaluation.calibration import softmax
from models.intent.config import IntentConfig
from models.intent.static_model import StaticModel, mean_pieces, read_static
from shopsight.contracts import INTENTS

WIDTH = 64
HIDDEN = 128
BATCH = 256
LEARNING_RATE = 1e-2


def distil(
    texts: Sequence[str],
    teacher_logits: NDArray[np.floating],
    embeddings: Tensor,
    *,
    tokenizer: Tokenizer,
    encoder_knows_chinese: bool,
    config: IntentConfig,
    seed: int,
) -> StaticModel:
    """Return a static model that answers like its teacher.

    Args:
        texts: normalised texts.
        teacher_logits: what the teacher says of them, shape ``(texts, labels)``.
        embeddings: the encoder's word-piece embeddings, shape ``(vocabulary, width)``.
        tokenizer: the encoder's, cutting off as the teacher does, without padding.
        encoder_knows_chinese: whether word pieces of Chinese texts say anything.
        config: gives the buckets and the epochs.
        seed: of the weights and the order of the texts.
    """
    torch.manual_seed(seed)
    pieces_VD = principal_components(embeddings, width=WIDTH).numpy()
    inputs = read_static(tokenizer, texts, buckets=config.ngram_buckets, encoder_knows_chinese=encoder_knows_chinese)
    mean_ND, grams = torch.from_numpy(mean_pieces(pieces_VD, inputs.pieces)), torch.from_numpy(inputs.grams_BN)
    scale_N1 = (grams > 0).sum(dim=1, keepdim=True).clamp(min=1).sqrt()
    targets = torch.from_numpy(softmax(teacher_logits)).float()
    # Summed by hand: EmbeddingBag with a padding index takes eight times as long on a CPU.
    table = nn.Embedding(config.ngram_buckets + 1, len(INTENTS), padding_idx=0)
    nn.init.zeros_(table.weight)
    hidden, head, dropout = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, len(INTENTS)), nn.Dropout(0.2)
    dense = [*hidden.parameters(), *head.parameters()]
    peaks = (2 * LEARNING_RATE, LEARNING_RATE)
    groups: list[dict[str, Any]] = [{"params": table.parameters()}, {"params": dense}]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE)
    rng = np.random.default_rng(seed)
    steps = max(1, config.distillation_epochs * len(texts) // BATCH)
    for step in range(steps):
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * (1 - step / steps)
        rows = torch.from_numpy(rng.integers(0, len(texts), min(BATCH, len(texts))))
        logits = head(dropout(torch.relu(hidden(mean_ND[rows])))) + table(grams[rows]).sum(dim=1) / scale_N1[rows]
        loss = nn.functional.cross_entropy(logits, targets[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return StaticModel(
        pieces_VD=pieces_VD.astype(np.float16),
        hidden_HD=hidden.weight.detach().numpy(),
        hidden_bias_H=hidden.bias.detach().numpy(),
        head_LH=head.weight.detach().numpy(),
        head_bias_L=head.bias.detach().numpy(),
        grams_GL=table.weight.detach().numpy(),
    )


def principal_components(embeddings: Tensor, *, width: int) -> Tensor:
    """Return the rows in their first ``width`` principal components, at unit variance over all."""
    centred = embeddings.detach().float().cpu() - embeddings.detach().float().cpu().mean(dim=0)
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    cut: Tensor = centred @ vectors[:, -width:]
    return cut / float(cut.std().clamp(min=1e-6))
