"""What happens around an item view and around a session, with what chance."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop.catalogue import Catalogue
from shopsight.sample_shop.journeys import Views
from shopsight.sample_shop.search import (
    LIST_LENGTH,
    MAX_FAILURES,
    draw_clicked_kinds,
    draw_failed_kinds,
    draw_failures,
    draw_places,
)
from shopsight.sample_shop.sessions import ALONE_PAGE, ALONE_SEARCH, MAX_SESSION_US, NOT_ALONE, Sessions

SLOTS: Final = 16
"""Keys per view: slots order what happens around it; a session's own rows stand before the first and after the last."""
SEARCHES_FIRST, SEARCHES_ON, LISTED = 0.20, 0.02, 0.09
"""Chances that a shopper's first look and a further one come after a search, and any look after a list."""
GIVES_UP: Final = 0.3
"""Share of the failed searches after which the session ends, where it ends without a checkout."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows of one event name before they are put in order."""

    name: str
    session: NDArray[np.int64]
    key: NDArray[np.int64]
    """Place in the session."""
    item: NDArray[np.int32]
    line: NDArray[np.int64] | None = None
    list_position: NDArray[np.int64] | None = None
    search_kind: NDArray[np.int8] | None = None
    clicked: bool = False
    """Whether an item follows the searches."""
    orders: bool = False
    """Whether the rows are lines of an order."""


def around_views(catalogue: Catalogue, sessions: Sessions, views: Views, rng: np.random.Generator) -> list[Part]:
    """Return what happens at a view: the search or list that led there, the cart, the wishlist, a question."""
    session, item = views.session_V, views.item_V
    size, base = len(session), views.position_V * SLOTS + SLOTS
    bot, buying, chosen = sessions.bot_S[session], sessions.buying_S[session], views.chosen_V
    open_V = ~bot & (sessions.alone_S[session] == NOT_ALONE)
    in_stock = ~catalogue.is_sold_out(item, sessions.start_S[session], ahead_us=MAX_SESSION_US)

    def part(name: str, chance: NDArray[np.float64] | float, slot: int) -> Part:
        at = np.flatnonzero(rng.random(size) < chance)
        return Part(name=name, session=session[at], key=base[at] + slot, item=item[at])

    # Four in ten checkouts begin straight at the item's page, and most filled carts are left: a cart is no proof.
    carted = np.where(chosen, 0.58, np.where(buying, 0.11, 0.075)) * (open_V & in_stock)
    cart = part("add_to_cart", carted, 6)
    # Nothing that is about to be ordered is taken out again.
    removed = rng.random(len(cart.session)) < np.where(np.isin(cart.session, session[chosen]), 0.0, 0.3)
    return [
        *_lists(catalogue, views, np.flatnonzero((rng.random(size) < LISTED) & open_V), base, rng),
        *_searches(sessions, views, open_V, base, rng),
        Part(name="view_item", session=session, key=base + 3, item=item),
        part("ask_question", np.where(buying, 0.022, 0.014) * open_V, 4),
        part("add_to_wishlist", np.where(buying, 0.03, 0.025) * open_V, 5),
        cart,
        Part(
            name="remove_from_cart", session=cart.session[removed], key=cart.key[removed] + 1, item=cart.item[removed]
        ),
        part("page_view", np.where(bot, 0.2, 0.03 * open_V), 9),
    ]


def _lists(
    catalogue: Catalogue, views: Views, listed: NDArray[np.int64], base: NDArray[np.int64], rng: np.random.Generator
) -> list[Part]:
    """Return lists that were seen before a view, and the clicks on those that led to it."""
    session, item = views.session_V[listed], views.item_V[listed]
    leaf = catalogue.leaf_I[item].astype(np.int64)
    items_P = np.stack([catalogue.pick(leaf, rng.random(len(listed))) for _ in range(LIST_LENGTH)])
    # What is clicked stands in its place by chance alone, so that clicks by place show the bias and nothing else.
    place = draw_places(len(listed), rng)
    clicked = np.flatnonzero(place >= 0)
    items_P[place[clicked], clicked] = item[clicked]
    return [
        Part(
            name="view_item_list",
            session=np.repeat(session, LIST_LENGTH),
            key=np.repeat(base[listed] + 1, LIST_LENGTH),
            item=items_P.T.reshape(-1),
            line=np.tile(np.arange(LIST_LENGTH), len(listed)),
            list_position=np.tile(np.arange(1, LIST_LENGTH + 1), len(listed)),
        ),
        Part(
            name="select_item",
            session=session[clicked],
            key=base[listed][clicked] + 2,
            item=item[clicked],
            list_position=place[clicked] + 1,
        ),
    ]


