"""What materialisation and both online stores share: the shape of a row, and which of two rows is the newer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from feast import Entity, FeatureView, RepoConfig

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)

SQL_TYPES: Final = {
    "Int64": "BIGINT",
    "Float64": "DOUBLE",
    "String": "VARCHAR",
    "Array(String)": "VARCHAR[]",
    "Array(Float64)": "DOUBLE[]",
}
"""DuckDB's name for each Feast type that a view may use."""


KEY_SEPARATOR: Final = "\x1f"
"""Between the values of an entity with several keys; ASCII's own separator of units, which no id may hold."""

EXPIRES_AFTER_DAYS: Final = "expires_after_days"
"""Tag of a feature view whose rows are served and kept for so many days beside the view's newest row."""


OnlineRow = tuple[Any, ...]
"""What is known about one entity: ``(key, event_us, created_us, *features)``.

key: the value of the view's join key; of several, their values in the order of their names, joined.
event_us: when the values became known, in microseconds since 1970 UTC.
created_us: when the last of the rows behind them arrived; of two rows the greater (event_us, created_us) is the newer.
features: int, float, str, list of str, list of float or None, in the order of the view.

A plain tuple: of a million rows, each object that wraps one costs as much as its place in the store.
"""
KEY: Final = 0
EVENT_US: Final = 1
CREATED_US: Final = 2
VERSION: Final = slice(1, 3)
FEATURES: Final = slice(3, None)

ChangeRows = Callable[[str, list[OnlineRow | None]], list[OnlineRow | None]]
"""Makes an entity's new rows of some views from its key and the rows that are held; None is "nothing" on both sides."""


class MonotoneOnlineStore(Protocol):
    """What materialisation asks of an online store beyond Feast's own interface, and :meth:`update` of that."""

    def update(
        self,
        config: "RepoConfig",
        tables_to_delete: Sequence["FeatureView"],
        tables_to_keep: Sequence["FeatureView"],
        entities_to_delete: Sequence["Entity"],
        entities_to_keep: Sequence["Entity"],
        partial: bool,
    ) -> None:
        """Make room for the views that are kept, and delete all rows of those that go."""

    def write_rows(
        self, config: "RepoConfig", table: "FeatureView", rows: Sequence[OnlineRow], *, rewrite: bool
    ) -> int:
        """Write the rows that are newer than what is held, with ``rewrite`` also equally new; return how many."""

    def change_rows(
        self, config: "RepoConfig", tables: Sequence["FeatureView"], keys: Sequence[str], change: ChangeRows
    ) -> int:
        """Read entities' rows of views with the same join key and write what ``change`` makes of them, atomically.

        A row that is older than the held one is not written. ``change`` may be called more than once for an entity.
        Return of how many entities a row was written.
        """

    def purge(self, config: "RepoConfig", table: "FeatureView") -> int:
        """Delete the rows that have expired; return how many they were."""

    def stored_keys(self, config: "RepoConfig", table: "FeatureView") -> Iterator[list[tuple[str, int, int]]]:
        """Yield the key, the moment and the arrival of every row that is held of a view, in batches."""

    def stored_versions(
        self, config: "RepoConfig", table: "FeatureView", keys: Sequence[str]
    ) -> dict[str, tuple[int, int]]:
        """Return the moment and the arrival of those rows of a view that are held of some entities."""

    def drop_rows(self, config: "RepoConfig", table: "FeatureView", keys: Sequence[str]) -> int:
        """Delete one view's rows of these entities, and of no other view; return how many there were."""

    def held_fields(self, config: "RepoConfig", table: "FeatureView") -> str | None:
        """Return the fields that the view's rows were last completely written with."""

    def record_fields(self, config: "RepoConfig", table: "FeatureView", fields: str) -> None:
        """Remember that all rows of the view now have these fields."""

    def note(self, config: "RepoConfig", table: "FeatureView", text: str | None) -> None:
        """Keep a note of what the view's rows are as of; None forgets it."""

    def noted(self, config: "RepoConfig", table: "FeatureView") -> str | None:
        """Return the note; None where there is none, or rows were lost since that nobody asked to delete."""

    def erase(self, config: "RepoConfig", tables: Sequence["FeatureView"], keys: Sequence[str]) -> int:
        """Delete all that is held on these entities; return how many rows (SQLite) or keys (Redis) went."""


def rows_to_write(
    stored: Mapping[str, list[OnlineRow | None]], change: ChangeRows, *, views: int
) -> tuple[list[list[OnlineRow]], int]:
    """Return what is to be written of each view, and of how many entities that is.

    Args:
        stored: of each entity the row that is held of each view.
        change: makes the new rows of one entity.
        views: how many views there are.
    """
    to_write: list[list[OnlineRow]] = [[] for _ in range(views)]
    changed = 0
    for key, before in stored.items():
        written = 0
        for rows, row, old in zip(to_write, change(key, before), before, strict=True):
            if row is not None and (old is None or row[VERSION] >= old[VERSION]):
                rows.append(row)
                written += 1
        changed += written > 0
    return to_write, changed


def microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970 UTC; a naive moment is UTC, as Feast hands it over."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // MICROSECOND


def fields_of(view: "FeatureView") -> str:
    """Return what the rows of a view hold, as a store remembers it."""
    return ", ".join(sorted(f"{field.name} {field.dtype}" for field in view.features))


def expiry(view: "FeatureView") -> timedelta | None:
    """Return how much older than the view's newest row a row may be and still be served; None for ever.

    Measured against the newest row rather than a clock, because the history of past years must be servable too.
    """
    days = view.tags.get(EXPIRES_AFTER_DAYS)
    return None if days is None else timedelta(days=float(days))


def oldest_served(view: "FeatureView", rows: Sequence[OnlineRow]) -> int | None:
    """Return the event time, in microseconds, before which rows of the view have expired once these are written."""
    lifetime = expiry(view)
    if lifetime is None or not rows:
        return None
    newest: int = max(row[EVENT_US] for row in rows)
    return newest - lifetime // MICROSECOND
