"""The list of what to order today, an item a row, with the reason in words: the mart ``reorder_list``.

Shapes: N items, H days ahead.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from models.demand.censored import lost_units
from models.demand.forecast import DemandForecast
from models.demand.panel import Floats, Panel
from models.stock.book import StockBook, Terms
from models.stock.lead_demand import LeadDemand, lead_demand
from models.stock.policy import Costs, Policy, days_to_last, orders, policy_of
from models.stock.position import Position, days_until_out, position_of
from models.stock.words import reasons

RECENT_DAYS: Final = 28
"""Days of lost sales, and of the forecast whose error is told."""
EXCESS_LEVEL: Final = 0.9
"""What is above this quantile of demand over the days that are forecast is in excess."""
NOT_LISTED: Final = "no longer listed"
NOT_ORDERED: Final = "the shop orders it no more"
NO_PRICE: Final = "neither its cost nor its price is known"


@dataclass(frozen=True, kw_only=True)
class Shop:
    """What is read of a shop; days and times are of its zone, without it."""

    days: pd.DataFrame
    """``item_id, date, units``: sales by day, the newest included."""
    items: pd.DataFrame
    """``item_id, title, price, is_listed, unavailable_since`` (null while it can be bought)."""
    counts: pd.DataFrame
    """As :func:`models.stock.position.position_of` takes them."""
    book: StockBook


def plan_orders(shop: Shop, panel: Panel, forecast: DemandForecast, shares_NT: Floats) -> pd.DataFrame:
    """Return a row per item with what to order today and why; those to order first, the most urgent above.

    Args:
        shop: its stock, items and terms.
        panel: sales by day, without what stock-outs hid.
        forecast: of demand, with what they hid.
        shares_NT: share of each day on which an item could not be bought.

    Raises:
        ValueError: the forecast has no earlier ones.
    """
    today = _today(shop)
    begun = int((today - forecast.starts[0]).days)
    items = shop.items.drop_duplicates("item_id").set_index("item_id").reindex(panel.item_ids)
    gone = items["unavailable_since"].dropna()
    position = position_of(panel.item_ids, shop.counts, shop.days, gone, today)
    suppliers = [shop.book.supplier_of(*pair) for pair in zip(panel.item_ids, position.supplier_N, strict=True)]
    terms = [shop.book.terms_of(*pair) for pair in zip(panel.item_ids, suppliers, strict=True)]
    costs = _costs(items["price"].to_numpy(dtype=np.float64), position.unit_cost_N, terms)
    demand = lead_demand(
        forecast, days_to_last(terms), np.array([one.lead_days_deviation for one in terms]), begun=begun
    )
    policy = policy_of(terms, demand, costs)
    cannot = _cannot_say(panel, forecast, items, position, costs, shop.book)
    order_N = np.where(cannot == "", orders(policy, terms, position.position_N), np.nan)
    mean_NH = forecast.mean_MH[forecast.hierarchy.aggregates :, begun:]
    out_N = np.where(cannot == "", days_until_out(position, mean_NH), np.nan)
    lost_N = lost_units(panel, shares_NT)[:, -RECENT_DAYS:].sum(axis=1)
    table = pd.DataFrame(
        {
            "item_id": panel.item_ids,
            "title": items["title"].to_numpy(dtype=object),
            "category": panel.categories,
            "supplier": np.array(suppliers, dtype=object),
            "listed_on": today,
            "order_units": order_N,
            "order_value": order_N * costs.unit_cost_N,
            "units_on_hand": position.on_hand_N,
            "units_on_order": position.on_order_N,
            "days_to_last": demand.days_N,
            "expected_units": demand.mean_N,
            "reorder_point": np.maximum(policy.reorder_point_N, -1.0),
            "order_up_to": policy.order_up_to_N,
            "service_level": policy.service_level_N,
            "chance_out": np.where(cannot == "", demand.chance_above(np.nan_to_num(position.position_N)), np.nan),
            "runs_out_on": today + pd.to_timedelta(np.where(np.isfinite(out_N), out_N, np.nan), unit="D"),
            "excess_units": _excess(forecast, position, policy, mean_NH),
            "is_dead": _dead(panel, position, shop.book.dead_after_days),
            "unit_cost": costs.unit_cost_N,
            "lost_units": lost_N,
            "lost_margin": lost_N * costs.margin_N,
            **_last_month(panel, forecast, shares_NT),
            "cannot_say_because": cannot,
            "assumed": [", ".join(one.assumed) for one in terms],
        }
    )
    table.loc[forecast.reasons_N != "", ["reorder_point", "order_up_to", "service_level", "expected_units"]] = np.nan
    table["reason"] = reasons(table, terms, grain=demand.spread.grain, horizon=mean_NH.shape[1])
    urgency = table["runs_out_on"].fillna(pd.Timestamp.max)
    order = np.lexsort((-table["chance_out"].fillna(0.0), urgency, -(table["order_units"] > 0).astype(int)))
    return table.iloc[order].reset_index(drop=True)


def _today(shop: Shop) -> pd.Timestamp:
    """Return the day after the newest sales, or that of the newest count where it is up to a week later."""
    day_after: pd.Timestamp = shop.days["date"].max() + pd.Timedelta(days=1)
    counted = shop.counts["counted_at"].max()
    if pd.isna(counted):
        return day_after
    counted_on: pd.Timestamp = counted.normalize()
    return min(max(day_after, counted_on), day_after + pd.Timedelta(days=6))


def _costs(price_N: Floats, cost_N: Floats, terms: list[Terms]) -> Costs:
    """Return costs and margins; where a count names no cost, the terms' margin of the price gives it."""
    share_N = np.array([one.margin_share for one in terms])
    cost_N = np.where(np.isfinite(cost_N), cost_N, price_N * (1.0 - share_N))
    # An item that is sold below cost, or without a price, still costs its share where it is missing.
    margin_N = np.where(price_N > cost_N, price_N - cost_N, cost_N * share_N / (1.0 - share_N))
    return Costs(unit_cost_N=cost_N, margin_N=margin_N)


