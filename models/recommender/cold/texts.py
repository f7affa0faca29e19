"""What a catalogue says of its items, as vectors of a frozen sentence encoder. For training: needs torch.

Shapes: N items, T texts of a batch, W word pieces, F width of the encoder.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

_TOGETHER = 64
_THREADS = 2
_UNREAD_SHARE = 0.1
"""Share of the texts that an encoder cannot read from which on another one reads them all."""
_READ = ("title", "category", "brand", "description")


def item_texts(items: pa.Table, item_ids: NDArray[np.object_]) -> list[str]:
    """Return title, category, brand and description of each item as one text, empty where the catalogue has none.

    A title that is the item's id is none: the mart writes it where a shop names no title.
    """
    columns = [name for name in _READ if name in items.column_names]
    texts: dict[str, str] = {}
    for row in items.select(["item_id", *columns]).to_pylist():
        parts = [str(row[name]) for name in columns if row[name] and row[name] != row["item_id"]]
        texts[row["item_id"]] = ". ".join(parts)
    return [texts.get(item_id, "") for item_id in item_ids]


@torch.inference_mode()
def encode_texts(
    texts: Sequence[str], *, encoder: str, max_tokens: int, accelerator: Accelerator
) -> NDArray[np.float32]:
    """Return the mean of the encoder's last states over each text's word pieces, norm 1, shape (N, F).

    An empty text has a row of zeros, and so has one in a script that the encoder's vocabulary was not made for. Where
    those are a tenth of the texts or more, the multilingual sentence encoder reads them all instead, so that items of
    both languages can be compared. 1,000 texts of 48 word pieces take 9 s of one processor with bf16 units and 19 s of
    one without; the multilingual one takes under a second.

    Args:
        texts: see :func:`item_texts`.
        encoder: ``bundled``, a local folder, or a cached Hugging Face id.
        max_tokens: word pieces that are read of a text.
        accelerator: device and precision.

    Raises:
        ShopsightError: the encoder is not on this machine.
    """
    import transformers
    from tokenizers import Tokenizer
    from transformers import AutoModel

    from models.text.encoder import find_encoder
    from models.text.normalise import encoder_text, knows_chinese, normalise
    from models.text.sentences import load_sentence_encoder

    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = find_encoder(encoder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    chinese = knows_chinese(tokenizer.get_vocab())
    clean = [normalise(text) for text in texts]
    read = [encoder_text(text, encoder_knows_chinese=chinese) for text in clean]
    unread = sum(bool(text) for text in clean) - sum(bool(text) for text in read)
    if unread and unread >= _UNREAD_SHARE * sum(bool(text) for text in clean):
        return load_sentence_encoder(threads=_THREADS).encode(clean)
    model = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()
    model.to(accelerator.device)
    padding = tokenizer.padding or {"pad_id": 0, "pad_token": "[PAD]"}
    tokenizer.enable_truncation(max_tokens)
    tokenizer.enable_padding(pad_id=padding["pad_id"], pad_token=padding["pad_token"])
    vectors_NF = np.zeros((len(texts), int(model.config.hidden_size)), dtype=np.float32)
    order = sorted((place for place, text in enumerate(read) if text), key=lambda place: len(read[place]))
    for start in range(0, len(order), _TOGETHER):
        rows = order[start : start + _TOGETHER]
        encoded = tokenizer.encode_batch([read[row] for row in rows])
        ids_TW = torch.tensor([one.ids for one in encoded], device=accelerator.device)
        mask_TW = torch.tensor([one.attention_mask for one in encoded], device=accelerator.device)
        with accelerator.autocast():
            states_TWF = model(input_ids=ids_TW, attention_mask=mask_TW).last_hidden_state.float()
        mean_TF = (states_TWF * mask_TW.unsqueeze(-1)).sum(dim=1) / mask_TW.sum(dim=1, keepdim=True)
        vectors_NF[rows] = torch.nn.functional.normalize(mean_TF, dim=1).cpu().numpy()
    return vectors_NF
