"""When shoppers come, with what in mind, and how that shapes a session."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop import vocabulary as words
from shopsight.sample_shop.catalogue import Catalogue
from shopsight.sample_shop.config import BOT_SESSIONS, SampleShopConfig
from shopsight.sample_shop.people import People
from shopsight.sample_shop.shelves import DEPARTMENTS

DAY_US = 86_400_000_000
EVENTS_PER_SESSION = 11.5
"""Rows of a session on average; measured, so that a shop comes near the events asked for."""
WEEKDAYS = np.array([1.0, 0.94, 0.95, 1.0, 1.1, 1.4, 1.3])
"""Traffic by weekday, Monday first."""
TREND = 0.4
"""Growth of daily traffic from the first day to the last."""
CHANNELS = ("direct", "organic", "paid", "email", "social")
BUYS_AS_PLANNED, BUYS_AFTER_ALL = 0.72, 0.025
"""Chance of an order in a session that set out to buy, and in one that only came to look."""
_SPACING_US = 4 * 3_600_000_000
LOGGED_IN, LOGS_IN, ANONYMOUS = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Sessions as parallel arrays, by user and time. Legend: S sessions."""

    user_S: NDArray[np.int64]
    start_S: NDArray[np.int64]
    """Microseconds since 1970."""
    buying_S: NDArray[np.bool_]
    """Whether the shopper set out to buy: shapes the session, and is not an event."""
    buys_S: NDArray[np.bool_]
    """Whether the session ends in a purchase."""
    leaf_S: NDArray[np.int64]
    """Shelf that the session is about."""
    focus_S: NDArray[np.float64]
    """Chance that a fresh look stays on that shelf."""
    return_S: NDArray[np.float64]
    """Chance of going back to an item seen before in the session."""
    pace_S: NDArray[np.float64]
    """Typical seconds between two events."""
    views_S: NDArray[np.int64]
    device_S: NDArray[np.int64]
    channel_S: NDArray[np.int64]
    campaign_S: NDArray[np.int64]
    """Campaign that brought the shopper, or -1."""
    identity_S: NDArray[np.int64]
    """Logged in throughout, logs in half-way, or anonymous throughout."""
    has_id_S: NDArray[np.bool_]
    """Whether the shop sent a session_id."""
    bot_S: NDArray[np.bool_]


_COLUMNS = tuple(field.name for field in fields(Sessions))


