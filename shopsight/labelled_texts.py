"""Texts that the shop's people labelled, as files: CSV on the way in and out, Parquet under the home."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError
from shopsight.whole_files import replaced

SCHEMA: Final = pa.schema(
    [pa.field("text", pa.string(), nullable=False), pa.field("label", pa.string(), nullable=False)]
)
MAX_NAMED: Final = 5
"""Wrong lines that an error names."""


def read_labels(path: Path) -> pa.Table:
    """Return the shop's labelled texts, columns ``text`` and ``label``; none where none were imported."""
    return pq.read_table(path) if path.exists() else SCHEMA.empty_table()


def write_labels(path: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Replace the shop's labelled texts by these pairs of text and label."""
    rows = [{"text": text, "label": label} for text, label in pairs]
    with replaced(path) as staging:
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), staging)


def read_label_file(file: Path) -> list[tuple[str, str]]:
    """Read a CSV file with the columns ``text`` and ``label``; a row that nobody labelled has the label ``""``.

    Raises:
        ShopsightError: it cannot be read, lacks a column, or a label is unknown or of no text; the lines are named.
    """
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
                text, label = (row["text"] or "").strip(), (row["label"] or "").strip()
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
        more = f" and {len(wrong) - MAX_NAMED} more" if len(wrong) > MAX_NAMED else ""
        raise ShopsightError(
            f"{file} was not imported: {len(wrong)} of its lines have no such label",
            why="; ".join(wrong[:MAX_NAMED]) + more,
            fix=f"use {', '.join(INTENTS)}, or leave the label empty",
        )
    return rows


def write_suggestions(path: Path, suggestions: Iterable[tuple[str, str, float]]) -> None:
    """Write texts with their predicted labels and margins; a person fills in the empty column ``label``."""
    with replaced(path) as staging, staging.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "label", "predicted_label", "margin"])
        writer.writerows([text, "", predicted, f"{margin:.4f}"] for text, predicted, margin in suggestions)
