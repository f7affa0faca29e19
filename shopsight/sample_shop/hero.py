"""Maya, whose history is written by hand, so that a reader can judge her recommendations by eye."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop.catalogue import Catalogue
from shopsight.sample_shop.config import SampleShopConfig
from shopsight.sample_shop.rows import CODE, Rows
from shopsight.sample_shop.search import SEARCH_KINDS
from shopsight.sample_shop.sessions import DAY_US, LOGGED_IN, LOGS_IN, NOT_ALONE, Sessions, zone_hours
from shopsight.sample_shop.shelves import LEAVES

SEARCH, QUESTION, REVIEW = "search", "ask_question", "rate_item"

# Days before the end, then what happened: (event, item of the trail or None, text).
STORY: Final[tuple[tuple[int, tuple[tuple[str, int | None, str | None], ...]], ...]] = (
    (
        13,
        (
            (SEARCH, None, "road running shoes"),
            ("view_item", 0, None),
            (QUESTION, 0, "is the Veloria Aero 3 good for a first half marathon?"),
            ("add_to_cart", 0, None),
            ("begin_checkout", None, None),
            ("purchase", 0, None),
        ),
    ),
    (
        10,
        (
            (SEARCH, None, "blister free running socks"),
            ("view_item", 1, None),
            ("add_to_cart", 1, None),
            ("purchase", 1, None),
        ),
    ),
    (
        7,
        (
            ("view_item", 2, None),
            ("add_to_wishlist", 2, None),
            (SEARCH, None, "Tempora Pulse 2 vs Tempora Orion"),
            ("view_item", 2, None),
            ("add_to_cart", 2, None),
            ("purchase", 2, None),
        ),
    ),
    (5, ((REVIEW, 0, "Love my Veloria Aero 3, light and comfortable. Highly recommended."),)),
    (
        3,
        (
            ("view_item", 3, None),
            ("add_to_wishlist", 3, None),
            ("view_item", 3, None),
            ("add_to_cart", 3, None),
            ("purchase", 3, None),
        ),
    ),
    (
        1,
        (
            (SEARCH, None, "waterproof trail running shoes"),
            ("view_item", 4, None),
            ("add_to_wishlist", 4, None),
            ("view_item", 4, None),
        ),
    ),
)
"""Maya's sessions: from her first road shoes to the trail shoes that she is looking at now."""

EXPECTED: Final = (5, 6, 7)
"""What should come next: the rest of the trail, its very next item first."""

_LABELS = {
    "waterproof trail running shoes": 0,
    "road running shoes": 0,
    "blister free running socks": 0,
    "Tempora Pulse 2 vs Tempora Orion": 1,
}
_KINDS = {
    text: [kind.name for kind in SEARCH_KINDS].index("comparison" if label == 1 else "broad")
    for text, label in _LABELS.items()
}
_STEP_US = 45_000_000


@dataclass(frozen=True, kw_only=True)
class HeroPart:
    """Her sessions and rows, numbered from 0."""

    sessions: Sessions
    rows: Rows
    text_R: NDArray[np.object_]
    label_R: NDArray[np.int8]


def hero_part(config: SampleShopConfig, catalogue: Catalogue) -> HeroPart:
    """Return Maya's history, told backwards from the end of the shop's history."""
    end = config.starts_at_us + config.days * DAY_US
    evening_us, hours = 19 * 3_600_000_000 + 30 * 60_000_000, zone_hours(config)
    starts = np.array(
        [end - (days + 1) * DAY_US + evening_us - round(hours[-days - 1] * 3.6e9) for days, _ in STORY], dtype=np.int64
    )
    scenes = [(nth, step, *line) for nth, (_, lines) in enumerate(STORY) for step, line in enumerate(lines)]
    session = np.array([nth for nth, *_ in scenes])
    name = np.array([CODE[event] for _, _, event, _, _ in scenes], dtype=np.int8)
    item = np.array([-1 if stop is None else catalogue.trail[stop] for _, _, _, stop, _ in scenes], dtype=np.int32)
    size = len(scenes)
    text = [line for *_, line in scenes]
    searched = name == CODE[SEARCH]
    carted = np.isin(name, [CODE["add_to_cart"], CODE["purchase"]])
    rows = Rows(
        session_R=session,
        name_R=name,
        time_R=starts[session] + np.array([step for _, step, *_ in scenes]) * _STEP_US,
        event_R=np.arange(size),
        line_R=np.zeros(size, np.int32),
        item_R=item,
        quantity_R=np.where(carted, 1, -1).astype(np.int32),
        order_R=np.where(name == CODE["purchase"], session, -1),
        list_position_R=np.full(size, -1, np.int32),
        rating_R=np.where(name == CODE[REVIEW], 5, -1).astype(np.int8),
        search_kind_R=np.array([_KINDS.get(line or "", -1) for line in text], dtype=np.int8),
        results_R=np.where(searched, 6, -1).astype(np.int32),
        credit_note_R=np.zeros(size, np.bool_),
        in_session_R=np.ones(size, np.bool_),
    )
    by_event = {CODE[QUESTION]: 2, CODE[REVIEW]: 3}
    label = [
        -1 if line is None else _LABELS.get(line, by_event.get(int(code), -1))
        for code, line in zip(name, text, strict=True)
    ]
    return HeroPart(
        sessions=_sessions(starts),
        rows=rows,
        text_R=np.array(text, dtype=np.object_),
        label_R=np.array(label, dtype=np.int8),
    )


def _sessions(starts: NDArray[np.int64]) -> Sessions:
    size = len(starts)
    bought = np.array([any(event == "purchase" for event, _, _ in lines) for _, lines in STORY])
    shelf = next(number for number, leaf in enumerate(LEAVES) if leaf.name == "Running Shoes")
    zeros, ones = np.zeros(size, np.int64), np.ones(size)
    return Sessions(
        user_S=zeros,
        start_S=starts,
        buying_S=bought,
        reaches_S=bought,
        buys_S=bought,
        leaf_S=zeros + shelf,
        focus_S=ones,
        return_S=ones * 0.2,
        pace_S=ones * 45.0,
        views_S=np.array([sum(event == "view_item" for event, _, _ in lines) for _, lines in STORY]),
        alone_S=np.full(size, NOT_ALONE),
        by_search_S=np.zeros(size, np.bool_),
        device_S=zeros,
        channel_S=zeros,
        campaign_S=zeros - 1,
        # She logs in half-way through her first visit: the chain has to stitch its first half to her.
        identity_S=np.array([LOGS_IN] + [LOGGED_IN] * (size - 1)),
        has_id_S=np.ones(size, np.bool_),
        passer_by_S=np.zeros(size, np.bool_),
        bot_S=np.zeros(size, np.bool_),
    )
