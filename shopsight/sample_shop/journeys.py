"""Which items shoppers look at, one after the other, and which they order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop.catalogue import NEXT_SHARES, Catalogue
from shopsight.sample_shop.people import People
from shopsight.sample_shop.sessions import MAX_SESSION_US, Sessions

FRESH, _NEXT, _RETURN, _COMPLEMENT, _TRAIL = range(5)


@dataclass(frozen=True, kw_only=True)
class Views:
    """Item views in the order they happen. Legend: V views, S sessions."""

    session_V: NDArray[np.int64]
    position_V: NDArray[np.int64]
    """Place of the view in its session, from 0."""
    item_V: NDArray[np.int32]
    chosen_V: NDArray[np.bool_]
    """The view whose item the session takes to the checkout."""
    first_S: NDArray[np.int64]
    """First view of each session."""


def draw_views(catalogue: Catalogue, people: People, sessions: Sessions, rng: np.random.Generator) -> Views:
    """Walk every shopper through the catalogue, one look at a time, all shoppers side by side.

    A look is fresh (by taste, price and popularity), leads on from the item before it, returns to the session's first
    item, complements the last order, or follows the runner's trail.
    """
    views_S = sessions.views_S
    session = np.repeat(np.arange(len(views_S)), views_S)
    first_S = np.cumsum(views_S) - views_S
    position = np.arange(len(session)) - first_S[session]
    kind = draw_kinds(people, sessions, session, position, rng)
    chosen = _chosen_views(sessions, first_S, rng)[session] == position
    bought = chosen & sessions.buys_S[session]
    fresh, rival = (_fresh_items(catalogue, people, sessions, session, rng) for _ in range(2))
    next_slot = np.searchsorted(np.cumsum(NEXT_SHARES[:-1]), rng.random(len(session)))
    complement_slot = 1 + 2 * (rng.random(len(session)) < 0.25)
    # Whoever sets out to buy compares items of about the same price.
    tight = rng.random(len(session)) < np.where(sessions.buying_S, 0.75, 0.1)[session]

    user_V = sessions.user_S[session]
    users, offset, count = np.unique(user_V, return_index=True, return_counts=True)
    by_length = np.argsort(-count, kind="stable")
    offset, count = offset[by_length], count[by_length]
    price = np.log(catalogue.price_I)
    item_V = np.empty(len(session), dtype=np.int32)
    previous = anchor = ordered = np.full(len(users), -1, dtype=np.int32)
    previous, anchor, ordered = previous.copy(), anchor.copy(), ordered.copy()
    trail_next = np.full(len(catalogue.item_ids), catalogue.trail[0], dtype=np.int32)
    trail_next[catalogue.trail[:-1]] = catalogue.trail[1:]
    walked = np.full(len(users), catalogue.trail[-1], dtype=np.int32)
    for step in range(int(count.max(initial=0))):
        active = int(np.searchsorted(-count, -step, side="left"))
        at = offset[:active] + step
        now, starts = kind[at], position[at] == 0
        before, home, order = previous[:active], anchor[:active], ordered[:active]
        item, other = fresh[at], rival[at]
        closer = np.abs(price[other] - price[home]) < np.abs(price[item] - price[home])
        item = np.where(tight[at] & ~starts & closer, other, item)
        item = np.where((now == _NEXT) & (before >= 0), catalogue.next_IN[before, next_slot[at]], item)
        item = np.where((now == _RETURN) & ~starts, home, item)
        item = np.where((now == _COMPLEMENT) & (order >= 0), catalogue.next_IN[order, complement_slot[at]], item)
        item = np.where(now == _TRAIL, trail_next[walked[:active]], item)
        # Nobody takes to the checkout what has run out, or does while the session lasts.
        gone = chosen[at] & catalogue.is_sold_out(item, sessions.start_S[session[at]], ahead_us=MAX_SESSION_US)
        item = np.where(gone, catalogue.substitute_I[item], item)
        item_V[at] = item
        previous[:active] = item
        anchor[:active] = np.where(starts, item, home)
        ordered[:active] = np.where(bought[at], item, order)
        walked[:active] = np.where(now == _TRAIL, item, walked[:active])
    return Views(session_V=session, position_V=position, item_V=item_V, chosen_V=chosen, first_S=first_S)


def draw_kinds(
    people: People,
    sessions: Sessions,
    session: NDArray[np.int64],
    position: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """Return why each item is looked at: afresh (:data:`FRESH`), led to by another, or on the trail."""
    uniform = rng.random(len(session))
    returns = sessions.return_S[session]
    leads_on = np.where(position == 0, 0.2, (1.0 - returns) * 0.55)
    complements = np.where(position == 0, 0.45, 0.04)
    kind = np.full(len(session), FRESH, dtype=np.int8)
    kind[uniform < leads_on + returns + complements] = _COMPLEMENT
    kind[uniform < leads_on + returns] = _RETURN
    kind[uniform < leads_on] = _NEXT
    runner = people.runner_U[sessions.user_S[session]]
    kind[runner & (rng.random(len(session)) < 0.35)] = _TRAIL
    kind[sessions.bot_S[session]] = FRESH
    return kind


def _chosen_views(sessions: Sessions, first_S: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the position of the view that leads to each session's checkout: in its later half, or -1."""
    late = np.floor(sessions.views_S * (0.5 + 0.5 * rng.random(len(first_S)))).astype(np.int64)
    return np.where(sessions.reaches_S, np.minimum(late, sessions.views_S - 1), -1)


def _fresh_items(
    catalogue: Catalogue,
    people: People,
    sessions: Sessions,
    session: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    """Pick an item afresh: by shelf, popularity and the shopper's feeling for price."""
    size = len(session)
    stays = rng.random(size) < sessions.focus_S[session]
    user = sessions.user_S[session]
    favourite = people.favourites_UF[user, rng.choice(3, size=size, p=[0.6, 0.25, 0.15])].astype(np.int64)
    departments = catalogue.leaf_department_L
    first, shelves = np.searchsorted(departments, np.arange(departments[-1] + 1)), np.bincount(departments)
    elsewhere = first[favourite] + (rng.random(size) * shelves[favourite]).astype(np.int64)
    bot = sessions.bot_S[session]
    anywhere = rng.integers(0, len(departments), size)
    leaf = np.where(bot, anywhere, np.where(stays, sessions.leaf_S[session], elsewhere))
    candidates = np.stack([catalogue.pick(leaf, rng.random(size)) for _ in range(3)])
    cheapest = np.argmin(catalogue.price_I[candidates], axis=0)
    thrifty = (rng.random(size) < people.sensitivity_U[user]) & ~bot
    chosen: NDArray[np.int32] = candidates[np.where(thrifty, cheapest, 0), np.arange(size)]
    return chosen