def _searches(
    sessions: Sessions, views: Views, open_V: NDArray[np.bool_], base: NDArray[np.int64], rng: np.random.Generator
) -> list[Part]:
    """Return searches that led to a view, those that failed before them, and those that were all of a visit."""
    session, first = views.session_V, views.position_V == 0
    arrived = sessions.by_search_S[session] & first
    # A passer-by whose first search fails is gone; that was settled when the visit was drawn.
    passing = sessions.passer_by_S[session]
    chance = np.where(first, np.where(passing, 0.0, SEARCHES_FIRST), SEARCHES_ON)
    tried = np.flatnonzero((rng.random(len(session)) < chance) & open_V)
    failures = draw_failures(len(tried), rng)
    view = np.repeat(tried, failures)
    nth = np.arange(len(view)) - np.repeat(np.cumsum(failures) - failures, failures)
    end = (sessions.views_S[session[view]] + 1) * SLOTS
    # Some failures come last instead of first: whoever gives up then leaves.
    gives_up = (rng.random(len(view)) < GIVES_UP) & ~sessions.reaches_S[session[view]]
    clicked = np.concatenate([np.flatnonzero(arrived), tried])
    alone = np.flatnonzero(sessions.alone_S == ALONE_SEARCH)
    return [
        Part(
            name="search",
            session=session[clicked],
            key=base[clicked],
            item=views.item_V[clicked],
            search_kind=draw_clicked_kinds(len(clicked), rng),
            clicked=True,
        ),
        Part(
            name="search",
            session=session[view],
            key=np.where(gives_up, end + 4 + nth, base[view] - MAX_FAILURES + nth),
            item=views.item_V[view],
            search_kind=draw_failed_kinds(len(view), rng),
        ),
        Part(
            name="search",
            session=alone,
            key=np.full(len(alone), SLOTS),
            item=np.full(len(alone), -1, np.int32),
            search_kind=draw_failed_kinds(len(alone), rng),
        ),
    ]


def around_sessions(catalogue: Catalogue, sessions: Sessions, views: Views, rng: np.random.Generator) -> list[Part]:
    """Return what happens once in a session: entry, banners, a look at the cart, checkout and order."""
    size = len(sessions.user_S)
    everyone = np.arange(size)
    open_S = ~sessions.bot_S & (sessions.alone_S == NOT_ALONE)

    def part(name: str, chance: NDArray[np.float64] | float, key: NDArray[np.int64] | int) -> Part:
        at = everyone[(rng.random(size) < chance) & open_S]
        where = np.broadcast_to(key, size)[at]
        return Part(name=name, session=at, key=where.astype(np.int64), item=np.full(len(at), -1, np.int32))

    end = (sessions.views_S + 1) * SLOTS
    promotion = part("view_promotion", np.where(sessions.campaign_S >= 0, 0.6, 0.08), 1)
    followed = rng.random(len(promotion.session)) < 0.3
    middle = (sessions.views_S // 2 + 1) * SLOTS + 10
    chosen = np.full(size, -1, np.int32)
    chosen[views.session_V[views.chosen_V]] = views.item_V[views.chosen_V]
    checkouts, orders = everyone[sessions.reaches_S], everyone[sessions.buys_S]
    # A third of the orders take the item's complement along, as a second line.
    second = catalogue.next_IN[chosen[orders], 1]
    gone = catalogue.is_sold_out(second, sessions.start_S[orders], ahead_us=MAX_SESSION_US)
    basket = (rng.random(len(orders)) < 0.35) & ~gone
    alone = everyone[sessions.alone_S == ALONE_PAGE]
    return [
        part("page_view", 0.45, 0),
        Part(name="page_view", session=alone, key=alone * 0, item=np.full(len(alone), -1, np.int32)),
        promotion,
        Part(
            name="select_promotion",
            session=promotion.session[followed],
            key=promotion.key[followed] + 1,
            item=promotion.item[followed],
        ),
        part("view_cart", np.where(sessions.buying_S, 0.24, 0.09), middle),
        part("view_cart", np.where(sessions.reaches_S, 0.42, 0.10), end),
        Part(
            name="begin_checkout", session=checkouts, key=end[checkouts] + 1, item=np.full(len(checkouts), -1, np.int32)
        ),
        Part(
            name="purchase",
            session=np.concatenate([orders, orders[basket]]),
            key=np.concatenate([end[orders] + 2, end[orders[basket]] + 2]),
            item=np.concatenate([chosen[orders], second[basket]]),
            line=np.repeat([0, 1], [len(orders), int(basket.sum())]),
            orders=True,
        ),
    ]
