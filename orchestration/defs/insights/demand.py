"""What the shop's items will sell, for people who order: a table beside the marts."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.drawing import Axis, line_chart, picture
from orchestration.metadata import OWNER, parquet_metadata
from shopsight.errors import ShopsightError
from shopsight.marts import export_path, open_marts
from shopsight.settings import Settings
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from models.demand.forecast import DemandForecast
    from models.demand.panel import Panel

DAYS = """
    select item_id, event_date::timestamp as date, units::double as units, category, mean_price::double as price
    from item_demand_daily
"""


@dg.asset(
    group_name="insights",
    kinds={"lightgbm", "parquet"},
    owners=[OWNER],
    deps=[dg.AssetKey(["marts", "item_demand_daily"])],
    output_required=False,
)
def item_forecasts(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """What each item, category, department and the shop will sell a day in the next eight weeks, with quantiles.

    Written to `warehouse/exports/item_forecasts.parquet`; an item that cannot be forecast by itself says why. Nothing
    where the shop's history is too short.
    """
    from models.demand.tables import forecast_shop, forecast_table, shop_panel

    days = _days(settings)
    try:
        panel = shop_panel(days)
        forecast = forecast_shop(panel, seed=settings.seed, threads=1)
    except ShopsightError as error:
        context.log.info("%s", error)
        return
    path = _written(settings, "item_forecasts", forecast_table(forecast))
    reasons = {reason: int((forecast.reasons_N == reason).sum()) for reason in sorted(set(forecast.reasons_N) - {""})}
    yield dg.MaterializeResult(
        metadata={
            **parquet_metadata(path),
            "days ahead": len(forecast.starts),
            "items": len(panel.item_ids),
            "items that cannot be forecast": sum(reasons.values()),
            **{f"cannot be forecast/{reason}": count for reason, count in reasons.items()},
            **_weeks(panel, forecast),
        }
    )


@dg.asset(
    group_name="insights",
    kinds={"lightgbm", "parquet"},
    owners=[OWNER],
    deps=[dg.AssetKey(["marts", "item_demand_daily"])],
    output_required=False,
)
def price_insights(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """How much each item's weekly sales answer its price and its rivals' prices, and whether that is to be trusted.

    Written to `warehouse/exports/price_insights.parquet`; no price is changed by it. Nothing where the shop's history
    is too short.
    """
    from models.demand.elasticity import elasticities, prepared
    from models.demand.prices import price_table, weekly

    days = _days(settings)
    try:
        answers = elasticities(prepared(weekly(days)), seed=settings.seed)
    except ShopsightError as error:
        context.log.info("%s", error)
        return
    path = _written(settings, "price_insights", price_table(answers))
    reasons = [str(reason) for reason in answers.distrust]
    yield dg.MaterializeResult(
        metadata={
            **parquet_metadata(path),
            "trusted": reasons.count(""),
            **{f"not trusted/{reason}": reasons.count(reason) for reason in sorted(set(reasons) - {""})},
        }
    )


def _days(settings: Settings) -> "pd.DataFrame":
    with open_marts(settings, ["item_demand_daily"]) as connection:
        days: pd.DataFrame = connection.sql(DAYS).df()
    return days


def _written(settings: Settings, name: str, table: "pa.Table") -> Path:
    """Write an export whole, and return its file."""
    import pyarrow.parquet as pq

    path = export_path(settings, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as staging:
        pq.write_table(table, staging)
    return path


def _weeks(panel: "Panel", forecast: "DemandForecast") -> dict[str, dg.MarkdownMetadataValue]:
    """Return a picture of the shop's units by week, those to come after those that were."""
    past = panel.units.sum(axis=0)
    past = past[len(past) % 7 :].reshape(-1, 7).sum(axis=1)
    ahead = forecast.mean_MH[0]
    ahead = ahead[: len(ahead) // 7 * 7].reshape(-1, 7).sum(axis=1)
    points = [(float(week - len(past) + 1), float(units)) for week, units in enumerate([*past, *ahead])]
    top = 1.1 * max(units for _, units in points) or 1.0
    x = Axis(
        label="weeks from now",
        low=points[0][0],
        high=points[-1][0],
        ticks=(points[0][0], 0.0, points[-1][0]),
        number_format=".0f",
    )
    y = Axis(label="units a week", low=0.0, high=top, ticks=(0.0, top / 2, top), number_format=",.0f")
    chart = line_chart(points, x=x, y=y, reference=((0.0, 0.0), (0.0, top)))
    rows = [[f"{week:.0f}", f"{units:,.1f}"] for week, units in points if week > 0]
    return {"weeks": picture("sales and forecast", [chart], ["weeks from now", "units"], rows)}