def _cannot_say(
    panel: Panel, forecast: DemandForecast, items: pd.DataFrame, position: Position, costs: Costs, book: StockBook
) -> "np.ndarray[tuple[int], np.dtype[np.str_]]":
    ordered_no_more = np.isin(panel.item_ids, book.not_ordered())
    return np.select(
        [
            ordered_no_more,
            (items["is_listed"] == False).to_numpy(),  # noqa: E712  # null: no catalogue has it
            forecast.reasons_N != "",
            position.unknown_N != "",
            ~np.isfinite(costs.unit_cost_N),
        ],
        [NOT_ORDERED, NOT_LISTED, forecast.reasons_N, position.unknown_N, NO_PRICE],
        default="",
    ).astype(str)


def _excess(forecast: DemandForecast, position: Position, policy: Policy, mean_NH: Floats) -> Floats:
    """Return the units on hand above both the order-up-to level and what the days ahead will hardly sell."""
    horizon = np.full(len(mean_NH), mean_NH.shape[1], dtype=np.intp)
    ahead: LeadDemand = lead_demand(forecast, horizon, np.zeros(len(mean_NH)))
    wanted_N = ahead.quantiles(np.full(len(mean_NH), EXCESS_LEVEL))
    excess_N = np.maximum(position.on_hand_N - np.maximum(wanted_N, policy.order_up_to_N), 0.0)
    return np.where(forecast.reasons_N == "", excess_N, np.nan)


def _dead(panel: Panel, position: Position, days: int) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Return which items are there, were on sale for so many days, and sold nothing in them."""
    silent_N = panel.units[:, -days:].sum(axis=1) == 0
    return np.asarray(silent_N & (panel.periods - panel.begins >= days) & (np.nan_to_num(position.on_hand_N) > 0))


def _last_month(panel: Panel, forecast: DemandForecast, shares_NT: Floats) -> dict[str, Floats]:
    """Return what was forecast for the last weeks by what was known before them, and what was sold.

    Days on which an item could not be bought are left out of both.
    """
    assert forecast.earlier is not None
    mean_NH = forecast.earlier.mean_KMH[0, forecast.hierarchy.aggregates :]
    days = min(RECENT_DAYS, mean_NH.shape[1])
    open_N = 1.0 - shares_NT[:, -days:]
    begun_N = forecast.earlier.begun_KM[0, forecast.hierarchy.aggregates :]
    expected = (mean_NH[:, -days:] * open_N).sum(axis=1)
    return {
        "last_month_forecast": np.where(begun_N, expected, np.nan),
        "last_month_sold": panel.units[:, -days:].sum(axis=1),
    }
