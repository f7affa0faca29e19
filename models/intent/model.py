"""The classifier: a pre-trained sentence encoder, a hashed character path for Chinese, and one linear head.

Shapes: B texts, T word pieces, N n-grams, D encoder width, L labels.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel

from models.intent.config import IntentConfig
from models.text.encoder import find_encoder
from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError


class IntentModel(nn.Module):
    """Logits of the five labels: a linear head on the encoder plus a table of logits by hashed character n-gram.

    The table starts at zero, so that an n-gram that training never saw has no say.
    """

    def __init__(self, encoder: nn.Module, *, width: int, special_tokens: int, config: IntentConfig) -> None:
        super().__init__()
        self.special_tokens = special_tokens
        self.encoder = encoder
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(width, len(INTENTS))
        self.ngrams = nn.Embedding(config.ngram_buckets + 1, len(INTENTS), padding_idx=0)
        nn.init.zeros_(self.ngrams.weight)

    def encode(self, input_ids_BT: Tensor, attention_mask_BT: Tensor) -> Tensor:
        """Return the mean of the last hidden states over the word pieces, normalised, ``(B, D)``.

        Of a text that the encoder cannot read (the reader then hands it the special tokens alone) that is zeros: what
        it makes of an empty text would shift with every fine-tuning, and have a say in texts that only the table reads.
        """
        hidden_BTD = self.encoder(input_ids=input_ids_BT, attention_mask=attention_mask_BT).last_hidden_state
        mask_BT1 = attention_mask_BT.unsqueeze(-1).to(hidden_BTD.dtype)
        mean_BD = (hidden_BTD * mask_BT1).sum(dim=1) / mask_BT1.sum(dim=1).clamp(min=1.0)
        reads_B1 = (attention_mask_BT.sum(dim=1, keepdim=True) > self.special_tokens).float()
        normed: Tensor = self.norm(mean_BD.float()) * reads_B1
        return normed

    def classify(self, encoded_BD: Tensor, ngram_ids_BN: Tensor) -> Tensor:
        """Return logits ``(B, L)`` of encoded texts; a text without n-grams gets nothing from the table."""
        present_BN1 = (ngram_ids_BN > 0).unsqueeze(-1).to(encoded_BD.dtype)
        # Divided by the root of the count, a long text is surer than a short one, but not in proportion.
        table_BL = self.ngrams(ngram_ids_BN).sum(dim=1) / present_BN1.sum(dim=1).clamp(min=1.0).sqrt()
        logits_BL: Tensor = self.head(self.dropout(encoded_BD)) + table_BL
        return logits_BL

    def forward(self, input_ids: Tensor, attention_mask: Tensor, ngram_ids: Tensor) -> Tensor:
        """Return logits ``(B, L)``; the names are the inputs of the exported graph."""
        return self.classify(self.encode(input_ids, attention_mask), ngram_ids)

    def freeze_lower(self, layers: int) -> None:
        """Keep the embeddings and the lowest ``layers`` as they were pre-trained.

        Raises:
            ShopsightError: the encoder has fewer layers, or names them in a way that is not known here.
        """
        stacks = [m for m in self.encoder.modules() if isinstance(m, nn.ModuleList) and len(m) > 1]
        if layers and (not stacks or len(stacks[0]) < layers):
            raise ShopsightError(
                f"cannot freeze {layers} layers of the text encoder",
                why=f"it has {len(stacks[0]) if stacks else 'no'} stacked layers",
                fix="set frozen_layers of the intent configuration to 0",
            )
        if layers:
            for parameter in self._embedding_parameters(stacks[0]):
                parameter.requires_grad = False
            for layer in stacks[0][:layers]:
                layer.requires_grad_(False)

    def _embedding_parameters(self, stack: nn.ModuleList) -> Iterator[nn.Parameter]:
        stacked = {id(p) for p in stack.parameters()}
        for name, parameter in self.encoder.named_parameters():
            if id(parameter) not in stacked and "pooler" not in name:
                yield parameter


def build_model(config: IntentConfig) -> tuple[IntentModel, Path]:
    """Return the untrained classifier on its pre-trained encoder, and the encoder's ``tokenizer.json``.

    Raises:
        ShopsightError: the encoder or its tokenizer is not on this machine.
    """
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = find_encoder(config.encoder)
    tokenizer_file = folder / "tokenizer.json"
    if not tokenizer_file.exists():
        raise ShopsightError(
            f"the text encoder {config.encoder!r} cannot be served",
            why=f"{folder} has no tokenizer.json, which the service reads without transformers",
            fix="choose an encoder that ships a fast tokenizer",
        )
    encoder = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    special_tokens = Tokenizer.from_file(str(tokenizer_file)).num_special_tokens_to_add(False)
    width = int(encoder.config.hidden_size)
    return IntentModel(encoder, width=width, special_tokens=special_tokens, config=config), tokenizer_file
