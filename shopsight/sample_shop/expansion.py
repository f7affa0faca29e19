"""From views to event rows in time: the parts are put in order and every row gets its moment."""

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop.aftermath import add_days_later
from shopsight.sample_shop.catalogue import Catalogue
from shopsight.sample_shop.journeys import Views
from shopsight.sample_shop.rows import CODE, Rows
from shopsight.sample_shop.search import draw_results
from shopsight.sample_shop.sessions import MAX_SESSION_US, Sessions
from shopsight.sample_shop.surroundings import around_sessions, around_views

_KEYS = 8_192  # more than 16 slots times the 320 views of the busiest bot


def build_rows(
    catalogue: Catalogue,
    sessions: Sessions,
    views: Views,
    last_moment_S: NDArray[np.int64],
    rng: np.random.Generator,
) -> Rows:
    """Expand views to rows and give each its time; ``last_moment_S`` bounds what happens days later."""
    parts = [*around_views(catalogue, sessions, views, rng), *around_sessions(catalogue, sessions, views, rng)]
    sizes = [len(part.session) for part in parts]
    session = np.concatenate([part.session for part in parts])
    key = np.concatenate([part.key for part in parts])
    line = np.concatenate([_or_default(part.line, 0, size) for part, size in zip(parts, sizes, strict=True)])
    place = np.concatenate([_or_default(part.list_position, -1, size) for part, size in zip(parts, sizes, strict=True)])
    order = np.argsort((session * _KEYS + key) * 8 + line, kind="stable")
    session, line = session[order], line[order]
    name = np.repeat(np.array([CODE[part.name] for part in parts], dtype=np.int8), sizes)[order]
    orders = np.repeat(np.array([part.orders for part in parts]), sizes)[order]
    kind = np.concatenate([_or_default(part.search_kind, -1, size) for part, size in zip(parts, sizes, strict=True)])
    kind = kind[order].astype(np.int8)
    clicked = np.repeat(np.array([part.clicked for part in parts]), sizes)[order]
    results = np.full(len(session), -1, dtype=np.int32)
    results[kind >= 0] = draw_results(kind[kind >= 0], clicked[kind >= 0], rng)
    counted = np.isin(name, [CODE["add_to_cart"], CODE["remove_from_cart"], CODE["purchase"]])
    rows = Rows(
        session_R=session,
        name_R=name,
        time_R=sessions.start_S[session] + _gaps(sessions, session, name, line, rng),
        event_R=np.cumsum(line == 0) - 1,
        line_R=line.astype(np.int32),
        item_R=np.concatenate([part.item for part in parts]).astype(np.int32)[order],
        quantity_R=np.where(counted, 1, -1).astype(np.int32),
        order_R=np.where(orders, session, -1),
        list_position_R=place[order].astype(np.int32),
        rating_R=np.full(len(session), -1, dtype=np.int8),
        search_kind_R=kind,
        results_R=results,
        credit_note_R=np.zeros(len(session), dtype=np.bool_),
        in_session_R=np.ones(len(session), dtype=np.bool_),
    )
    more = (name == CODE["purchase"]) & (rng.random(len(name)) < 0.12)
    rows.quantity_R[more] = 2
    return add_days_later(rows, last_moment_S, rng)


def _or_default(
    column: NDArray[np.int64] | NDArray[np.int8] | None, default: int, size: int
) -> NDArray[np.int64] | NDArray[np.int8]:
    return np.full(size, default) if column is None else column


def _gaps(
    sessions: Sessions,
    session: NDArray[np.int64],
    name: NDArray[np.int8],
    line: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return microseconds since the session's start: log-normal pauses, none between the lines of one event."""
    starts = np.concatenate([[True], session[1:] != session[:-1]]) if len(session) else np.zeros(0, np.bool_)
    quick = np.isin(name, [CODE["view_item_list"], CODE["select_item"], CODE["add_to_cart"], CODE["begin_checkout"]])
    pause = sessions.pace_S[session] * np.exp(rng.normal(0.0, 0.6, len(session))) * np.where(quick, 0.3, 1.0)
    # A pause of half an hour would cut the session in two.
    pause = np.where(starts | (line > 0), 0.0, np.clip(pause, 0.2, 1_200.0))
    elapsed = np.cumsum((pause * 1_000_000).astype(np.int64))
    elapsed -= elapsed[starts][np.cumsum(starts) - 1] if len(session) else 0
    return np.minimum(elapsed, MAX_SESSION_US - 1_000 + np.arange(len(session)) % 1_000)
