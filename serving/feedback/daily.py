"""Days of feedback: how often what was shown was clicked, put into carts and bought, by place, version and arm."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from models.evaluation.bootstrap import Estimate
from models.evaluation.position_bias import PositionBias, estimate_position_bias
from models.evaluation.proportions import wilson, wilson_bounds

if TYPE_CHECKING:
    import duckdb

DAILY: Final = """
    select
        answered_on,
        placement,
        model_version,
        position,
        experiment,
        arm,
        count(*) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        count(*) filter (where clicks > 0) as clicked,
        count(*) filter (where click_rule = 'recommendation_id') as clicked_by_id,
        cast(sum(carts) as bigint) as carts,
        cast(sum(orders) as bigint) as orders,
        count(*) filter (where orders > 0) as ordered,
        cast(sum(revenue) as decimal(18, 4)) as revenue,
        bool_and(is_complete) as is_complete
    from list_feedback
    group by all
    order by all
"""
"""Of the impressions, ``clicked`` and ``ordered`` were so at least once: rates are of these."""

PLACES: Final = """
    select item_id, position, count(*) as impressions, count(*) filter (where clicks > 0) as clicked
    from list_feedback
    where placement = $placement
    group by all
    order by all
"""

BY_VERSION: Final = """
    select
        placement,
        model_version,
        any_value(baseline) as baseline,
        count(distinct recommendation_id) as answers,
        count(*) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        count(*) filter (where clicks > 0) as clicked,
        count(*) filter (where click_rule = 'recommendation_id') as clicked_by_id,
        cast(sum(carts) as bigint) as carts,
        cast(sum(orders) as bigint) as orders,
        count(*) filter (where orders > 0) as ordered,
        cast(sum(revenue) as double) as revenue,
        bool_and(is_complete) as is_complete,
        min(answered_on) as first_day,
        max(answered_on) as last_day
    from list_feedback
    group by all
    order by all
"""

PLACES_OF_VERSION: Final = """
    select position, count(*) as impressions, count(*) filter (where clicks > 0) as clicked
    from list_feedback
    where placement = $placement and model_version = $model_version
    group by all
"""


def position_biases(connection: "duckdb.DuckDBPyConnection") -> dict[str, PositionBias]:
    """Return how often each place of each placement is looked at, told from the whole of ``list_feedback``."""
    placements = connection.execute("select distinct placement from list_feedback order by all").fetchall()
    biases = {}
    for (placement,) in placements:
        rows = connection.execute(PLACES, {"placement": placement}).fetchall()
        biases[placement] = estimate_position_bias(*map(list, zip(*rows, strict=True)))
    return biases


def feedback_daily(connection: "duckdb.DuckDBPyConnection", biases: Mapping[str, PositionBias]) -> pa.Table:
    """Return a row per day, placement, model version, position and arm, with rates and their 95% intervals."""
    table: pa.Table = connection.sql(DAILY).to_arrow_table()
    counts = {name: table[name].to_numpy() for name in ("impressions", "clicked", "ordered")}
    for rate, name in (("click_through", "clicked"), ("conversion", "ordered")):
        low, high = wilson_bounds(counts[name], counts["impressions"])
        table = table.append_column(rate, pa.array(counts[name] / counts["impressions"], pa.float64()))
        table = table.append_column(f"{rate}_low", pa.array(low)).append_column(f"{rate}_high", pa.array(high))
    places = zip(table["placement"].to_pylist(), table["position"].to_pylist(), strict=True)
    looks = [biases[placement].examination.get(position) for placement, position in places]
    examination = np.array([np.nan if look is None else look.value for look in looks], np.float64)
    corrected = table["click_through"].to_numpy() / examination
    for name, values in (("examination", examination), ("corrected_click_through", corrected)):
        table = table.append_column(name, pa.array(values, pa.float64(), mask=np.isnan(values)))
    return table


def by_version(connection: "duckdb.DuckDBPyConnection", biases: Mapping[str, PositionBias]) -> list[dict[str, Any]]:
    """Return what came of each placement's lists by each model version, all days together."""
    groups: list[dict[str, Any]] = connection.sql(BY_VERSION).to_arrow_table().to_pylist()
    for group in groups:
        wanted = {"placement": group["placement"], "model_version": group["model_version"]}
        places = connection.execute(PLACES_OF_VERSION, wanted).fetchall()
        corrected = biases[group["placement"]].corrected(
            {position: impressions for position, impressions, _ in places},
            {position: clicked for position, _, clicked in places},
        )
        group["click_through"] = as_numbers(wilson(group["clicked"], group["impressions"]))
        group["conversion"] = as_numbers(wilson(group["ordered"], group["impressions"]))
        group["corrected_click_through"] = as_numbers(corrected)
    return groups


def as_numbers(estimate: Estimate | None) -> dict[str, float] | None:
    """Return an estimate as JSON has it."""
    return None if estimate is None else {"value": estimate.value, "low": estimate.low, "high": estimate.high}
