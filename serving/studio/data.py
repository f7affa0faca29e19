"""*Data*: what came in, what was not accepted, which marts there are, and how the services do."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow.parquet as pq

from serving.running.states import read_states
from serving.studio.page_request import PageRequest
from shopsight.families import FAMILIES, SERVICES
from shopsight.marts import export_path, mart_at, mart_names
from shopsight.settings import Settings

MAX_BATCHES: Final = 30
MAX_EXAMPLES: Final = 20


@dataclass(frozen=True, kw_only=True)
class MartLine:
    """A mart of the home."""

    name: str
    rows: int
    files: int
    written_at: datetime


def data(asked: PageRequest) -> dict[str, Any]:
    """Return what the page shows."""
    rows, reasons = quarantined(asked.settings)
    return {
        "batches": batches(asked.settings)[:MAX_BATCHES],
        "quarantined": rows,
        "reasons": reasons.most_common(),
        "examples": _examples(asked.settings) if rows else [],
        "marts": mart_lines(asked),
        "services": [(SERVICES[name].title, state) for name, state in read_states(asked.settings).items()],
    }


def batches(settings: Settings) -> list[dict[str, Any]]:
    """Return the manifests of all batches, the newest first."""
    if not settings.event_log_dir.exists():
        return []
    from shopsight.ingestion.log.event_log import EventLog

    landed = [one for one in EventLog.open(settings).manifests() if one["received"] or one.get("items")]
    return sorted(landed, key=lambda one: str(one["received_at"]), reverse=True)


def quarantined(settings: Settings) -> tuple[int, Counter[str]]:
    """Return how many rows are in quarantine, and how many for each reason."""
    if not settings.event_log_dir.exists():
        return 0, Counter()
    from shopsight.ingestion.log.quarantine import count_quarantine

    rows, reasons = count_quarantine(settings)
    return rows, reasons


def _examples(settings: Settings) -> list[dict[str, Any]]:
    """Return where some of the rows stand; not the rows themselves, which hold ids as they came."""
    from shopsight.ingestion.log.quarantine import read_quarantine

    examples: list[dict[str, Any]] = (
        read_quarantine(settings, limit=MAX_EXAMPLES)
        .select(["batch_id", "table_name", "file_name", "line", "reasons"])
        .to_pylist()
    )
    return examples


def mart_lines(asked: PageRequest) -> list[MartLine]:
    """Return every mart with its rows; where nothing was deleted, the manifest has counted them."""
    lines = []
    for name in mart_names(asked.settings):
        mart = mart_at(export_path(asked.settings, name))
        if mart.deletes:
            with asked.reader.opened_marts([name]) as connection:
                ((rows,),) = connection.execute(f'select count(*) from "{name}"').fetchall()
        elif mart.parts:
            rows = sum(part.rows for part in mart.parts)
        else:
            rows = pq.read_metadata(mart.path).num_rows
        written = datetime.fromtimestamp(mart.written_us() / 1e6).astimezone()
        lines.append(MartLine(name=name, rows=int(rows), files=len(mart.files), written_at=written))
    return lines


def drift_judgements(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield what was last judged of each family's inputs: family, status, and why in a sentence."""
    from models.evaluation.drift.judgement import DriftJudgement

    for family in FAMILIES:
        path = settings.reports_dir / "drift" / f"{family}.json"
        if path.exists():
            judgement = DriftJudgement.read(path)
            yield family, judgement.status, judgement.reason
