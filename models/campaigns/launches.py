"""The launches of campaigns as the home holds them: a line of the journal each, and who was assigned what."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from models.campaigns.book import Campaign
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A line of the journal, with its assignment."""

    line: dict[str, Any]
    assigned: "pd.DataFrame"
    is_unchanged: bool
    """Whether the assignment is byte for byte the one that the journal names."""

    @property
    def campaign(self) -> Campaign:
        """As it was launched."""
        return Campaign.model_validate(self.line["campaign"])


def read_journal(settings: Settings) -> list[dict[str, Any]]:
    """Return every launch, oldest first."""
    path = settings.campaigns_dir / "journal.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def read_launch(settings: Settings, name: str) -> Launch:
    """Return a launched campaign.

    Raises:
        ShopsightError: it was not launched, or its assignment is gone.
    """
    import pandas as pd

    for line in read_journal(settings):
        if line["name"] == name:
            path = settings.campaigns_dir / name / "assignment.parquet"
            if not path.exists():
                raise ShopsightError(
                    f"the assignment of {name} is gone",
                    why=f"{path} does not exist",
                    fix="restore it from a backup; without it nobody can say what the campaign added",
                )
            is_unchanged = hashlib.sha256(path.read_bytes()).hexdigest() == line["assignment_sha256"]
            return Launch(line=line, assigned=pd.read_parquet(path), is_unchanged=is_unchanged)
    raise ShopsightError(
        f"{name} was not launched",
        why=f"{settings.campaigns_dir / 'journal.jsonl'} does not name it",
        fix=f"launch it: `shopsight campaign launch {name}`",
    )


def midnight(settings: Settings, day: date) -> datetime:
    """Return when a day of the shop begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(settings.zone)).astimezone(UTC)
