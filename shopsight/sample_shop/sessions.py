"""When shoppers come, with what in mind, and how that shapes a session."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop import vocabulary as words
from shopsight.sample_shop.campaigns import OPENED, effect_on_orders, mailed
from shopsight.sample_shop.catalogue import Catalogue
from shopsight.sample_shop.checkout import OWN_DEVICE, completion, expected_completion
from shopsight.sample_shop.config import BOT_SESSIONS, SampleShopConfig
from shopsight.sample_shop.people import HERO, People
from shopsight.sample_shop.search import CLICKED
from shopsight.sample_shop.shelves import DEPARTMENTS

DAY_US = 86_400_000_000
EVENTS_PER_SESSION, EVENTS_PER_VISIT = 11.1, 2.45
"""Rows of a shopper's session and of a passer-by's visit on average; measured, so that a shop comes near the events
asked for."""
WEEKDAYS = np.array([1.0, 0.94, 0.95, 1.0, 1.1, 1.4, 1.3])
"""Traffic by weekday, Monday first."""
TREND = 0.4
"""Growth of daily traffic from the first day to the last."""
CHANNELS = ("direct", "organic", "paid", "email", "social")
CHECKOUT_AS_PLANNED, CHECKOUT_AFTER_ALL = 0.82, 0.03
"""Chance of a checkout in a session that set out to buy, and in one that only came to look."""
VISITS = (0.72, 0.18, 0.10)
"""Shares of the passers-by who come once, twice and three times."""
ARRIVES_BY_SEARCH = 0.08
"""Share of a passer-by's visits that begin with a search in the shop; one that is not clicked is the whole visit."""
LOOKS_ONCE = 0.54
"""Share of a passer-by's other visits that are a single event."""
PASSER_BY_BUYING = 0.025
"""Share of a passer-by's visits beyond the first event that set out to buy."""
NOT_ALONE, ALONE_VIEW, ALONE_PAGE, ALONE_SEARCH = range(4)
_SPACING_US = 4 * 3_600_000_000
MAX_SESSION_US = 3 * 3_600_000_000 + 1_000_000
"""No session lasts longer."""
LOGGED_IN, LOGS_IN, ANONYMOUS = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Sessions as parallel arrays, by user and time. Legend: S sessions."""

    user_S: NDArray[np.int64]
    start_S: NDArray[np.int64]
    """Microseconds since 1970."""
    buying_S: NDArray[np.bool_]
    """Whether the shopper set out to buy: shapes the session, and is not an event."""
    reaches_S: NDArray[np.bool_]
    """Whether the session reaches the checkout."""
    buys_S: NDArray[np.bool_]
    """Whether the checkout ends in a purchase."""
    leaf_S: NDArray[np.int64]
    """Shelf that the session is about."""
    focus_S: NDArray[np.float64]
    """Chance that a fresh look stays on that shelf."""
    return_S: NDArray[np.float64]
    """Chance of going back to an item seen before in the session."""
    pace_S: NDArray[np.float64]
    """Typical seconds between two events."""
    views_S: NDArray[np.int64]
    """Items looked at; 0 where a page or a search is all there is."""
    alone_S: NDArray[np.int64]
    """The only event of a session, or ``NOT_ALONE``."""
    by_search_S: NDArray[np.bool_]
    """Whether a passer-by arrived by a search that was clicked."""
    device_S: NDArray[np.int64]
    channel_S: NDArray[np.int64]
    campaign_S: NDArray[np.int64]
    """Number of the campaign that brought the shopper, or -1."""
    identity_S: NDArray[np.int64]
    """Logged in throughout, logs in half-way, or anonymous throughout."""
    has_id_S: NDArray[np.bool_]
    """Whether the shop sent a session_id."""
    passer_by_S: NDArray[np.bool_]
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
    present = _until(people, config, total) - np.interp(people.joined_U, np.arange(config.days + 1), total)
    expected = float((people.rate_U * present)[~people.bot_U].sum())
    return _sessions_wanted(config) / expected


def passers_by(config: SampleShopConfig, users: int) -> int:
    """Return how many devices pass by beside so many shoppers."""
    visits = _sessions_wanted(config) * config.passer_by_sessions * users / config.users
    return round(visits / float(np.dot(VISITS, [1, 2, 3])))


def _sessions_wanted(config: SampleShopConfig) -> float:
    events = EVENTS_PER_SESSION + config.passer_by_sessions * EVENTS_PER_VISIT
    return (config.events - config.bot_events) / events


def orders_per_day(config: SampleShopConfig, people: People) -> NDArray[np.float64]:
    """Return each shopper's orders on a day of average traffic while they are there, shape (U,).

    A day's orders are Poisson with this mean times :func:`day_weights` times the number of days, and times what a
    campaign does. Bots order nothing; of the hero, whose history is written by hand, it is ``nan``.
    """
    chance = _checkout_chance(people.buying_U) * expected_completion(people.device_U, people.country_U)
    rates = np.where(people.bot_U, 0.0, people.rate_U * session_scale(config, people) * chance / config.days)
    rates[0] = np.nan
    return np.asarray(rates, dtype=np.float64)


def _checkout_chance(buying: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(buying * CHECKOUT_AS_PLANNED + (1.0 - buying) * CHECKOUT_AFTER_ALL)


def _until(people: People, config: SampleShopConfig, total: NDArray[np.float64]) -> NDArray[np.float64]:
    last = np.minimum(people.churn_U, config.days)
    return np.interp(last, np.arange(config.days + 1), total)


def draw_sessions(
    config: SampleShopConfig, catalogue: Catalogue, people: People, scale: float, rng: np.random.Generator
) -> Sessions:
    """Draw the sessions of a block of shoppers, sorted by shopper and time, at least four hours apart."""
    total = np.concatenate([[0.0], np.cumsum(day_weights(config))])
    first = np.interp(people.joined_U, np.arange(config.days + 1), total)
    last = _until(people, config, total)
    bot = people.bot_U
    counts = rng.poisson(np.where(bot, BOT_SESSIONS, people.rate_U * scale * (last - first)))
    counts = np.maximum(counts, np.where(bot, 1, 0))
    if people.user_ids[0] == HERO:
        counts[0] = 0  # the hero's history is written by hand
    user = np.repeat(np.arange(len(bot)), counts)
    size = len(user)

    day = np.searchsorted(total, first[user] + rng.random(size) * (last - first)[user], side="right") - 1
    user, start = _spread_out(user, _moments(config, people, user, day, rng), config, people)
    size = len(user)

    bot_S = people.bot_U[user]
    day_share = (start - config.starts_at_us) / DAY_US / config.days
    # A campaign lets more shoppers, or fewer, set out to buy, so that their checkouts grow by its effect.
    chance = _checkout_chance(people.buying_U[user]) * effect_on_orders(people.treated_UC[user], day_share)
    wants = (chance - CHECKOUT_AFTER_ALL) / (CHECKOUT_AS_PLANNED - CHECKOUT_AFTER_ALL)
    buying = (rng.random(size) < wants) & ~bot_S
    # Some come to buy and leave without; a few who only looked buy after all.
    reaches = (rng.random(size) < np.where(buying, CHECKOUT_AS_PLANNED, CHECKOUT_AFTER_ALL)) & ~bot_S
    views = 1 + np.where(buying, rng.negative_binomial(2.2, 0.30, size), rng.negative_binomial(1.3, 0.25, size))
    views = np.where(bot_S, rng.integers(120, 320, size), np.minimum(views, 45))
    pace = np.exp(rng.normal(np.where(buying, 3.7, 3.15), 0.45))
    device = np.where(bot_S, 1, _draw_device(people, user, rng))
    channel = rng.choice(len(CHANNELS), size=size, p=[0.34, 0.3, 0.14, 0.12, 0.1])
    campaign = np.where(rng.random(size) < OPENED, mailed(people.treated_UC[user], day_share), -1)
    channel = np.where(campaign >= 0, CHANNELS.index("email"), channel)
    identity = rng.choice(3, size=size, p=[0.55, 0.25, 0.20])
    return Sessions(
        user_S=user,
        start_S=start,
        buying_S=buying,
        reaches_S=reaches,
        buys_S=reaches & (rng.random(size) < completion(device, people.country_U[user])),
        leaf_S=_draw_leaf(catalogue, people, user, day_share, rng),
        focus_S=np.where(bot_S, 0.0, np.where(buying, rng.beta(8.0, 1.6, size), rng.beta(3.0, 2.6, size))),
        return_S=np.where(buying, rng.beta(2.0, 6.0, size), rng.beta(1.0, 11.0, size)),
        pace_S=np.where(bot_S, 1.2, pace),
        views_S=views,
        alone_S=np.full(size, NOT_ALONE),
        by_search_S=np.zeros(size, np.bool_),
        device_S=device,
        channel_S=np.where(bot_S, 0, channel),
        campaign_S=np.where(bot_S, -1, campaign),
        identity_S=np.where(people.registered_U[user], identity, ANONYMOUS),
        has_id_S=(rng.random(size) < 0.88) | bot_S,
        passer_by_S=np.zeros(size, np.bool_),
        bot_S=bot_S,
    )


def draw_visits(config: SampleShopConfig, catalogue: Catalogue, people: People, rng: np.random.Generator) -> Sessions:
    """Draw the visits of passers-by: most are a single event, and some look further, a few of them to buy."""
    user = np.repeat(np.arange(len(people.user_ids)), rng.choice([1, 2, 3], size=len(people.user_ids), p=VISITS))
    total = np.concatenate([[0.0], np.cumsum(day_weights(config))])
    came = np.searchsorted(total, rng.random(len(people.user_ids)), side="right") - 1
    again = np.concatenate([[False], user[1:] == user[:-1]]) if len(user) else np.zeros(0, np.bool_)
    day = came[user] + np.where(again, 1 + np.floor(rng.exponential(6.0, len(user))), 0).astype(np.int64)
    user, day = user[day < config.days], day[day < config.days]
    user, start = _spread_out(user, _moments(config, people, user, day, rng), config, people)
    size = len(user)

    searches = rng.random(size) < ARRIVES_BY_SEARCH
    by_search = searches & (rng.random(size) < CLICKED)
    once = np.where(rng.random(size) < 0.65, ALONE_VIEW, ALONE_PAGE)
    alone = np.where(rng.random(size) < LOOKS_ONCE, once, NOT_ALONE)
    alone = np.where(searches, np.where(by_search, NOT_ALONE, ALONE_SEARCH), alone)
    buying = (alone == NOT_ALONE) & (rng.random(size) < PASSER_BY_BUYING)
    reaches = buying & (rng.random(size) < CHECKOUT_AS_PLANNED)
    views = 1 + np.where(buying, rng.negative_binomial(2.2, 0.30, size), rng.negative_binomial(1.0, 0.55, size))
    views = np.where(alone == ALONE_VIEW, 1, np.where(alone == NOT_ALONE, np.minimum(views, 45), 0))
    device = people.device_U[user].astype(np.int64)
    day_share = (start - config.starts_at_us) / DAY_US / config.days
    return Sessions(
        user_S=user,
        start_S=start,
        buying_S=buying,
        reaches_S=reaches,
        buys_S=reaches & (rng.random(size) < completion(device, people.country_U[user])),
        leaf_S=_draw_leaf(catalogue, people, user, day_share, rng),
        focus_S=np.where(buying, rng.beta(8.0, 1.6, size), rng.beta(3.0, 2.6, size)),
        return_S=np.where(buying, rng.beta(2.0, 6.0, size), rng.beta(1.0, 11.0, size)),
        pace_S=np.exp(rng.normal(np.where(buying, 3.7, 3.0), 0.45)),
        views_S=views,
        alone_S=alone,
        by_search_S=by_search,
        device_S=device,
        channel_S=rng.choice(len(CHANNELS), size=size, p=[0.12, 0.42, 0.26, 0.0, 0.20]),
        campaign_S=np.full(size, -1),
        identity_S=np.full(size, ANONYMOUS),
        has_id_S=rng.random(size) < 0.88,
        passer_by_S=np.ones(size, np.bool_),
        bot_S=np.zeros(size, np.bool_),
    )


def _moments(
    config: SampleShopConfig, people: People, user: NDArray[np.int64], day: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return a moment of each day, about the hour at which its shopper likes to come."""
    hour = np.mod(rng.normal(people.peak_hour_U[user], 3.0) - zone_hours(config)[day], 24.0)
    start = config.starts_at_us + day * DAY_US + (hour * 3600).astype(np.int64) * 1_000_000
    return np.asarray(start + rng.integers(0, 1_000, len(user)) * 1_000)


def zone_hours(config: SampleShopConfig) -> NDArray[np.float64]:
    """Return by how many hours the shoppers' clocks are before UTC at noon of each day."""
    noons = [config.starts_at_us + day * DAY_US + DAY_US // 2 for day in range(config.days)]
    zone = ZoneInfo(config.zone)
    offsets = [datetime.fromtimestamp(noon / 1e6, UTC).astimezone(zone).utcoffset() for noon in noons]
    return np.array([0.0 if offset is None else offset.total_seconds() / 3600 for offset in offsets])


def _draw_device(people: People, user: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    usual = rng.random(len(user)) < OWN_DEVICE
    return np.where(usual, people.device_U[user], rng.integers(0, 3, len(user))).astype(np.int64)


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


def join_sessions(first: Sessions, second: Sessions, *, user_offset: int = 0) -> Sessions:
    """Append sessions to others; the second ones' shoppers are numbered on from ``user_offset``."""
    columns = {name: [getattr(first, name), getattr(second, name)] for name in _COLUMNS}
    columns["user_S"][1] = second.user_S + user_offset
    return Sessions(**{name: np.concatenate(parts) for name, parts in columns.items()})
