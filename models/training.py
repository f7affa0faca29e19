"""What every training run writes beside its model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.evaluation.results import Evaluation
from shopsight.whole_files import write_json

EVALUATION_FILE = "evaluation.json"
CARD_FILE = "card.json"


def write_card(out_dir: Path, family: str, card: Mapping[str, Any]) -> None:
    """Write the card of a run: how it was trained, on what, and what it looked at on the way."""
    write_json(out_dir / CARD_FILE, {"family": family, **card})


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
    evaluation.write(out_dir / EVALUATION_FILE)
    write_card(out_dir, family, {"not_trained": reason, **card})
    return evaluation
