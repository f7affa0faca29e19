"""What is known at each moment of a visit: its events so far, and items and shoppers as of the day before.

Everything about an item's popularity and a shopper's past comes from earlier days only, however late in the day the
moment is: purchases follow carts within minutes, and a count that includes today would hold the answer.

Shapes: E events, R rows (moments).
"""

from collections.abc import Mapping

import numpy as np

from benchmarks.purchase_intent.event_log import CART, DAY_MS, PURCHASE, VIEW, Bools, EventLog, Floats, Ints

COUNTS = ("events_so_far", "views_so_far", "carts_so_far", "distinct_items_so_far", "seconds_since_start")
"""What the baseline "LightGBM on counts" reads."""
SESSION = (
    *COUNTS,
    "seconds_since_last_event",
    "min_price_so_far",
    "mean_price_so_far",
    "max_price_so_far",
    "hour_of_day",
    "day_of_week",
    "last_event_is_cart",
)
"""The platform's session features, as far as such a log has them."""
EVENT = (
    "seconds_since_last_event",
    "price",
    "hour_of_day",
    "day_of_week",
    "item_seen_before_in_visit",
    "item_views",
    "item_carts",
    "item_purchases",
    "item_carts_per_view",
    "item_purchases_per_view",
    "item_days_since_first_seen",
    "shopper_item_views",
    "shopper_item_carts",
    "shopper_item_purchases",
)
"""Signals of one event."""
SHOPPER = (
    "shopper_visits",
    "shopper_buying_visits",
    "shopper_views",
    "shopper_carts",
    "shopper_purchases",
    "shopper_buying_rate",
    "shopper_days_since_visit",
    "shopper_days_since_purchase",
)
"""A shopper's past, up to the day before."""
WITHIN = ("items_carted_so_far", "seconds_since_cart", "mean_item_purchases_per_view", "max_item_purchases_per_view")
"""How the events of a visit add up, beyond counts."""
EVERYTHING = tuple(dict.fromkeys((*SESSION, *EVENT, *SHOPPER, *WITHIN)))


def signals(log: EventLog, moments: Ints) -> dict[str, Floats]:
    """Return every signal by name, each of shape (R,), ``nan`` where there is none."""
    earlier = _of_earlier_days(log, moments)
    over = _over_the_visit(log.visits[moments], earlier["item_purchases_per_view"])
    return _within_the_visit(log, moments) | earlier | over


def counted_before(keys: Ints, days: Ints, asked_keys: Ints, asked_days: Ints) -> tuple[Floats, Floats]:
    """Return, for each question, the number of events of its key on earlier days, and the days since the newest.

    Args:
        keys: whom or what each event is about, from 0.
        days: the event's day.
        asked_keys: whom or what is asked for.
        asked_days: the day of asking; its own events do not count.
    """
    first_day = min(days.min(initial=0), asked_days.min(initial=0))
    span = max(days.max(initial=0), asked_days.max(initial=0)) - first_day + 2
    stamps = np.sort(keys * span + (days - first_day))
    ends = np.searchsorted(stamps, asked_keys * span + (asked_days - first_day))
    counts = ends - np.searchsorted(stamps, asked_keys * span)
    newest = stamps[np.maximum(ends - 1, 0)] % span + first_day if len(stamps) else asked_days
    return counts.astype(np.float64), np.where(counts > 0, asked_days - newest, np.nan)


def _within_the_visit(log: EventLog, moments: Ints) -> dict[str, Floats]:
    starts = np.flatnonzero(np.diff(log.visits, prepend=-1))
    begin = starts[log.visits]
    place = np.arange(len(log.times))
    previous = np.maximum(place - 1, begin)
    _, first_of_item = np.unique(log.visits * (log.items.max() + 1) + log.items, return_index=True)
    fresh = np.zeros(len(place), dtype=np.bool_)
    fresh[first_of_item] = True
    priced = ~np.isnan(log.prices)
    prices = np.where(priced, log.prices, 0.0)
    cart = log.kinds == CART
    last_cart = np.maximum.accumulate(np.where(cart, place, -1))
    priced_so_far = _running(priced, begin)
    hours = log.times // 3_600_000
    values = {
        "events_so_far": place - begin + 1.0,
        "views_so_far": _running(log.kinds == VIEW, begin),
        "carts_so_far": _running(cart, begin),
        "distinct_items_so_far": _running(fresh, begin),
        "seconds_since_start": (log.times - log.times[begin]) / 1000.0,
        "seconds_since_last_event": (log.times - log.times[previous]) / 1000.0,
        "mean_price_so_far": np.where(
            priced_so_far > 0, _running(prices, begin) / np.maximum(priced_so_far, 1), np.nan
        ),
        "min_price_so_far": _extreme(log.prices, log.visits, np.fmin),
        "max_price_so_far": _extreme(log.prices, log.visits, np.fmax),
        "price": log.prices,
        "hour_of_day": (hours % 24).astype(np.float64),
        "day_of_week": ((log.days + 3) % 7 + 1).astype(np.float64),  # 1970 began on a Thursday; 1 is Monday
        "last_event_is_cart": cart.astype(np.float64),
        "item_seen_before_in_visit": (~fresh).astype(np.float64),
        "items_carted_so_far": _running(cart & _first(log, cart), begin),
        "seconds_since_cart": np.where(last_cart >= begin, (log.times - log.times[last_cart]) / 1000.0, np.nan),
    }
    return {name: np.asarray(column[moments], dtype=np.float64) for name, column in values.items()}


