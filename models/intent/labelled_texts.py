"""Texts that the shop's people labelled: read from CSV, kept beside the event log, and which to label next."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from models.intent.predict import IntentPrediction
from models.intent.text import normalise, skeleton
from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError
from shopsight.locking import exclusive

SCHEMA = pa.schema([pa.field("text", pa.string(), nullable=False), pa.field("label", pa.string(), nullable=False)])


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What became of a file of labels."""

    added: int
    changed: int
    """Texts that had another label before: the new one counts."""
    unchanged: int
    without_label: int
    """Rows that nobody has labelled yet, as in a file of suggestions that is half done."""
    held: int
    """Labelled texts in all."""


def import_labels(file: Path, target: Path) -> Imported:
    """Add the labelled texts of a CSV file (columns ``text`` and ``label``) to those of the shop, all or none.

    Texts that differ in digits, case or punctuation only are one text.

    Raises:
        ShopsightError: the file cannot be read, or a label is unknown; every such line is named, and nothing is added.
        ResourceBusy: another import is writing.
    """
    rows = _read(file)
    with exclusive(target.with_suffix(".lock"), what="the labelled texts", wait_seconds=30):
        held = {skeleton(row["text"]): row for row in read_labels(target).to_pylist()}
        counts = {"added": 0, "changed": 0, "unchanged": 0, "without_label": 0}
        for text, label in rows:
            if not label:
                counts["without_label"] += 1
                continue
            before = held.get(skeleton(text))
            outcome = "added" if before is None else "unchanged" if before["label"] == label else "changed"
            counts[outcome] += 1
            held[skeleton(text)] = {"text": text, "label": label}
        staging = target.with_suffix(".staging")
        pq.write_table(pa.Table.from_pylist(list(held.values()), schema=SCHEMA), staging)
        staging.replace(target)
    return Imported(**counts, held=len(held))


def read_labels(path: Path) -> pa.Table:
    """Return the labelled texts, columns ``text`` and ``label``; none where none were imported."""
    return pq.read_table(path) if path.exists() else SCHEMA.empty_table()


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A text that is worth a label."""

    text: str
    predicted_label: str
    margin: float
    """Probability of the likeliest label minus that of the next: the model hardly knows where this is small."""


def suggest_labels(
    texts: Iterable[str],
    known: Iterable[str],
    predict: Callable[[Sequence[str]], Sequence[IntentPrediction]],
    *,
    count: int,
) -> list[Suggestion]:
    """Return the texts that the model is least sure of, each once, without those that have a label.

    Margin sampling: B. Settles, "Active learning literature survey" (2009).
    """
    labelled = {skeleton(normalise(text)) for text in known}
    distinct = {skeleton(clean): clean for text in texts if (clean := normalise(text))}
    asked = [text for key, text in sorted(distinct.items()) if key not in labelled]
    found = []
    for text, prediction in zip(asked, predict(asked) if asked else (), strict=True):
        first, second = sorted(prediction.probabilities.values(), reverse=True)[:2]
        found.append(Suggestion(text=text, predicted_label=prediction.label, margin=first - second))
    return sorted(found, key=lambda one: (one.margin, one.text))[:count]


def write_suggestions(suggestions: Sequence[Suggestion], path: Path) -> None:
    """Write a CSV file whose empty column ``label`` a person fills in, for :func:`import_labels`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_suffix(".staging")
    with staging.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "label", "predicted_label", "margin"])
        writer.writerows([one.text, "", one.predicted_label, f"{one.margin:.4f}"] for one in suggestions)
    staging.replace(path)


def _read(file: Path) -> list[tuple[str, str]]:
    rows, wrong = [], []
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            missing = {"text", "label"} - set(reader.fieldnames or ())
            if missing:
                raise ShopsightError(
                    f"{file} has no column {' and '.join(f'`{name}`' for name in sorted(missing))}",
                    why=f"its columns are: {', '.join(reader.fieldnames or ()) or 'none'}",
                    fix="name the columns `text` and `label`",
                )
            for row in reader:
                text, label = normalise(row["text"] or ""), (row["label"] or "").strip()
                if label and label not in INTENTS:
                    wrong.append(f"line {reader.line_num}: {label!r}")
                elif label and not text:
                    wrong.append(f"line {reader.line_num}: no text")
                elif text:
                    rows.append((text, label))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ShopsightError(
            f"cannot read {file}", why=str(error), fix="give a readable CSV file in UTF-8 with a header line"
        ) from error
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ShopsightError(
            f"{file} was not imported: {len(wrong)} of its lines have no such label",
            why="; ".join(wrong[:5]) + more,
            fix=f"use {', '.join(INTENTS)}, or leave the label empty",
        )
    return rows
