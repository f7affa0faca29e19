"""Drift of a champion's inputs starts a retraining, once per champion."""

import json
from datetime import datetime

import dagster as dg

from orchestration.defs.jobs import weekly_retraining
from shopsight.contracts import MODEL_FAMILIES
from shopsight.settings import Settings


@dg.sensor(
    job=weekly_retraining,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the retraining when a champion's inputs drifted.",
)
def drifted_features() -> dg.RunRequest | dg.SkipReason:
    """Request one retraining per set of drifted champions: the next one waits for a new champion, not for a new day."""
    from models.registry.registry import ModelRegistry

    settings = Settings()
    registry = ModelRegistry(settings.registry_dir)
    drifted = []
    for family in MODEL_FAMILIES:
        judged = settings.reports_dir / "drift" / f"{family}.json"
        champion = registry.champion(family)
        if champion is None or champion.approval is None or not judged.exists():
            continue
        approved_at = datetime.fromisoformat(champion.approval.at).timestamp()
        if judged.stat().st_mtime < approved_at:
            continue  # that judgement was of the data before this champion
        if json.loads(judged.read_text())["status"] == "drifted":
            drifted.append(f"{family}:{champion.version}")
    if not drifted:
        return dg.SkipReason("no champion's inputs drifted")
    return dg.RunRequest(run_key="drift:" + ",".join(drifted))
