"""Event logs in RetailRocket's columns as the ``interactions`` mart."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from shopsight.errors import ShopsightError

_NAMES = {"view": "view_item", "addtocart": "add_to_cart", "transaction": "purchase"}


class UnreadableEventsError(ShopsightError):
    """The event log or the held-out purchases are not in the columns of RetailRocket."""


def read_event_log(path: Path) -> pa.Table:
    """Read ``timestamp`` (ms), ``visitorid``, ``event``, ``itemid`` in the order of the file.

    Raises:
        UnreadableEventsError: the file is no such CSV, a column is missing, or an event has an unknown name.
    """
    try:
        raw = pyarrow.csv.read_csv(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise UnreadableEventsError(
            f"{path} cannot be read as CSV.", why=str(error), fix="pass events.csv of RetailRocket"
        ) from error
    if missing := {"timestamp", "visitorid", "event", "itemid"} - set(raw.column_names):
        raise UnreadableEventsError(
            f"{path} has no column {', '.join(sorted(missing))}.",
            why="the protocol reads RetailRocket's columns",
            fix="pass events.csv as RetailRocket names its columns",
        )
    if unknown := set(pc.unique(raw["event"]).to_pylist()) - set(_NAMES):
        raise UnreadableEventsError(
            f"{path} has events named {', '.join(map(repr, sorted(unknown)))}.",
            why=f"the protocol knows {', '.join(_NAMES)}",
            fix="leave these rows out",
        )
    return pa.table(
        {
            "user_id": raw["visitorid"].cast(pa.string()),
            "item_id": raw["itemid"].cast(pa.string()),
            "event_name": [_NAMES[event] for event in raw["event"].to_pylist()],
            "event_timestamp": raw["timestamp"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.timestamp("us", tz="UTC")),
            "nth": pa.array(range(len(raw)), pa.int64()),
        }
    )
