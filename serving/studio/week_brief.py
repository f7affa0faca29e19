"""What the newest week's market brief says, for *Today*: read from what the asset ``market_insights`` writes."""

from dataclasses import dataclass
from typing import Final

from shopsight.settings import Settings

BULLET: Final = "- "


@dataclass(frozen=True, kw_only=True)
class WeekBrief:
    """The brief of a week, as far as it has news."""

    title: str
    sentences: tuple[str, ...]
    """Each with the number under which the whole brief has its query."""
    report: str
    """The address of the whole brief under that of the reports."""


def read_brief(settings: Settings, language: str) -> WeekBrief | None:
    """Return the brief in a language; None where none was written yet."""
    path = settings.reports_dir / f"brief_{language}.md"
    if not path.exists():
        return None
    lines = path.read_text(encoding="utf-8").splitlines()
    return WeekBrief(
        title=lines[0].lstrip("# ") if lines else "",
        sentences=tuple(line.removeprefix(BULLET) for line in lines if line.startswith(BULLET)),
        report=path.name,
    )
