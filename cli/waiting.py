"""``shopsight waiting``: candidates that wait for a decision."""

from typing import Any

from rich.table import Table

from cli.console import out, print_json
from shopsight.clock import utc_now
from shopsight.errors import ShopsightError
from shopsight.settings import Settings


def list_waiting(*, as_json: bool) -> None:
    """Print what waits, what has waited longest first.

    Raises:
        ShopsightError: the file of approvers or the registry's journal cannot be read.
    """
    from orchestration.waiting import waiting_candidates

    settings, now = Settings(), utc_now()
    waiting = waiting_candidates(settings, now)
    if as_json:
        print_json([one.as_document(now) for one in waiting])
        return
    if not waiting:
        out.print("nothing waits for a decision")
        return
    result = Table()
    for column in ("candidate", "model", "state", "waits for", "since", "age", "verdict holds until"):
        result.add_column(column)
    for one in waiting:
        until = f"{one.expires_at:%Y-%m-%d %H:%M}" if one.expires_at else "–"
        cells = (one.model, one.state, one.for_whom, f"{one.since:%Y-%m-%d %H:%M}", one.age(now), until)
        result.add_row(f"{one.family} {one.version}", *cells)
    out.print(result, markup=False)
    if not settings.approvers_path.exists():
        out.print(f"{settings.approvers_path.name} does not exist: whoever is let in decides", markup=False)


def waiting_lines(settings: Settings) -> dict[str, Any]:
    """Return what `shopsight status` says of what waits; where that cannot be told, why."""
    from orchestration.waiting import waiting_candidates

    now = utc_now()
    try:
        waiting = waiting_candidates(settings, now)
    except ShopsightError as error:
        return {"waiting": [], "waiting_error": str(error)}
    return {"waiting": [one.as_document(now) | {"age": one.age(now)} for one in waiting], "waiting_error": None}
