"""What of a version's figures can be computed again from its artefacts, beyond reading them where they stand."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from models.evaluation.results import Evaluation
from serving.audit.dossier.sources import Sources

TOLERANCE: Final = 1e-6
"""By how much a figure may differ for being summed in another order."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One figure that was computed again."""

    what: str
    outcome: Literal["holds", "differs", "not recomputed"]
    detail: str


def prove(sources: Sources) -> list[Proof]:
    """Return every proof that the artefacts of a version allow, each with what it found."""
    evaluation = sources.version.evaluation
    return [
        Proof(what="files", outcome="holds", detail=f"{len(sources.version.files)} files are those registered"),
        *_gains(evaluation),
        *_gate(sources),
        *_of_confusion(sources, evaluation),
        *_of_curves(sources, evaluation),
        *_training_files(sources),
    ]


def _gains(evaluation: Evaluation) -> Iterator[Proof]:
    """A paired gain is the difference of both figures: they are means over the same cases."""
    metric = evaluation.primary_metric
    for name, gain in evaluation.gains.items():
        beaten = evaluation.baselines.get(name, {}).get(metric)
        if beaten is None or metric not in evaluation.metrics:
            continue
        yield _compared(f"gain over {name}", gain.value, evaluation.metrics[metric].value - beaten.value)


def _gate(sources: Sources) -> Iterator[Proof]:
    eligible = sources.version.eligible
    if sources.verdict is None:
        yield _unknown("verdict of the gate", "the card does not say what drift the gate was guess of")
    elif eligible is None:
        yield _unknown("verdict of the gate", "it was not judged yet")
    else:
        same = sources.verdict.eligible == eligible and tuple(sources.verdict.reasons) == sources.version.reasons
        detail = f"asked again it says {sources.verdict.eligible}, the journal {eligible}"
        yield Proof(what="verdict of the gate", outcome="holds" if same else "differs", detail=detail)


def _of_confusion(sources: Sources, evaluation: Evaluation) -> Iterator[Proof]:
    """Accuracy and macro F1 follow from the table of what was taken for what."""
    table = sources.value("confusion.json#")
    if not isinstance(table, dict):
        return
    labels = list(table)
    counts = {(truth, guess): int(table[truth].get(guess, 0)) for truth in labels for guess in labels}
    total, right = sum(counts.values()), sum(counts[label, label] for label in labels)
    if "accuracy" in evaluation.metrics and total:
        yield _compared("accuracy", evaluation.metrics["accuracy"].value, right / total)
    if "macro_f1" in evaluation.metrics and total:
        scores = []
        for label in labels:
            support = sum(counts[label, other] for other in labels)
            guess = sum(counts[other, label] for other in labels)
            if support:  # a label that no case has is not averaged
                scores.append(2 * counts[label, label] / (support + guess))
        yield _compared("macro_f1", evaluation.metrics["macro_f1"].value, sum(scores) / len(scores))


def _of_curves(sources: Sources, evaluation: Evaluation) -> Iterator[Proof]:
    """The calibration error follows from the bins of the reliability curve."""
    bins = sources.value("curves.json#/reliability")
    if isinstance(bins, list) and "ece" in evaluation.metrics and not evaluation.is_baseline:
        error = sum(one["share"] * abs(one["forecast"] - one["observed"]) for one in bins)
        yield _compared("ece", evaluation.metrics["ece"].value, error)


def _training_files(sources: Sources) -> Iterator[Proof]:
    """Rows and digests of the training set can be counted as long as nothing was trained since."""
    import pyarrow.parquet as pq

    for name, stated in _mapping(sources.value("card.json#/data_snapshot/files")).items():
        path = sources.settings.training_dir / sources.family / name
        if not path.exists():
            yield _unknown(name, "the file is not there any more")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != stated["sha256"]:
            yield _unknown(name, "another training set was made since")
        else:
            yield _compared(f"rows of {name}", stated["rows"], pq.read_metadata(path).num_rows)


def _compared(what: str, stated: float, recomputed: float) -> Proof:
    same = abs(stated - recomputed) <= TOLERANCE
    return Proof(
        what=what,
        outcome="holds" if same else "differs",
        detail=f"stated {stated:.6g}, recomputed {recomputed:.6g}",
    )


def _unknown(what: str, why: str) -> Proof:
    return Proof(what=what, outcome="not recomputed", detail=why)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
