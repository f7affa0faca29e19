"""What the card of every candidate says beside its training: the data and code it is of, its gate, and its limits."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shopsight.code_version import code_version
from shopsight.families import FAMILIES, resolve
from shopsight.marts import MANIFEST, published_marts
from shopsight.settings import Settings

if TYPE_CHECKING:
    from models.evaluation.approval import DriftSummary, Verdict


def papers_of(settings: Settings, family: str) -> dict[str, Any]:
    """Return the part of a card that says what a candidate was made of and what it is not for.

    Args:
        settings: of the home that it was trained in.
        family: whose candidate it is.
    """
    record = FAMILIES[family]
    stated = resolve(record.statement) if record.statement else None
    return {
        "feature_service": record.feature_service,
        "data_snapshot": data_snapshot(settings, family),
        "code": code_version(),
        "limits": dict(stated.LIMITS) if stated else {},
        "refuses": dict(stated.REFUSES) if stated else {},
    }


def judged(verdict: "Verdict", drift: "DriftSummary") -> dict[str, Any]:
    """Return what a card says of the gate: each rule, and the drift that it was told of."""
    return {
        "gate": [{"rule": rule.rule, "outcome": rule.outcome, "sentence": rule.sentence} for rule in verdict.rules],
        "drift": {"state": drift.state, "detail": drift.detail},
    }


def data_snapshot(settings: Settings, family: str) -> dict[str, Any]:
    """Return which data a candidate was trained on: its files, the marts, and how far the event log went."""
    import pyarrow.parquet as pq

    from orchestration.defs.monitoring.assets import REFERENCE_FILE

    tables = sorted((settings.training_dir / family).glob("*.parquet"))
    manifest = settings.exports_dir / MANIFEST
    return {
        "files": {
            path.name: {"rows": pq.read_metadata(path).num_rows, "sha256": _sha256(path)}
            for path in tables
            if path.name != REFERENCE_FILE
        },
        "marts": len(published_marts(settings.exports_dir)),
        "marts_sha256": _sha256(manifest) if manifest.exists() else None,
        "event_log": _event_log(settings),
    }


def _event_log(settings: Settings) -> Mapping[str, Any]:
    batches = sorted(path.parent.name for path in settings.event_log_dir.glob("*/*/manifest.json"))
    return {"batches": len(batches), "sha256": hashlib.sha256("\n".join(batches).encode()).hexdigest()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
