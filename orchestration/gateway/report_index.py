"""What the index of the reports says of each: what it is, what came of it, and when it was made."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from shopsight.families import FAMILIES


@dataclass(frozen=True, kw_only=True)
class Report:
    """A file of the report folder, for people."""

    address: str
    """Its path below the folder."""
    title: str
    about: str
    """What it is, and where it judges, what came of it."""
    size: int
    """In bytes."""
    made: datetime


ABOUT: Final[Mapping[str, tuple[str, str]]] = {
    "label_suggestions.csv": (
        "Texts to label next",
        "What the approved text model is least sure of. Fill the column `label`, then `shopsight label import`.",
    ),
    "category_suggestions.csv": (
        "Categories for items without one",
        "What the most similar items of the catalogue have, for people to take over.",
    ),
    "broken_pictures.csv": (
        "Pictures that cannot be read",
        "Which item's picture is broken, too large or of another kind, and what to mend.",
    ),
} | {
    f"drift/{family.name}.html": (
        f"Drift of {family.name.replace('_', ' ')}",
        "Whether what the model reads is as it was when it was trained.",
    )
    for family in FAMILIES.values()
}
"""Title and text of the reports that the chain makes, by their addresses."""


def reports_of(folder: Path) -> list[Report]:
    """Return what may be read of a folder, known reports first: no dot files, and nothing that a link leads to.

    A drift report's judgement, which lies beside it for programs, is part of its text and no entry of its own.
    """
    reports = [_report(folder, address, status) for address, status in _files(folder)]
    pages = {report.address for report in reports}
    judgements = {page.removesuffix(".html") + ".json" for page in pages if page in ABOUT}
    return sorted(
        (report for report in reports if report.address not in judgements),
        key=lambda report: (report.address not in ABOUT, report.address),
    )


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    for path in folder.rglob("*"):
        address = path.relative_to(folder)
        if any(part.startswith(".") for part in address.parts):
            continue
        try:
            status = path.lstat()
        except FileNotFoundError:  # replaced while this looked
            continue
        if stat.S_ISREG(status.st_mode):
            yield address.as_posix(), status


def _report(folder: Path, address: str, status: os.stat_result) -> Report:
    title, about = ABOUT.get(address, (address, ""))
    if address in ABOUT and address.startswith("drift/"):
        about = f"{about} {_verdict(folder / address)}".strip()
    return Report(
        address=address,
        title=title,
        about=about,
        size=status.st_size,
        made=datetime.fromtimestamp(status.st_mtime, UTC),
    )


def _verdict(report: Path) -> str:
    """Return what a drift report came to."""
    # Imported here: it brings pandas, which serving the other files does not need.
    from models.evaluation.drift.judgement import DriftJudgement

    try:
        judgement = DriftJudgement.read(report.with_suffix(".json"))
    except (OSError, ValueError, KeyError, TypeError):
        return "What it came to cannot be read: its judgement is missing or damaged."
    return f"Now: {judgement.status} ({judgement.reason})."
