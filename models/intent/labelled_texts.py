"""What the shop's people labelled, and which texts to ask them about next."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import pyarrow as pa

from models.intent.predict import IntentPrediction
from models.text.normalise import normalise, skeleton

READ: Final = 5_000
"""Latest texts of a shop that are asked about: seconds of the model."""


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What became of newly labelled texts."""

    pairs: list[tuple[str, str]]
    """All labelled texts, with their labels."""
    added: int
    changed: int
    """Texts that had another label before: the new one counts."""
    unchanged: int
    without_label: int
    """Rows that nobody has labelled yet, as in a file of suggestions that is half done."""


def merge_labels(stored: pa.Table, rows: Iterable[tuple[str, str]]) -> Merged:
    """Return the labelled texts with newly labelled ones among them.

    Texts that differ in digits, case or punctuation only are one text.

    Args:
        stored: columns ``text`` and ``label``.
        rows: text and label, or ``""`` where nobody labelled it.
    """
    labelled = {skeleton(text): (text, label) for text, label in _pairs(stored, "text", "label")}
    counts = {"added": 0, "changed": 0, "unchanged": 0, "without_label": 0}
    for raw, label in rows:
        if not label:
            counts["without_label"] += 1
            continue
        text = normalise(raw)
        before = labelled.get(skeleton(text))
        counts["added" if before is None else "unchanged" if before[1] == label else "changed"] += 1
        labelled[skeleton(text)] = (text, label)
    return Merged(pairs=list(labelled.values()), **counts)


class Suggestion(NamedTuple):
    """A text that is worth a label."""

    text: str
    predicted_label: str
    margin: float
    """Probability of the likeliest label minus that of the next: the model hardly knows where this is small."""


def suggest_labels(
    utterances: pa.Table,
    labels: pa.Table,
    predict: Callable[[Sequence[str]], Sequence[IntentPrediction]],
    *,
    count: int,
) -> list[Suggestion]:
    """Return the texts that the model is least sure of, each once, without those that a person labelled.

    Margin sampling: B. Settles, "Active learning literature survey" (2009).

    Args:
        utterances: the mart, columns ``text`` and ``label_source``; the last :data:`READ` are asked about.
        labels: texts that were labelled outside the event log, column ``text``.
        predict: the approved model.
        count: how many.
    """
    latest = _pairs(utterances.slice(max(utterances.num_rows - READ, 0)), "text", "label_source")
    labelled = {skeleton(normalise(text)) for text in labels["text"].to_pylist()}
    labelled |= {skeleton(normalise(text or "")) for text, source in latest if source == "shop"}
    distinct = {skeleton(clean): clean for text, _ in latest if (clean := normalise(text or ""))}
    asked = [text for key, text in sorted(distinct.items()) if key not in labelled]
    suggestions = []
    for text, prediction in zip(asked, predict(asked) if asked else (), strict=True):
        first, second = sorted(prediction.probabilities.values(), reverse=True)[:2]
        suggestions.append(Suggestion(text=text, predicted_label=prediction.label, margin=first - second))
    return sorted(suggestions, key=lambda one: (one.margin, one.text))[:count]


def _pairs(table: pa.Table, first: str, second: str) -> list[tuple[str, str]]:
    return list(zip(table[first].to_pylist(), table[second].to_pylist(), strict=True))
