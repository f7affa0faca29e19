"""The journal of triggers: what was decided and what became of it, on disk before anything is posted.

``triggers/journal.jsonl`` has a line for each decision, with shopper, reason and evidence, and a line for each step of
its delivery. A firing whose last line says ``posting`` was under way when the process died: nobody knows whether it was
taken, and so it is never posted again.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from models.triggers.engine import Evidence
from models.triggers.judging import Firing
from shopsight.clock import rfc3339
from shopsight.settings import Settings

FINAL: Final = ("delivered", "refused", "unconfirmed", "given_up")
"""Deliveries that are over."""


def journal_path(settings: Settings) -> Path:
    """Return where the journal is."""
    return settings.triggers_dir / "journal.jsonl"


class Ledger:
    """The journal as one process writes it; :func:`read_journal` is for everybody else."""

    def __init__(self, settings: Settings) -> None:
        """Open it, and cut off what a killed process left of a line."""
        path = journal_path(settings)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        data = path.read_bytes()
        os.ftruncate(self._file, data.rfind(b"\n") + 1)

    def write(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Add lines; when this returns, they outlast a loss of power.

        Raises:
            OSError: they could not be written.
        """
        data = b"".join(orjson.dumps(line, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE) for line in lines)
        if not data:
            return
        size = os.fstat(self._file).st_size
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, size)  # half a line would spoil the next one
            raise

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def read_journal(settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield every whole line, oldest first."""
    path = journal_path(settings)
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield orjson.loads(line)


def decisions_of(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the decisions, each with ``at`` as a time, and ``delivery`` and ``answer`` of its newest step."""
    decisions: dict[str, dict[str, Any]] = {}
    for line in lines:
        if "decision" in line:
            decisions[line["id"]] = {**line, "at": datetime.fromisoformat(line["at"]), "delivery": None, "answer": None}
        elif line["id"] in decisions:
            decisions[line["id"]] |= {"delivery": line["delivery"], "answer": line.get("answer")}
    return list(decisions.values())


def line_of(firing: Firing) -> dict[str, Any]:
    """Return a decision as a line: what, who, and why."""
    return {"decision": firing.decision, **message_of(firing)}


def step_of(firing_id: str, delivery: str, *, at: datetime, answer: str | None = None) -> dict[str, Any]:
    """Return a step of a delivery as a line."""
    return {"id": firing_id, "delivery": delivery, "at": rfc3339(at), "answer": answer}


def message_of(firing: Firing) -> dict[str, Any]:
    """Return what is posted."""
    due = firing.due
    return {
        "id": due.id,
        "trigger": due.trigger,
        "when": due.when,
        "user_id": due.shopper,
        "due_at": rfc3339(due.at),
        "at": rfc3339(firing.at),
        "item_ids": list(due.item_ids),
        "why": [_plain(one) for one in due.evidence],
    }


def _plain(evidence: Evidence) -> dict[str, Any]:
    """Return evidence without what it does not say."""
    return {
        name: rfc3339(value) if isinstance(value, datetime) else value
        for name, value in vars(evidence).items()
        if value is not None
    }