def day_weights(config: SampleShopConfig) -> NDArray[np.float64]:
    """Return each day's share of traffic: a weekly cycle on a rising trend."""
    days = np.arange(config.days)
    weekday = (config.starts_at_us // DAY_US + 3 + days) % 7  # 1970-01-01 was a Thursday
    weights: NDArray[np.float64] = WEEKDAYS[weekday] * (1.0 + TREND * days / config.days)
    return np.asarray(weights / weights.sum())


def session_scale(config: SampleShopConfig, people: People) -> float:
    """Return what ``rate_U`` must be multiplied by for the shop to have as many events as asked for."""
    total = np.concatenate([[0.0], np.cumsum(day_weights(config))])
    present = _until(people, config, total, slice(None)) - np.interp(people.joined_U, np.arange(config.days + 1), total)
    expected = float((people.rate_U * present)[~people.bot_U].sum())
    return (config.events - config.bot_events) / EVENTS_PER_SESSION / expected


def orders_per_day(config: SampleShopConfig, people: People) -> NDArray[np.float64]:
    """Return each shopper's orders on a day of average traffic while they are there, shape (U,).

    A day's orders are Poisson with this mean times :func:`day_weights` times the number of days. Bots order nothing;
    of the hero, whose history is written by hand, it is ``nan``.
    """
    chance = people.buying_U * BUYS_AS_PLANNED + (1.0 - people.buying_U) * BUYS_AFTER_ALL
    rates = np.where(people.bot_U, 0.0, people.rate_U * session_scale(config, people) * chance / config.days)
    rates[0] = np.nan
    return np.asarray(rates, dtype=np.float64)


def _until(people: People, config: SampleShopConfig, total: NDArray[np.float64], users: slice) -> NDArray[np.float64]:
    last = np.minimum(people.churn_U[users], config.days)
    return np.interp(last, np.arange(config.days + 1), total)


def draw_sessions(
    config: SampleShopConfig, catalogue: Catalogue, people: People, scale: float, users: slice, rng: np.random.Generator
) -> Sessions:
    """Draw the sessions of a block of shoppers, sorted by shopper and time, at least four hours apart."""
    total = np.concatenate([[0.0], np.cumsum(day_weights(config))])
    first = np.interp(people.joined_U[users], np.arange(config.days + 1), total)
    last = _until(people, config, total, users)
    bot = people.bot_U[users]
    counts = rng.poisson(np.where(bot, BOT_SESSIONS, people.rate_U[users] * scale * (last - first)))
    counts = np.maximum(counts, np.where(bot, 1, 0))
    if users.start == 0:
        counts[0] = 0  # the hero's history is written by hand
    user = np.repeat(np.arange(users.start, users.stop), counts)
    local, size = user - users.start, len(user)

    day = np.searchsorted(total, first[local] + rng.random(size) * (last - first)[local], side="right") - 1
    hour = np.mod(rng.normal(people.peak_hour_U[user], 3.0), 24.0)
    start = config.starts_at_us + day * DAY_US + (hour * 3600).astype(np.int64) * 1_000_000
    start += rng.integers(0, 1_000, size) * 1_000
    user, start = _spread_out(user, start, config, people)
    size = len(user)

    bot_S = people.bot_U[user]
    day_share = (start - config.starts_at_us) / DAY_US / config.days
    buying = (rng.random(size) < people.buying_U[user]) & ~bot_S
    # Some come to buy and leave without; a few who only looked buy after all.
    buys = (rng.random(size) < np.where(buying, BUYS_AS_PLANNED, BUYS_AFTER_ALL)) & ~bot_S
    views = 1 + np.where(buying, rng.negative_binomial(2.2, 0.30, size), rng.negative_binomial(1.3, 0.25, size))
    views = np.where(bot_S, rng.integers(120, 320, size), np.minimum(views, 45))
    pace = np.exp(rng.normal(np.where(buying, 3.7, 3.15), 0.45))
    device = np.where(rng.random(size) < 0.82, people.device_U[user], rng.integers(0, 3, size))
    channel = rng.choice(len(CHANNELS), size=size, p=[0.34, 0.3, 0.14, 0.12, 0.1])
    identity = rng.choice(3, size=size, p=[0.55, 0.25, 0.20])
    return Sessions(
        user_S=user,
        start_S=start,
        buying_S=buying,
        buys_S=buys,
        leaf_S=_draw_leaf(catalogue, people, user, day_share, rng),
        focus_S=np.where(bot_S, 0.0, np.where(buying, rng.beta(8.0, 1.6, size), rng.beta(3.0, 2.6, size))),
        return_S=np.where(buying, rng.beta(2.0, 6.0, size), rng.beta(1.0, 11.0, size)),
        pace_S=np.where(bot_S, 1.2, pace),
        views_S=views,
        device_S=np.where(bot_S, 1, device),
        channel_S=np.where(bot_S, 0, channel),
        campaign_S=np.where(np.isin(channel, [2, 3]) & ~bot_S, (day_share * 6).astype(np.int64), -1),
        identity_S=np.where(people.registered_U[user], identity, ANONYMOUS),
        has_id_S=(rng.random(size) < 0.88) | bot_S,
        bot_S=bot_S,
    )


def _spread_out(
    user: NDArray[np.int64], start: NDArray[np.int64], config: SampleShopConfig, people: People
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort sessions by user and time, keep them four hours apart, and drop those pushed past the end or the churn."""
    order = np.lexsort((start, user))
    user, start = user[order], start[order] - config.starts_at_us
    nth = np.arange(len(user)) - np.searchsorted(user, user)
    # A running maximum of (start - nth * spacing) per user; the user's own offset keeps users apart.
    lane = (user - user[0]) * ((2 * config.days + 400) * DAY_US) if len(user) else user
    start = np.maximum.accumulate(start - nth * _SPACING_US + lane) - lane + nth * _SPACING_US
    end = np.minimum(people.churn_U[user], config.days) * DAY_US - _SPACING_US
    keep = (start < end) & (start >= people.joined_U[user] * DAY_US)
    return user[keep], start[keep] + config.starts_at_us


def _draw_leaf(
    catalogue: Catalogue,
    people: People,
    user: NDArray[np.int64],
    day_share: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw the shelf of each session from the shopper's favourites, weighted by the season."""
    slopes = np.array([words.SEASON_SLOPES.get(name, 0.0) for name in DEPARTMENTS])
    weights = people.affinity_UF[user] * np.exp(slopes[people.favourites_UF[user]] * (day_share - 0.5)[:, None])
    total = np.cumsum(weights, axis=1)
    pick = (rng.random(len(user))[:, None] * total[:, -1:] > total).sum(axis=1)
    department = people.favourites_UF[user, np.minimum(pick, 2)].astype(np.int64)
    # One session in seven is about what the season suggests to everyone.
    keys = slopes * (day_share - 0.5)[:, None] + rng.gumbel(size=(len(user), len(DEPARTMENTS)))
    department = np.where(rng.random(len(user)) < 0.14, np.argmax(keys, axis=1), department)
    by_department = catalogue.leaf_department_L
    first = np.searchsorted(by_department, np.arange(len(DEPARTMENTS)))
    count = np.bincount(by_department)
    return np.asarray(first[department] + (rng.random(len(user)) ** 1.3 * count[department]).astype(np.int64))


def join_sessions(first: Sessions, second: Sessions) -> Sessions:
    """Append sessions to others."""
    return Sessions(**{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in _COLUMNS})
