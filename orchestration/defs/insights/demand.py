"""What the shop's items will sell, for people who order: a table beside the marts."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.drawing import picture
from orchestration.metadata import OWNER, parquet_metadata
from orchestration.stock_rows import read_days, read_outages, read_shop
from shopsight.drawing import Axis, line_chart
from shopsight.errors import ShopsightError
from shopsight.marts import export_path
from shopsight.settings import Settings
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    import pyarrow as pa

    from models.demand.forecast import DemandForecast
    from models.demand.panel import Panel

SALES = [dg.AssetKey(["marts", "item_demand_daily"]), dg.AssetKey(["marts", "item_versions"])]


@dg.multi_asset(
    name="item_forecasts",
    specs=[
        dg.AssetSpec(
            "item_forecasts",
            group_name="insights",
            kinds={"lightgbm", "parquet"},
            owners=[OWNER],
            deps=SALES,
            skippable=True,
            description="What each item, category, department and the shop will sell a day in the next eight weeks, "
            "with quantiles. Written to `warehouse/exports/item_forecasts.parquet`; an item that cannot be forecast by "
            "itself says why. Nothing where the shop's history is too short.",
        ),
        dg.AssetSpec(
            "reorder_list",
            group_name="insights",
            kinds={"python", "parquet"},
            owners=[OWNER],
            deps=[*SALES, dg.AssetKey(["marts", "items"]), dg.AssetKey(["event_log", "inventory"])],
            skippable=True,
            description="What to order today, an item a row, with the reason in words, what is in excess, dead or lost "
            "to stock-outs, and last month's forecast beside what was sold. Written to "
            "`warehouse/exports/reorder_list.parquet`; terms come from `stock.yml`. Nothing without a forecast.",
        ),
    ],
)
def item_forecasts(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Forecast what is wanted, stock-outs filled up, and make the list of orders of the same forecast."""
    from models.demand.censored import sold_out_shares, uncensored
    from models.demand.tables import forecast_shop, forecast_table, shop_panel
    from models.stock.plan import plan_orders
    from models.stock.tables import reorder_table

    days = read_days(settings)
    try:
        panel = shop_panel(days)
        shares = sold_out_shares(panel, read_outages(settings))
        forecast = forecast_shop(uncensored(panel, shares), seed=settings.seed, threads=1)
    except ShopsightError as error:
        context.log.info("%s", error)
        return
    path = _written(settings, "item_forecasts", forecast_table(forecast))
    reasons = {reason: int((forecast.reasons_N == reason).sum()) for reason in sorted(set(forecast.reasons_N) - {""})}
    yield dg.MaterializeResult(
        asset_key="item_forecasts",
        metadata={
            **parquet_metadata(path),
            "days ahead": len(forecast.starts),
            "items": len(panel.item_ids),
            "items that cannot be forecast": sum(reasons.values()),
            **{f"cannot be forecast/{reason}": count for reason, count in reasons.items()},
            "days of stock-outs": float(shares.sum()),
            **_weeks(panel, forecast),
        },
    )
    orders = plan_orders(read_shop(settings, days), panel, forecast, shares)
    path = _written(settings, "reorder_list", reorder_table(orders))
    to_order = orders[orders["order_units"] > 0]
    unsaid = orders["cannot_say_because"]
    yield dg.MaterializeResult(
        asset_key="reorder_list",
        metadata={
            **parquet_metadata(path),
            "to order": len(to_order),
            "value of the orders": float(to_order["order_value"].sum()),
            "items in excess": int((orders["excess_units"] > 0).sum()),
            "items that are dead stock": int(orders["is_dead"].sum()),
            "units lost to stock-outs in four weeks": float(orders["lost_units"].sum()),
            **{f"cannot say/{reason}": int((unsaid == reason).sum()) for reason in sorted(set(unsaid) - {""})},
        },
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

    days = read_days(settings)
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
