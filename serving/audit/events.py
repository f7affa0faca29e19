"""The event log around an answer: the batches that its features stand on, and the events that followed it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from serving.audit.trace import Origin, moments_by_user
from shopsight.clock import rfc3339
from shopsight.marts import export_path, mart_at, mart_exists, open_duckdb, sql_list
from shopsight.settings import Settings

if TYPE_CHECKING:
    import duckdb

FOLLOWING: Final = timedelta(hours=24)
"""How long events count as what followed an answer that they do not name."""
CLOCKS_DIFFER: Final = timedelta(days=1)
"""How much earlier than an answer what followed it may seem to have landed: batches have a day, and clocks differ."""
MAX_EVENTS: Final = 100
"""Events that are listed; all are counted."""
NOT_LANDED: Final = "events that the collector has and that are not in the event log yet are not among them"


def around(settings: Settings, origin: Origin) -> dict[str, Any]:
    """Return ``batches`` and ``events``, each with what it is based on, or ``not_said`` with the reason."""
    files = sorted(settings.event_log_dir.glob("*/*/events/*.parquet"))
    if not files:
        reason = {"not_said": f"there is no event log in {settings.home}"}
        return {"batches": reason, "events": reason}
    with open_duckdb() as connection:
        connection.execute(
            f"create view events as from read_parquet({sql_list(files)}, hive_partitioning=true, union_by_name=true)"
        )
        ids = {user: _ids_of(settings, connection, user) for user in origin.users}
        return {"batches": _batches(settings, connection, origin, ids), "events": _following(connection, origin, ids)}


def _ids_of(settings: Settings, connection: "duckdb.DuckDBPyConnection", user: str) -> list[str]:
    """Return a shopper's pseudonym and those of the devices that the warehouse links to it."""
    path = export_path(settings, "identities")
    if not mart_exists(path):
        return [user]
    linked = connection.execute(
        f"select anonymous_id from ({mart_at(path).rows()}) where user_id = ? and anonymous_id != user_id", [user]
    ).fetchall()
    return [user, *(row[0] for row in linked)]


def _batches(
    settings: Settings, connection: "duckdb.DuckDBPyConnection", origin: Origin, ids: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    answered = origin.logged.row["answered_at"]
    if not ids:
        return {"not_said": "the answer is about nobody: its features stand on no shopper's events"}
    by_user: dict[str, Any] = {}
    for user, as_of in moments_by_user(origin.logged.row).items():
        if as_of is None:
            by_user[user] = {"not_said": "the row does not say as of when the features are, or none were known"}
            continue
        rows = connection.execute(
            "select batch, cast(min(arrival_date) as varchar), count(*), min(event_timestamp), max(event_timestamp) "
            "from events where (list_contains($ids, user_id) or list_contains($ids, anonymous_id)) "
            "and event_timestamp <= $as_of group by batch order by batch",
            {"ids": list(ids[user]), "as_of": datetime.fromisoformat(as_of)},
        ).fetchall()
        batches = []
        for batch, arrived, count, first, last in rows:
            received = _received_at(settings, arrived, batch)
            batches.append(
                {
                    "batch": batch,
                    "received_at": received,
                    "landed_before_the_answer": None if received is None else _is_before(received, answered),
                    "events": count,
                    "first": rfc3339(first),
                    "last": rfc3339(last),
                }
            )
        by_user[user] = {"features_as_of": as_of, "batches": batches}
    return {
        "by_user": by_user,
        "based_on": "events of the shopper and of linked devices until the features' moment, as the log has them now; "
        "of a batch that landed after the answer, features can only hold what the collector had told them by itself",
    }


def _received_at(settings: Settings, arrived: str, batch: str) -> str | None:
    """Return when a batch landed, as its manifest says."""
    manifest = settings.event_log_dir / f"arrival_date={arrived}" / f"batch={batch}" / "manifest.json"
    try:
        received: str | None = json.loads(manifest.read_text())["received_at"]
    except (OSError, ValueError, KeyError):
        return None
    return received


def _is_before(moment: str, other: str) -> bool:
    return datetime.fromisoformat(moment) <= datetime.fromisoformat(other)


def _following(
    connection: "duckdb.DuckDBPyConnection", origin: Origin, ids: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    row = origin.logged.row
    answered = datetime.fromisoformat(row["answered_at"])
    if "recommendation_id" in row:
        named = _events(connection, answered, "recommendation_id = $id", {"id": row["recommendation_id"]})
        if named:
            return _listed(named, "events that name this recommendation_id")
    everyone = [one for of_user in ids.values() for one in of_user]
    session = row.get("session_id")
    if not everyone and session is None:
        return {"not_said": f"no event names the answer, and it is about nobody; {NOT_LANDED}"}
    condition = (
        "(list_contains($ids, user_id) or list_contains($ids, anonymous_id) or session_id = $session) "
        "and event_timestamp > $begins and event_timestamp <= $ends"
    )
    values: dict[str, Any] = {
        "ids": everyone,
        "session": session,
        "begins": answered,
        "ends": answered + FOLLOWING,
    }
    hours = int(FOLLOWING.total_seconds() // 3600)
    whose = f"no event names the answer: the shopper's events within {hours} hours"
    if "recommendation_id" not in row:
        return _listed(_events(connection, answered, condition, values), whose)
    values["items"] = [item for item, *_ in row["results"]]
    return _listed(
        _events(connection, answered, f"{condition} and list_contains($items, item_id)", values),
        f"{whose} on the shown items",
    )


def _events(
    connection: "duckdb.DuckDBPyConnection", answered: datetime, condition: str, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the events after an answer that a condition holds for; batches that landed before it are not opened."""
    rows = connection.execute(
        "select event_name, event_timestamp, item_id, order_id, value, batch from events "
        f"where arrival_date >= $landed and {condition} order by event_timestamp, event_id",
        {**values, "landed": (answered - CLOCKS_DIFFER).date()},
    ).fetchall()
    names = ("event_name", "event_timestamp", "item_id", "order_id", "value", "batch")
    return [{**dict(zip(names, row, strict=True)), "event_timestamp": rfc3339(row[1])} for row in rows]


def _listed(events: Sequence[dict[str, Any]], based_on: str) -> dict[str, Any]:
    return {"count": len(events), "based_on": f"{based_on}; {NOT_LANDED}", "first": list(events[:MAX_EVENTS])}
