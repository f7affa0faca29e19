"""What the model reads: utterances as tensors, in training exactly as in the service."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from models.intent.config import IntentConfig
from models.intent.corpus import Utterance
from models.intent.model import IntentModel
from models.intent.ngrams import ngram_batch
from models.intent.predict import tokenize
from models.text.normalise import encoder_text, knows_chinese, normalise
from shopsight.contracts import INTENTS

ENCODING_BATCH: Final = 64


class Reader:
    """Turns texts into the model's inputs, exactly as the service does."""

    def __init__(self, tokenizer_file: Path, config: IntentConfig) -> None:
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        padding = self._tokenizer.padding or {"pad_id": 0, "pad_token": "[PAD]"}
        self._tokenizer.enable_truncation(config.max_tokens)
        self._tokenizer.enable_padding(pad_id=padding["pad_id"], pad_token=padding["pad_token"])
        self._buckets = config.ngram_buckets
        self._knows_chinese = knows_chinese(self._tokenizer.get_vocab())

    def batch(self, texts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Return word pieces, their mask and n-grams, each ``(texts, …)``."""
        clean = [normalise(text) for text in texts]
        pieces = tokenize(self._tokenizer, [encoder_text(t, encoder_knows_chinese=self._knows_chinese) for t in clean])
        arrays = (pieces["input_ids"], pieces["attention_mask"], ngram_batch(clean, buckets=self._buckets))
        ids, mask, ngrams = (torch.from_numpy(array).to(device) for array in arrays)
        return ids, mask, ngrams

    def length(self, text: str) -> int:
        """Return roughly how much the encoder has to read, to batch like with like."""
        return len(encoder_text(text, encoder_knows_chinese=self._knows_chinese))


@torch.inference_mode()
def encode(model: IntentModel, reader: Reader, texts: Sequence[Utterance], *, autocast: Callable[[], Any]) -> Tensor:
    """Return encoder outputs ``(texts, width)`` on the CPU, in the order of ``texts``.

    Where the encoder does not know Chinese, all Chinese texts have zeros, as an empty text has.
    """
    model.eval()
    out = torch.zeros(len(texts), model.norm.normalized_shape[0])
    order = sorted(range(len(texts)), key=lambda i: reader.length(texts[i].text))
    for start in range(0, len(order), ENCODING_BATCH):
        rows = order[start : start + ENCODING_BATCH]
        ids, mask, _ = reader.batch([texts[i].text for i in rows], model.head.weight.device)
        with autocast():
            out[rows] = model.encode(ids, mask).float().cpu()
    return out


@torch.inference_mode()
def read_logits(model: IntentModel, reader: Reader, texts: Sequence[Utterance]) -> NDArray[np.float64]:
    """Return logits ``(texts, labels)``, in the order of ``texts``."""
    model.eval()
    out = np.zeros((len(texts), len(INTENTS)))
    order = sorted(range(len(texts)), key=lambda i: reader.length(texts[i].text))
    for start in range(0, len(order), ENCODING_BATCH):
        rows = order[start : start + ENCODING_BATCH]
        out[rows] = model(*reader.batch([texts[i].text for i in rows], model.head.weight.device)).float().cpu().numpy()
    return out
