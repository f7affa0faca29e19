"""The releases of a family as a table for its champion's page: each step, who took it, why, and what was counted."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from models.evaluation.release.judgement import Tally
from models.registry.version import ModelVersion
from serving.releases.orders import read_seen
from shopsight.settings import Settings

NEWEST = 3
"""Releases that are shown."""


def release_table(settings: Settings, versions: Sequence[ModelVersion]) -> dg.MarkdownMetadataValue:
    """Return the newest releases of a family, the newest first, as the UI shows them."""
    released = [version for version in versions if version.plan]
    if not released:
        return dg.MetadataValue.md("No version was released step by step; `releases.yml` says which are.")
    lines = ["| version | step | when | by | answers | failed | slow | empty | stand-in | why |", "|---" * 10 + "|"]
    for version in reversed(released[-NEWEST:]):
        for step in version.steps:
            what = [version.version, step.step, step.at[:19], step.by, *_counts(step.evidence), step.reason]
            lines.append("| " + " | ".join(text.replace("|", "/") for text in what) + " |")
        seen = read_seen(settings, version.family, version.steps[-1].record)
        if seen is not None and version.status in ("releasing", "champion"):
            counts = _counts({"candidate": vars(seen.candidate), "champion": vars(seen.champion)})
            lines.append("| " + " | ".join([version.version, "until now", "", "", *counts, seen.worse]) + " |")
    lines += ["", "Counts are the version's, and in brackets those of the champion beside it."]
    return dg.MetadataValue.md("\n".join(lines))


def _counts(evidence: Mapping[str, Any]) -> list[str]:
    if "candidate" not in evidence:
        return [""] * 5
    ours, theirs = (Tally.of(evidence[side]) for side in ("candidate", "champion"))
    names = ("answers", "failed", "slow", "empty", "fallback")
    return [f"{getattr(ours, name):,} ({getattr(theirs, name):,})" for name in names]
