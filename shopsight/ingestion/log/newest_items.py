"""What the newest row of each item in the event log says, of columns that no mart has."""

from collections.abc import Sequence
from pathlib import Path

from shopsight.marts import sql_list


def newest_items(event_log: Path, columns: Sequence[str]) -> str | None:
    """Return the query of ``item_id`` and some columns of each item's newest row; None where no item was logged.

    Args:
        event_log: the folder of the log, which need not be there.
        columns: of items.
    """
    batches = sorted(event_log.glob("arrival_date=*/batch=*/items.parquet"))
    if not batches:
        return None
    return f"""select item_id, {", ".join(columns)} from read_parquet({sql_list(batches)})
        qualify row_number() over (
            partition by item_id order by coalesce(valid_from, created_timestamp) desc, created_timestamp desc
        ) = 1"""
