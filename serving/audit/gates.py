"""Past verdicts of the gate, asked again with other limits: which would have come out otherwise."""

from collections import Counter
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from models.evaluation.approval import DriftSummary, GatePolicy, gate
from models.registry.registry import ModelRegistry
from models.registry.version import ModelVersion
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES
from shopsight.settings import Settings


@dataclass(kw_only=True)
class GateReplay:
    """What other limits change."""

    asked: int = 0
    same: int = 0
    otherwise: list[dict[str, Any]] = field(default_factory=list)
    """Of each verdict that comes out otherwise: family, version, both verdicts, and why."""
    not_replayable: Counter[str] = field(default_factory=Counter)
    """Reasons why verdicts could not be asked for again, by how many."""


def read_policy(path: Path) -> GatePolicy:
    """Return the limits of a YAML file; those that it does not name stay as they are.

    Raises:
        ShopsightError: it cannot be read, or names a limit that there is not, or one that nothing can keep.
    """
    names = [one.name for one in fields(GatePolicy)]
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or not set(content) <= set(names):
            raise ValueError(f"it must name some of {', '.join(names)}")
        return replace(GatePolicy(), **content)
    except (ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise ShopsightError(
            f"{path} holds no limits of a gate.",
            why=" ".join(str(error).split()),
            fix="write lines such as `champion_margin: 0.05` or `minimum_cases: 200`",
        ) from error


def replay_gate(settings: Settings, *, policy: GatePolicy, since: datetime) -> GateReplay:
    """Ask for every verdict since a moment again.

    Args:
        settings: of the home.
        policy: the other limits.
        since: verdicts of before are left out.

    Raises:
        JournalBrokenError: the registry's journal is not what was written.
    """
    registry, result = ModelRegistry.of(settings), GateReplay()
    records = registry.head().records
    for family in FAMILIES:
        last = {
            one["version"]: one
            for one in registry.decisions(family, records=records)
            if one["action"] == "judge" and datetime.fromisoformat(one["at"]) >= since
        }
        for name, record in last.items():
            version = registry.version_by(family, name, records=record["number"])
            assert version is not None, "a record judged it"
            reason = _why_not(version)
            if reason is not None:
                result.not_replayable[reason] += 1
                continue
            beside = version.judged_beside and registry.version_by(family, version.judged_beside, records=records)
            drift = version.card["drift"]
            verdict = gate(
                version.evaluation,
                beside.evaluation if beside else None,
                DriftSummary(state=drift["state"], detail=drift["detail"]),
                policy=policy,
            )
            result.asked += 1
            if verdict.eligible == record["eligible"]:
                result.same += 1
            else:
                result.otherwise.append(
                    {
                        "family": family,
                        "version": name,
                        "was": record["eligible"],
                        "becomes": verdict.eligible,
                        "why": verdict.reasons or list(record["reasons"]),
                    }
                )
    return result


def _why_not(version: ModelVersion) -> str | None:
    if not version.path.is_dir():
        return "the files of the version are not in the registry any more"
    version.verify()
    if version.evaluation.is_baseline:
        return "a baseline that stands in for a model has no limits to keep"
    if not isinstance(version.card.get("drift"), dict):
        return "the card does not say what drift the gate was told of: an older version registered it"
    return None
