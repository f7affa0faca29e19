"""Why a champion should be trained again: its inputs moved, or it keeps less than its card promises.

Each reason is about one family, so what is trained again is what lies downstream of the change, and nothing else: texts
that moved train the intent model anew and leave the recommender as it is.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import dagster as dg

from models.registry.version import ModelVersion
from orchestration.run_keys import UNFINISHED, WORK_TAG
from shopsight.settings import Settings

STEPS: Final = ("training_set", "drift", "candidate", "evaluation", "champion", "bento")
"""What a retraining makes anew, of one family."""
WHOLE_TRAININGS: Final = ("weekly_retraining", "whole_chain")
"""Jobs that train every family, where a run names no assets."""
WHY_TAG: Final = "shopsight/why"
"""Tag of a retraining: what it was asked for."""


def assets_of(family: str) -> list[dg.AssetKey]:
    """Return what lies downstream of a change in a family's inputs."""
    return [dg.AssetKey(f"{family}_{step}") for step in STEPS]


def retraining_job(family: str) -> str:
    """Return the name of the job that trains one family anew."""
    return f"retrain_{family}"


def reasons_to_retrain(settings: Settings, champion: ModelVersion) -> list[str]:
    """Return what speaks for a new training, a sentence each; empty where nothing does."""
    return [reason for reason in (drift_of(settings, champion), decay_of(settings, champion)) if reason is not None]


def drift_of(settings: Settings, champion: ModelVersion) -> str | None:
    """Return which inputs of a champion drifted; None where none did.

    A judgement counts where it names the present champion: one of the data before it says nothing of its rows, and the
    times of files change when a home is copied.
    """
    judged = settings.reports_dir / "drift" / f"{champion.family}.json"
    if not judged.exists():
        return None
    judgement = json.loads(judged.read_text())
    # Judgements that were written before they named a champion are passed over until the next refresh.
    if judgement["status"] != "drifted" or judgement.get("champion") != champion.version:
        return None
    culprits = [finding["column"] for finding in judgement["columns"] if finding["status"] == "drifted"]
    return f"drift of {', '.join(culprits) or 'its inputs'}"


def decay_of(settings: Settings, champion: ModelVersion) -> str | None:
    """Return by how much a champion falls short of its card's promise; None where it does not, or nobody measured."""
    from serving.feedback.feedback import FAMILY, read_promise
    from serving.feedback.promise import newest_days

    if champion.family != FAMILY:
        return None
    newest = newest_days(read_promise(settings), champion.version)
    if newest is None or newest.verdict != "below the promise":
        return None
    return (
        f"decay: {newest.metric} was {newest.measured.value:.3f} from {newest.first} to {newest.last} "
        f"({newest.contacts} contacts), its card promises {newest.promised.value:.3f}"
    )


def why_wait(
    settings: Settings, instance: dg.DagsterInstance, versions: Sequence[ModelVersion], family: str, *, now: datetime
) -> str | None:
    """Return why no training is asked for now; None where one may begin.

    Args:
        settings: the cool-down.
        instance: where runs are.
        versions: of the family, in the order of registration.
        family: the family.
        now: the time.
    """
    running = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    candidate = dg.AssetKey(f"{family}_candidate")
    trains = [run for run in running if run.asset_selection and candidate in run.asset_selection]
    jobs = (*WHOLE_TRAININGS, retraining_job(family))
    trains += [run for run in running if run.asset_selection is None and run.job_name in jobs]
    if trains:
        return f"run {trains[0].run_id[:8]} is training it"
    if not versions:
        return None
    newest = versions[-1]
    until = datetime.fromisoformat(newest.created_at) + timedelta(hours=settings.retraining_cooldown_hours)
    if now < until:
        waits = (
            f", and {newest.version} waits for a decision" if newest.eligible and newest.status == "candidate" else ""
        )
        return (
            f"{newest.version} was trained at {newest.created_at}, and the cool-down of "
            f"{settings.retraining_cooldown_hours:g} hours lasts until {until.isoformat(timespec='minutes')}{waits}"
        )
    return None


def retraining_of(champion: ModelVersion, reasons: Sequence[str], *, work: str, key: str) -> dg.RunRequest:
    """Return the run that trains a champion's family again, and no other.

    Args:
        champion: what serves.
        reasons: why, a sentence each; the run carries them as a tag.
        work: what is asked for, however often.
        key: of this time.
    """
    return dg.RunRequest(
        run_key=key,
        tags={WORK_TAG: work, WHY_TAG: "; ".join(reasons)},
        asset_selection=assets_of(champion.family),
    )
