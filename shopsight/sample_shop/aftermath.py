"""What follows an order days later: a review, or a refund."""

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop.rows import CODE, Rows
from shopsight.sample_shop.sessions import DAY_US

CREDIT_NOTES = 0.25
"""Share of the refunds that come as a credit note, with a number of its own."""


def add_days_later(rows: Rows, last_moment_S: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    """Append reviews (a quarter of the order lines, in 3 to 12 days) and refunds (one in twenty, in 2 to 10)."""
    orders = np.flatnonzero(rows.name_R == CODE["purchase"])
    extra = []
    for event, share, first, last in (("rate_item", 0.25, 3.0, 12.0), ("refund", 0.05, 2.0, 10.0)):
        at = orders[rng.random(len(orders)) < share]
        time = rows.time_R[at] + (rng.uniform(first, last, len(at)) * DAY_US).astype(np.int64)
        in_time = time < last_moment_S[rows.session_R[at]]
        extra.append((CODE[event], at[in_time], time[in_time]))
    source = np.concatenate([at for _, at, _ in extra])
    name = np.repeat(np.array([code for code, _, _ in extra], np.int8), [len(at) for _, at, _ in extra])
    rating = np.where(
        name == CODE["rate_item"], rng.choice([1, 2, 3, 4, 5], len(name), p=[0.06, 0.08, 0.14, 0.32, 0.4]), -1
    )
    events = len(rows) and int(rows.event_R[-1]) + 1
    refund = name == CODE["refund"]
    credit = refund & (rng.random(len(name)) < CREDIT_NOTES)
    return Rows(
        session_R=np.concatenate([rows.session_R, rows.session_R[source]]),
        name_R=np.concatenate([rows.name_R, name]),
        time_R=np.concatenate([rows.time_R, *[time for _, _, time in extra]]),
        event_R=np.concatenate([rows.event_R, events + np.arange(len(source))]),
        line_R=np.concatenate([rows.line_R, np.zeros(len(source), np.int32)]),
        item_R=np.concatenate([rows.item_R, rows.item_R[source]]),
        quantity_R=np.concatenate([rows.quantity_R, np.where(refund, rows.quantity_R[source], -1)]).astype(np.int32),
        order_R=np.concatenate([rows.order_R, np.where(refund, rows.order_R[source], -1)]),
        list_position_R=np.concatenate([rows.list_position_R, np.full(len(source), -1, np.int32)]),
        rating_R=np.concatenate([rows.rating_R, rating.astype(np.int8)]),
        search_kind_R=np.concatenate([rows.search_kind_R, np.full(len(source), -1, np.int8)]),
        results_R=np.concatenate([rows.results_R, np.full(len(source), -1, np.int32)]),
        credit_note_R=np.concatenate([rows.credit_note_R, credit]),
        in_session_R=np.concatenate([rows.in_session_R, np.zeros(len(source), np.bool_)]),
    )
