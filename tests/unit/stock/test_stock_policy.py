"""Reorder points and quantities: what costs, lead times, packs and the stock that is there do to them."""

import numpy as np
import pytest

from models.demand.forecast import forecast_demand
from models.demand.intervals import GRID, Spread
from models.demand.panel import build_panel
from models.stock.book import terms_from
from models.stock.lead_demand import LeadDemand, lead_demand
from models.stock.policy import Costs, days_to_last, orders, policy_of


def poisson(mean: float, items: int, days: int) -> LeadDemand:
    """Demand of a Poisson's spread, whose quantiles are those of the distribution itself."""
    spread = Spread(
        inverse_size_M=np.full(items, 1e-4),
        groups_M=np.full(items, "smooth"),
        curves={"smooth": GRID},
        grain=1.0,
    )
    return LeadDemand(days_N=np.full(items, days), mean_N=np.full(items, mean), spread=spread)


def costs(items: int, *, unit: float = 6.0, margin: float = 4.0) -> Costs:
    return Costs(unit_cost_N=np.full(items, unit), margin_N=np.full(items, margin))


def test_the_level_is_the_quantile_that_the_costs_ask_for() -> None:
    terms = [terms_from({"review_days": 7})]
    policy = policy_of(terms, poisson(20.0, 1, 21), costs(1))
    # Losing a sale costs 4, holding a unit for a week 6 * .25 * 7 / 365.
    assert policy.service_level_N[0] == pytest.approx(4 / (4 + 6 * 0.25 * 7 / 365))
    assert policy.order_up_to_N[0] == 32  # the 99.3% quantile of a Poisson of 20
    assert policy.reorder_point_N[0] == 31


def test_dearer_holding_a_lower_service_level_and_cheaper_sales_all_order_less() -> None:
    given = [{}, {"holding_share": 5.0}, {"service_level": 0.8}, {"lost_sale_factor": 0.02}]
    terms = [terms_from(one) for one in given]
    usual, *others = policy_of(terms, poisson(20.0, 4, 21), costs(4)).order_up_to_N
    assert all(level < usual for level in others)


def test_large_packs_and_costly_orders_make_orders_large_and_rare() -> None:
    terms = [terms_from({}), terms_from({"pack_size": 12}), terms_from({"order_cost": 10.0})]
    policy = policy_of(terms, poisson(20.0, 3, 21), costs(3))
    assert policy.order_up_to_N[1] - policy.reorder_point_N[1] >= 12
    economic = np.sqrt(2 * 10.0 * (20 / 21) / (0.25 * 6 / 365))
    assert policy.order_up_to_N[2] - policy.reorder_point_N[2] == pytest.approx(np.ceil(economic))
    # What is bought for long is not bought to be as sure: a unit too many is held longer.
    assert (policy.service_level_N[1:] < policy.service_level_N[0]).all()


def test_orders_fill_up_in_whole_packs_at_the_reorder_point_and_not_above() -> None:
    terms = [terms_from({"pack_size": 6, "min_order": 12})] * 4
    policy = policy_of(terms, poisson(20.0, 4, 21), costs(4))
    point, level = policy.reorder_point_N[0], policy.order_up_to_N[0]
    ordered = orders(policy, terms, np.array([point + 1, point, 0.0, np.nan]))
    assert ordered[0] == 0
    assert ordered[1] == 12
    assert ordered[2] % 6 == 0
    assert level <= ordered[2] < level + 6
    assert np.isnan(ordered[3])


def test_an_item_that_costs_more_to_keep_than_it_earns_is_not_ordered() -> None:
    terms = [terms_from({"pack_size": 100})]
    policy = policy_of(terms, poisson(0.05, 1, 21), costs(1))
    assert policy.reorder_point_N[0] < 0
    assert orders(policy, terms, np.array([0.0]))[0] == 0


def test_days_to_last_are_lead_time_and_review() -> None:
    assert days_to_last([terms_from({"lead_days": 10, "review_days": 7}), terms_from({"lead_days": 0})]).tolist() == [
        17,
        7,
    ]


@pytest.fixture(scope="module")
def forecast():
    """Return a forecast of sixty items that sell by a Poisson of one to five a day."""
    import pandas as pd

    rng = np.random.default_rng(4)
    rates, days = np.linspace(1.0, 5.0, 60), 230
    rows = pd.DataFrame(
        {
            "item_id": np.repeat([f"i{number:02d}" for number in range(60)], days),
            "date": np.tile(pd.date_range("2026-01-01", periods=days), 60),
            "units": rng.poisson(np.repeat(rates, days)).astype(float),
        }
    )
    return forecast_demand(build_panel(rows), horizon=56, seed=1)


def test_sums_over_the_lead_time_are_as_sure_as_their_past_says(forecast) -> None:
    demand = lead_demand(forecast, np.full(60, 21), np.zeros(60))
    assert demand.mean_N == pytest.approx(21 * np.linspace(1.0, 5.0, 60), rel=0.3)
    suffice = demand.quantiles(np.full(60, 0.9))
    truth = np.random.default_rng(5).poisson(np.linspace(1.0, 5.0, 60) * 21, size=(500, 60))
    # The oldest of three earlier forecasts knew little, so that what is learnt of them is rather too careful.
    assert 0.86 < (truth <= suffice).mean() < 0.98
    assert demand.chance_above(suffice).mean() == pytest.approx(0.1, abs=0.06)


def test_a_lead_time_that_varies_asks_for_more(forecast) -> None:
    sure, unsure = (
        lead_demand(forecast, np.full(60, 21), np.full(60, deviation)).quantiles(np.full(60, 0.95)).sum()
        for deviation in (0.0, 6.0)
    )
    assert unsure > 1.1 * sure


def test_demand_beyond_the_forecasts_reach_goes_on_at_its_daily_mean(forecast) -> None:
    within, beyond = (lead_demand(forecast, np.full(60, days), np.zeros(60)).mean_N for days in (56, 112))
    assert beyond == pytest.approx(2 * within)
