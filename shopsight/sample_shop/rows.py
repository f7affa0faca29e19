"""Event rows as parallel arrays, before they become Arrow columns."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shopsight.events import EVENT_NAMES

CODE: Final = {name: code for code, name in enumerate(EVENT_NAMES)}
"""Number of each event name in ``Rows.name_R``."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Event rows as parallel arrays. Legend: R rows; -1 stands for none."""

    session_R: NDArray[np.int64]
    name_R: NDArray[np.int8]
    time_R: NDArray[np.int64]
    """Microseconds since 1970."""
    event_R: NDArray[np.int64]
    """Number of the event in its block: the lines of one order or list share it."""
    line_R: NDArray[np.int32]
    item_R: NDArray[np.int32]
    quantity_R: NDArray[np.int32]
    order_R: NDArray[np.int64]
    """Session whose order a row belongs to."""
    list_position_R: NDArray[np.int32]
    rating_R: NDArray[np.int8]
    search_kind_R: NDArray[np.int8]
    """Number of a search's kind in ``SEARCH_KINDS``."""
    results_R: NDArray[np.int32]
    """Items that a search found."""
    credit_note_R: NDArray[np.bool_]
    """Whether a refund has a number of its own instead of the order's."""
    in_session_R: NDArray[np.bool_]
    """False for what happens days later: reviews and refunds."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.session_R)


def join_rows(first: Rows, second: Rows, *, session_offset: int) -> Rows:
    """Append rows whose sessions and events are numbered from 0 to others."""
    columns = {field.name: getattr(second, field.name) for field in fields(Rows)}
    columns["session_R"] = second.session_R + session_offset
    columns["order_R"] = np.where(second.order_R >= 0, second.order_R + session_offset, -1)
    columns["event_R"] = second.event_R + (int(first.event_R.max()) + 1 if len(first) else 0)
    return Rows(**{name: np.concatenate([getattr(first, name), column]) for name, column in columns.items()})
