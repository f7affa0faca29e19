"""*Campaigns*: what was launched, and what came of every campaign that a visit named. Nothing is launched here."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from serving.studio.page_request import PageRequest, spans, table
from serving.studio.questions import QUESTIONS
from shopsight.clock import utc_now
from shopsight.settings import Settings


@dataclass(frozen=True, kw_only=True)
class LaunchLine:
    """A launch, as the journal of campaigns has it."""

    name: str
    starts: date
    ends: date
    launched_at: str
    by: str
    plan: dict[str, Any]


def launches(settings: Settings) -> list[LaunchLine]:
    """Return every launch, the newest first."""
    path = settings.campaigns_dir / "journal.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [
        LaunchLine(
            name=line["name"],
            starts=date.fromisoformat(line["campaign"]["starts"]),
            ends=date.fromisoformat(line["campaign"]["ends"]),
            launched_at=line["launched_at"],
            by=line["by"],
            plan=line["plan"],
        )
        for line in reversed(lines)
    ]


def campaigns(asked: PageRequest) -> dict[str, Any]:
    """Return what the page shows."""
    period = asked.period(days=28)
    with asked.reader.opened(QUESTIONS["campaigns"]) as answers:
        performance = table(answers, "campaigns", period.parameters, limit=50)
    return {
        "period": period,
        "spans": spans(asked, period),
        "launches": launches(asked.settings),
        "today": utc_now().date(),
        "performance": performance,
    }
