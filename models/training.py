"""What every training run writes beside its model: how it was judged, and how it came about."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.evaluation.results import Evaluation
from shopsight.whole_files import write_json

EVALUATION_FILE = "evaluation.json"
CARD_FILE = "card.json"
BASELINE_FOLDER = "baseline"
"""Inside the folder of a run's model: the artefact of the baseline that stands in where the gate refuses the model."""


def beside_file(version: str) -> str:
    """Return the file, inside the folder of a run's model, of a champion's figures on the run's own test cases."""
    return f"beside_{version}.json"


def write_results(out_dir: Path, evaluation: Evaluation, card: Mapping[str, Any]) -> None:
    """Write the figures of a run and its card: how it was trained, on what, and what it looked at on the way.

    The card keeps its order, for a table of importances is told from the greatest on.
    """
    evaluation.write(out_dir / EVALUATION_FILE)
    write_json(out_dir / CARD_FILE, {"family": evaluation.family, **card})


def read_evaluation(folder: Path) -> Evaluation:
    """Return the figures of the run whose artefact is in ``folder``."""
    return Evaluation.read(folder / EVALUATION_FILE)


def read_card(folder: Path) -> dict[str, Any]:
    """Return the card of the run whose artefact is in ``folder``."""
    card: dict[str, Any] = json.loads((folder / CARD_FILE).read_text())
    return card


def impossible(
    out_dir: Path, *, family: str, primary_metric: str, protocol: str, reason: str, card: Mapping[str, Any]
) -> Evaluation:
    """Write and return the evaluation of a run that had too little to train and judge on; no model is written.

    Args:
        out_dir: the artefact folder.
        family: the model family.
        primary_metric: the metric that the gate would have read.
        protocol: how the family is judged.
        reason: what is too little, in words.
        card: what else the card says, such as the settings.
    """
    evaluation = Evaluation.impossible(family=family, primary_metric=primary_metric, protocol=protocol, reason=reason)
    write_results(out_dir, evaluation, {"not_trained": reason, **card})
    return evaluation
