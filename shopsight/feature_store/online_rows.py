"""What materialisation and both online stores share: the shape of a row, and which of two rows is the newer."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from feast import FeatureView, RepoConfig

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)

SQL_TYPES: Final = {"Int64": "BIGINT", "Float64": "DOUBLE", "String": "VARCHAR", "Array(String)": "VARCHAR[]"}
"""DuckDB's name for each Feast type that a view may use."""


class OnlineRow(NamedTuple):
    """What is known about one entity."""

    key: str
    """The value of the view's one join key."""
    event_us: int
    """When the values became known, in microseconds since 1970 UTC."""
    created_us: int
    """When the last of the rows behind them arrived; of two rows the greater (event_us, created_us) is the newer."""
    values: Sequence[Any]
    """The features in the order of the view: int, float, str, list of str, or None."""


class MonotoneOnlineStore(Protocol):
    """What materialisation asks of an online store beyond Feast's own interface."""

    def write_rows(
        self, config: "RepoConfig", table: "FeatureView", rows: Sequence[OnlineRow], *, rewrite: bool
    ) -> int:
        """Write the rows that are newer than what is held, with ``rewrite`` also equally new; return how many."""

    def held_fields(self, config: "RepoConfig", table: "FeatureView") -> str | None:
        """Return the fields that the view's rows were last completely written with."""

    def record_fields(self, config: "RepoConfig", table: "FeatureView", fields: str) -> None:
        """Remember that all rows of the view now have these fields."""

    def erase(self, config: "RepoConfig", tables: Sequence["FeatureView"], keys: Sequence[str]) -> int:
        """Delete all that is held on these entities; return how many rows (SQLite) or keys (Redis) went."""


def microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970 UTC; a naive moment is UTC, as Feast hands it over."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // MICROSECOND
