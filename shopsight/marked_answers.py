"""Questions whose answers people have marked in a text, as CSV files in the layout of SubjQA (Bjerva et al. 2020).

A row is what one person made of one question about one text. Columns: ``item_id``, ``q_review_id`` (one per question
and text), ``domain``, ``question``, ``review`` (the text), ``human_ans_spans`` (the marked words, or
``ANSWERNOTFOUND``) and ``human_ans_indices`` ("(start, end)", in characters of the text).
"""

import csv
import gzip
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from shopsight.errors import ShopsightError

NOT_FOUND: Final = "ANSWERNOTFOUND"
COLUMNS: Final = ("item_id", "q_review_id", "question", "review", "human_ans_spans", "human_ans_indices")

_PLACES: Final = re.compile(r"\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_END: Final = re.compile(rf"\s*{NOT_FOUND}\s*$")  # also after words that were marked by mistake


@dataclass(frozen=True, kw_only=True)
class MarkedQuestion:
    """A question, the text that was searched for its answer, and what people marked in it."""

    id: str
    item_id: str
    domain: str
    """What kind of shop it is of, such as ``electronics``; empty where the file does not say."""
    question: str
    text: str
    marked: tuple[str, ...]
    """The words of each answer that people marked; none where nobody saw one."""
    spans: tuple[tuple[int, int], ...]
    """Where marked answers start and end in the text. One that was put together from words apart has no such place."""
    people: int
    """How many people looked for an answer."""


def read_marked_answers(files: Sequence[Path]) -> list[MarkedQuestion]:
    """Return the questions of CSV files, plain or gzipped; what several people made of one question is put together.

    Raises:
        ShopsightError: a file cannot be read, or lacks a column.
    """
    questions: dict[tuple[str, str], MarkedQuestion] = {}
    for file in files:
        for row in _rows(file):
            text = _END.sub("", row["review"])
            words = _END.sub("", row["human_ans_spans"]).strip()
            span = _span(words, row["human_ans_indices"], text)
            question = MarkedQuestion(
                id=row["q_review_id"],
                item_id=row["item_id"],
                domain=row.get("domain") or "",
                question=row["question"].strip(),
                text=text,
                marked=(words,) if words else (),
                spans=(span,) if span else (),
                people=1,
            )
            key = (question.domain, question.id)
            before = questions.get(key)
            if before and before.text == question.text:
                question = replace(
                    before,
                    marked=before.marked + question.marked,
                    spans=before.spans + question.spans,
                    people=before.people + 1,
                )
            questions[key] = question
    return list(questions.values())


def _rows(file: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ShopsightError(
                    f"{file} has no column `{missing[0]}`",
                    why=f"its columns are: {', '.join(reader.fieldnames or ()) or 'none'}",
                    fix=f"give a CSV file with the columns {', '.join(COLUMNS)}",
                )
            for row in reader:
                yield {name: value or "" for name, value in row.items() if name}
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise ShopsightError(
            f"cannot read {file}", why=str(error), fix="give a readable CSV file in UTF-8, plain or gzipped"
        ) from error


def _span(words: str, indices: str, text: str) -> tuple[int, int] | None:
    """Return where the marked words stand in the text; None where they do not stand together."""
    if not words:
        return None
    place = _PLACES.search(indices)
    if place and _letters(text[int(place[1]) : int(place[2])]) == _letters(words):
        marked = text[int(place[1]) : int(place[2])]
        start = int(place[1]) + len(marked) - len(marked.lstrip())
        return start, start + len(marked.strip())
    # Marked words come with other spaces than the text has: "anti - glare" for "anti-glare".
    match = re.search(r"\s*".join(re.escape(letter) for letter in "".join(words.split())), text)
    return match.span() if match else None


def _letters(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum())
