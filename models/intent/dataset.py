"""What the intent model learns from: the shipped corpus and the shop's own labelled texts, split by group.

Texts labelled by their channel only ever join the training split: a search box also receives questions.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.intent.config import IntentConfig
from models.intent.corpus import Utterance
from models.text.normalise import detect_language, normalise, skeleton
from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError


@dataclass(frozen=True, kw_only=True)
class Splits:
    """Utterances by what they may be used for."""

    train: tuple[Utterance, ...]
    validation: tuple[Utterance, ...]
    test: tuple[Utterance, ...]


def read_shop_utterances(table: pa.Table, *, config: IntentConfig) -> list[Utterance]:
    """Return the shop's labelled texts: all that a person labelled, a few that their channel labels.

    Texts that differ in digits, case or punctuation only are one: a shop's search log repeats itself, and a repeated
    text on both sides of the split is a leak. Where the same text has several labels, the most frequent one counts
    (the first in the order of the labels where they tie). Rows without text or label are left out.

    Args:
        table: columns ``text``, ``label`` and ``label_source`` (``shop`` or ``channel``); others are ignored.
        config: gives the limits and the weight of channel labels.

    Raises:
        ShopsightError: a column is missing or a label is unknown.
    """
    missing = {"text", "label", "label_source"} - set(table.column_names)
    if missing:
        raise ShopsightError(
            "cannot read the shop's utterances",
            why=f"the table has no column {', '.join(sorted(missing))}",
            fix="pass the mart utterances",
        )
    votes: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    texts: dict[tuple[str, str], str] = {}
    columns = (table.column(name).to_pylist() for name in ("text", "label", "label_source"))
    for raw, label, source in zip(*columns, strict=True):
        text = normalise(raw or "")
        if not text or not label:
            continue
        if label not in INTENTS:
            raise ShopsightError(
                f"the shop labelled a text {label!r}",
                why=f"the labels are {', '.join(INTENTS)}",
                fix="correct properties.intent_label in the events, or map it before import",
            )
        key = (skeleton(text), "shop" if source == "shop" else "channel")
        votes[key][label] += 1
        texts[key] = min(texts.get(key, text), text)
    utterances = []
    for (group, source), counts in votes.items():
        if source == "channel" and (group, "shop") in votes:
            continue
        label = max(INTENTS, key=lambda name: counts.get(name, 0))
        text = texts[group, source]
        utterances.append(
            Utterance(
                text=text,
                label=label,
                language=detect_language(text),
                style="unknown",
                group=group,
                source=source,
                weight=1.0 if source == "shop" else config.channel_weight,
            )
        )
    drawn = []
    for source, limit in (("shop", config.shop_limit), ("channel", config.channel_limit)):
        drawn += sorted((u for u in utterances if u.source == source), key=lambda u: _draw("shop", u.group))[:limit]
    return drawn


def split_by_group(utterances: Iterable[Utterance], *, config: IntentConfig, seed: int) -> Splits:
    """Split so that no group is on two sides; texts labelled by their channel go to training only.

    Groups are drawn by a hash of their name, so a text stays on its side when others are added to the shop's log.
    """
    train: list[Utterance] = []
    validation: list[Utterance] = []
    test: list[Utterance] = []
    for utterance in utterances:
        draw = _draw(str(seed), utterance.group)
        if utterance.source == "channel" or draw >= config.test_share + config.validation_share:
            train.append(utterance)
        elif draw >= config.test_share:
            validation.append(utterance)
        else:
            test.append(utterance)
    return Splits(train=tuple(train), validation=tuple(validation), test=tuple(test))


def thin(utterances: Sequence[Utterance], *, share: float) -> list[Utterance]:
    """Keep about ``share`` of the utterances, chosen by hash."""
    return [u for u in utterances if _draw("thin", u.group) < share]


def labels_of(texts: Sequence[Utterance]) -> NDArray[np.int64]:
    """Return label indices, shape ``(texts,)``."""
    return np.array([INTENTS.index(u.label) for u in texts], dtype=np.int64)


def _draw(salt: str, name: str) -> float:
    digest = hashlib.sha256(f"{salt}:{name}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
