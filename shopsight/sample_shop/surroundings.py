"""What happens around an item view and around a session, with what chance."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop.catalogue import Catalogue
from shopsight.sample_shop.journeys import Views
from shopsight.sample_shop.sessions import Sessions

SLOTS: Final = 16
"""Keys per view: slots order what happens around it; a session's own rows stand before the first and after the last."""


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
    orders: bool = False
    """Whether the rows are lines of an order."""


def around_views(catalogue: Catalogue, sessions: Sessions, views: Views, rng: np.random.Generator) -> list[Part]:
    """Return what happens at a view: the list that led there, the search, the cart, the wishlist, a question."""
    session, item = views.session_V, views.item_V
    size, base = len(session), views.position_V * SLOTS + SLOTS
    bot, buying, bought = sessions.bot_S[session], sessions.buying_S[session], views.bought_V

    def part(name: str, chance: NDArray[np.float64] | float, slot: int) -> Part:
        at = np.flatnonzero(rng.random(size) < chance)
        return Part(name=name, session=session[at], key=base[at] + slot, item=item[at])

    listed = np.flatnonzero((rng.random(size) < 0.16) & ~bot)
    place = rng.integers(0, 3, len(listed))
    items = np.stack(
        [catalogue.pick(catalogue.leaf_I[item[listed]].astype(np.int64), rng.random(len(listed))) for _ in range(3)]
    )
    items[place, np.arange(len(listed))] = item[listed]
    clicked = np.flatnonzero(rng.random(len(listed)) < 0.85)
    # Four in ten orders are bought straight from the item's page, and most filled carts are left: a cart is no proof.
    carted = np.where(bought, 0.58, np.where(buying, 0.11, 0.075)) * ~bot
    cart = part("add_to_cart", carted, 6)
    # Nothing that is about to be ordered is taken out again.
    removed = rng.random(len(cart.session)) < np.where(np.isin(cart.session, session[bought]), 0.0, 0.3)
    return [
        Part(
            name="view_item_list",
            session=np.repeat(session[listed], 3),
            key=np.repeat(base[listed] + 1, 3),
            item=items.T.reshape(-1),
            line=np.tile(np.arange(3), len(listed)),
            list_position=np.tile(np.arange(1, 4), len(listed)),
        ),
        Part(
            name="select_item",
            session=session[listed][clicked],
            key=base[listed][clicked] + 2,
            item=item[listed][clicked],
            list_position=place[clicked] + 1,
        ),
        part("search", np.where(views.position_V == 0, 0.38, 0.05) * ~bot, 0),
        Part(name="view_item", session=session, key=base + 3, item=item),
        part("ask_question", np.where(buying, 0.022, 0.014) * ~bot, 4),
        part("add_to_wishlist", np.where(buying, 0.03, 0.025) * ~bot, 5),
        cart,
        Part(
            name="remove_from_cart", session=cart.session[removed], key=cart.key[removed] + 1, item=cart.item[removed]
        ),
        part("page_view", np.where(bot, 0.2, 0.03), 9),
    ]


def around_sessions(catalogue: Catalogue, sessions: Sessions, views: Views, rng: np.random.Generator) -> list[Part]:
    """Return what happens once in a session: entry, banners, a look at the cart, checkout and order."""
    size = len(sessions.user_S)
    everyone = np.arange(size)
    human = ~sessions.bot_S

    def part(
        name: str, chance: NDArray[np.float64] | float, key: NDArray[np.int64] | int, only: NDArray[np.bool_]
    ) -> Part:
        at = everyone[(rng.random(size) < chance) & only]
        where = np.broadcast_to(key, size)[at]
        return Part(name=name, session=at, key=where.astype(np.int64), item=np.full(len(at), -1, np.int32))

    end = (sessions.views_S + 1) * SLOTS
    promotion = part("view_promotion", np.where(sessions.campaign_S >= 0, 0.6, 0.08), 1, human)
    followed = rng.random(len(promotion.session)) < 0.3
    middle = (sessions.views_S // 2 + 1) * SLOTS + 10
    orders = everyone[sessions.buys_S]
    bought = views.item_V[views.bought_V]
    # A third of the orders take the item's complement along, as a second line.
    second = catalogue.next_IN[bought, 1]
    basket = rng.random(len(orders)) < 0.35
    return [
        part("page_view", 0.45, 0, human),
        promotion,
        Part(
            name="select_promotion",
            session=promotion.session[followed],
            key=promotion.key[followed] + 1,
            item=promotion.item[followed],
        ),
        part("view_cart", np.where(sessions.buying_S, 0.24, 0.09), middle, human),
        part("view_cart", np.where(sessions.buys_S, 0.42, 0.10), end, human),
        part(
            "begin_checkout", np.where(sessions.buys_S, 1.0, np.where(sessions.buying_S, 0.12, 0.004)), end + 1, human
        ),
        Part(
            name="purchase",
            session=np.concatenate([orders, orders[basket]]),
            key=np.concatenate([end[orders] + 2, end[orders[basket]] + 2]),
            item=np.concatenate([bought, second[basket]]),
            line=np.repeat([0, 1], [len(orders), int(basket.sum())]),
            orders=True,
        ),
    ]
