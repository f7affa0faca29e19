"""``shopsight predict intent``: label the texts of a CSV file with the champion."""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TextIO

from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

BATCH = 256
"""Texts per call of the model: enough to fill the processor, few enough to stream."""


def predict_intent_file(file: Path, output: TextIO, *, explain: bool = False) -> None:
    """Write ``text``, ``predicted_label`` and a probability per label for each row of ``file``, in order.

    Args:
        file: CSV in UTF-8 with a column ``text``.
        output: where the CSV of answers goes.
        explain: whether a last column ``contributions`` says, as JSON, what each word added to the label's logit.

    Raises:
        ShopsightError: there is no champion, or the file cannot be read or has no column ``text``.
    """
    from models.intent.predict import IntentClassifier
    from models.intent.reasons import explain as explanation_of
    from models.registry.registry import ModelRegistry

    texts = texts_of(file)
    first = list(islice(texts, BATCH))
    champion = ModelRegistry.of(Settings()).champion("intent")
    if champion is None:
        raise ShopsightError(
            "there is no intent model to answer with",
            why="no candidate was approved in this home",
            fix="run `make demo`, or `shopsight run` and then `shopsight approve intent --by NAME --reason TEXT`",
        )
    classifier = IntentClassifier.load(champion.path)
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(["text", "predicted_label", *INTENTS, *(["contributions"] if explain else [])])
    while first:
        for text, prediction in zip(first, classifier.predict(first), strict=True):
            probabilities = (f"{prediction.probabilities[label]:.6f}" for label in INTENTS)
            words = [asdict(one) for one in explanation_of(classifier, text).contributions] if explain else []
            reasons = [json.dumps(words, ensure_ascii=False)] if explain else []
            writer.writerow([text, prediction.label, *probabilities, *reasons])
        first = list(islice(texts, BATCH))


def texts_of(file: Path) -> Iterator[str]:
    """Yield the texts of a CSV file.

    Raises:
        ShopsightError: it cannot be read, or has no column ``text``.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines)
            if "text" not in (rows.fieldnames or ()):
                raise ShopsightError(
                    f"{file} has no column `text`",
                    why=f"its columns are: {', '.join(rows.fieldnames or ()) or 'none'}",
                    fix="name the column that holds the texts `text`",
                )
            for row in rows:
                yield row["text"] or ""
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ShopsightError(
            f"cannot read {file}", why=str(error), fix="give a readable CSV file in UTF-8 with a header line"
        ) from error