def _of_earlier_days(log: EventLog, moments: Ints) -> dict[str, Floats]:
    days, asked = log.days, log.days[moments]
    pairs = log.shoppers * (log.items.max() + 1) + log.items
    _, pairs = np.unique(pairs, return_inverse=True)
    values: dict[str, Floats] = {}
    names = {VIEW: "views", CART: "carts", PURCHASE: "purchases"}
    for who, keys in (("item", log.items), ("shopper", log.shoppers), ("shopper_item", pairs)):
        for kind, name in names.items():
            these = log.kinds == kind
            counts, since = counted_before(keys[these], days[these], keys[moments], asked)
            values[f"{who}_{name}"] = counts
            if who == "shopper" and kind == PURCHASE:
                values["shopper_days_since_purchase"] = since
    # Five prior views keep the ratio of an item seen twice from shouting.
    for name in ("carts", "purchases"):
        values[f"item_{name}_per_view"] = (values[f"item_{name}"] + 0.5) / (values["item_views"] + 5.0)
    first_day = np.full(int(log.items.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first_day, log.items, days)
    seen_before = first_day[log.items[moments]] < asked
    values["item_days_since_first_seen"] = np.where(seen_before, asked - first_day[log.items[moments]], np.nan)
    opens = np.flatnonzero(np.diff(log.visits, prepend=-1))
    visits, since = counted_before(log.shoppers[opens], days[opens], log.shoppers[moments], asked)
    bought = log.purchase_times
    buying = bought < np.iinfo(np.int64).max
    buys, _ = counted_before(log.shoppers[opens][buying], bought[buying] // DAY_MS, log.shoppers[moments], asked)
    values |= {
        "shopper_visits": visits,
        "shopper_days_since_visit": since,
        "shopper_buying_visits": buys,
        "shopper_buying_rate": (buys + 0.5) / (visits + 2.0),
    }
    return values


def _over_the_visit(visits: Ints, rates: Floats) -> dict[str, Floats]:
    # The rows of a visit are its first events, one after the other, so running figures over rows are those over events.
    opens = np.diff(visits, prepend=-1) != 0
    begin = np.flatnonzero(opens)[np.cumsum(opens) - 1]
    return {
        "mean_item_purchases_per_view": _running(rates, begin) / (np.arange(len(visits)) - begin + 1.0),
        "max_item_purchases_per_view": _extreme(rates, visits, np.fmax),
    }


def _running(values: Floats | Bools, begin: Ints) -> Floats:
    """Return running sums that start anew where each group begins."""
    sums = np.cumsum(values, dtype=np.float64)
    return sums - sums[begin] + values[begin]


def _extreme(values: Floats, groups: Ints, better: np.ufunc) -> Floats:
    """Return running minima or maxima within groups, ``nan`` until there is a value."""
    extremes = values.copy()
    for place in np.flatnonzero(np.diff(groups) == 0) + 1:
        extremes[place] = better(extremes[place - 1], extremes[place])
    return extremes


def _first(log: EventLog, chosen: Bools) -> Bools:
    """Return which chosen events are the first of their item in the visit among the chosen."""
    places = np.flatnonzero(chosen)
    keys = log.visits[places] * (log.items.max() + 1) + log.items[places]
    first = np.zeros(len(chosen), dtype=np.bool_)
    first[places[np.unique(keys, return_index=True)[1]]] = True
    return first


def columns(signals: Mapping[str, Floats], names: tuple[str, ...]) -> Floats:
    """Return the named signals as a matrix, shape (R, names)."""
    return np.stack([signals[name] for name in names], axis=1)
