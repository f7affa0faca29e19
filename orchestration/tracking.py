"""MLflow, where ``SHOPSIGHT_TRACKING_URI`` names one: what is registered is logged there, too.

The registry stays the truth, and MLflow a place to look at it. It is told in a child process with a limit of time, so
that whatever happens to it (a server that is away, a full disk, a version that does not fit) costs a warning and
nothing else.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from models.registry.version import ModelVersion
from shopsight.settings import Settings, child_environment, without_password

SECONDS: Final = 300.0
"""How long MLflow may take; a model has some tens of megabytes."""
MAX_TEXT: Final = 500
"""Longest value of a parameter: older servers take no longer one."""


def track(settings: Settings, version: ModelVersion) -> str | None:
    """Log a registered version with MLflow: parameters, figures, card and artefact.

    Args:
        settings: of the home; nothing happens where they name no MLflow.
        version: what was registered.

    Returns:
        None where it was logged or none is named; otherwise why not, in a sentence. Nothing is raised for it.
    """
    if settings.tracking_uri is None:
        return None
    uri = settings.tracking_uri.get_secret_value()
    plan = plan_of(version) | {"uri": uri}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "orchestration.tracking"],
            input=json.dumps(plan),
            env=child_environment(settings) | {"MLFLOW_DISABLE_TELEMETRY": "true"},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"MLflow at {without_password(uri)} was not told: {type(error).__name__}"
    if done.returncode == 0:
        return None
    said = done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"]
    return f"MLflow at {without_password(uri)} was not told: {without_password(said[-1])}"


def plan_of(version: ModelVersion) -> dict[str, Any]:
    """Return what is logged of a version."""
    card, evaluation = version.card, version.evaluation
    figures = dict(_figures(evaluation.metrics)) | {
        f"slices/{name}/{metric}": value
        for name, estimates in evaluation.slices.items()
        for metric, value in _figures(estimates)
    }
    settings = card.get("settings", card.get("config", {}))
    return {
        "experiment": f"shopsight/{version.family}",
        "name": version.version,
        "folder": str(version.path.resolve()),
        "params": {name: str(value)[:MAX_TEXT] for name, value in _flat({"seed": card.get("seed"), **settings})},
        "metrics": {_allowed(name): value for name, value in figures.items()},
        "tags": {
            "shopsight.family": version.family,
            "shopsight.version": version.version,
            "shopsight.candidate": evaluation.candidate,
            "shopsight.eligible": str(version.eligible),
            "shopsight.commit": str((card.get("code") or {}).get("commit")),
            "shopsight.data_window": json.dumps(card.get("data_window")),
        },
    }


def _figures(estimates: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, estimate in estimates.items():
        yield name, estimate.value
        yield from ((f"{name}/{end}", value) for end, value in asdict(estimate).items() if end != "value")


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield _allowed(f"{prefix}{name}"), value


def _allowed(name: str) -> str:
    """Return a name that MLflow takes: it knows no ``@`` as in ``ndcg@10``.

    >>> _allowed("ndcg@10"), _allowed("category shoes > running")
    ('ndcg_at_10', 'category shoes _ running')
    """
    return "".join(
        one if one.isascii() and (one.isalnum() or one in "_-./ ") else "_" for one in name.replace("@", "_at_")
    )


def _beside(uri: str) -> str | None:
    """Return where a database's artefacts lie: beside its file, not in whatever folder this runs in; else unsaid.

    >>> _beside("sqlite:////data/mlflow.db"), _beside("http://host:5000")
    ('file:///data/artefacts', None)
    """
    return (Path(uri.removeprefix("sqlite:///")).resolve().parent / "artefacts").as_uri() if "sqlite:" in uri else None


def _log(plan: Mapping[str, Any]) -> None:
    """Do it: the child."""
    try:
        import mlflow
    except ModuleNotFoundError:
        raise SystemExit("the package is not installed: install shopsight with its extra `mlflow`") from None
    mlflow.set_tracking_uri(plan["uri"])
    if mlflow.get_experiment_by_name(plan["experiment"]) is None:
        mlflow.create_experiment(plan["experiment"], artifact_location=_beside(plan["uri"]))
    mlflow.set_experiment(plan["experiment"])
    folder = Path(plan["folder"])
    with mlflow.start_run(run_name=plan["name"], tags=plan["tags"]):
        mlflow.log_params(plan["params"])
        mlflow.log_metrics(plan["metrics"])
        mlflow.log_artifacts(str(folder), artifact_path="artefact")
        for name in ("card.json", "evaluation.json"):
            mlflow.log_artifact(str(folder / name))


if __name__ == "__main__":
    _log(json.load(sys.stdin))
