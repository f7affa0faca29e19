"""What will each item sell? Forecasts with quantiles at rolling origins, beside what every shop could do.

    python -m benchmarks.demand --json -                          the sample shop of SHOPSIGHT_HOME, after make demo
    python -m benchmarks.demand --sales FILE --json -             item_id, date, units and, if given, price,
    promotion, category
    python -m benchmarks.demand --sales completejourney --json -  the packaged year of groceries
    python -m benchmarks.demand --speed 10000 --json -            how long a forecast of so many items takes

Days, weeks and months are told apart by the dates. The last origins (three, or as many as leave two thirds of the
history) a horizon apart are the test; at each, every model sees what was before alone, and chooses on still earlier
origins. Days are forecast four weeks ahead, weeks eight, months twelve.

``wrmsse``: root mean squared error beside that of the naive forecast, by turnover, the mean over levels (M5).
``mase``: mean absolute
error of items beside seasonal naive, of the median forecast, which is what an absolute error asks for; ``mase_of_mean``
has the mean instead. ``coverage_80``: the part of the truths between the 10% and the 90% quantile; where a count,
such as 0,
is itself a step over one of them, it is inside in proportion. ``coverage_80_closed`` counts it as inside as a whole.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.demand.baselines import ETS, forecast_baselines
from benchmarks.demand.sales import Sales, read_sales
from benchmarks.demand.speed import measure_speed
from benchmarks.output import add_json_option, write_figures
from models.demand.forecast import DemandForecast, forecast_demand
from models.demand.hierarchy import ITEM, Hierarchy
from models.demand.metrics import first_sales, mase, naive_scales, rmsse, weighted_mean
from models.demand.panel import HORIZONS, Floats, Panel, build_panel
from models.evaluation.bootstrap import bootstrap_clusters
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

TEST_HORIZONS: Final = {**HORIZONS, "day": 28}
MAX_ORIGINS: Final = 3
MAX_ITEMS: Final = {"day": 500, "week": 1_000, "month": 3_000}
"""Items that are forecast one by one, by turnover before the test; the others are added up by category."""
LOW, HIGH = 0.1, 0.9
PROPOSED: Final = "proposed"
Errors = dict[str, dict[str, Floats]]


def measure(
    sales: Sales, *, items: int | None, origins: int | None, country: str | None, seed: int, processes: int
) -> dict[str, Any]:
    """Return every figure of the sales.

    Raises:
        ShopsightError: the history is too short for a test.
    """
    whole = build_panel(sales.rows)
    horizon = TEST_HORIZONS[whole.period]
    count = origins or min(MAX_ORIGINS, max(whole.periods // (3 * horizon), 1))
    ends = [whole.periods - horizon * number for number in range(count, 0, -1)]
    if ends[0] < max(horizon, 8):
        raise ShopsightError(
            f"{whole.periods} {whole.period}s of sales are too few",
            why=f"a test of {count} x {horizon} leaves {ends[0]} to learn from",
            fix="give a longer history, or fewer --origins",
        )
    panel = _largest(sales.rows, whole, before=ends[0], items=items or MAX_ITEMS[whole.period])
    tests = [_test(panel, end, horizon, country or sales.country, seed, processes) for end in ends]
    levels = list(dict.fromkeys(tests[0]["levels"]))
    by_level = {level: _figures_of([test["by_level"][level] for test in tests]) for level in levels}
    names = list(tests[0]["wrmsse"])
    wrmsse = {name: float(np.nanmean([test["wrmsse"][name] for test in tests])) for name in names}
    mases = _figures_of([test["mase"] for test in tests])
    return {
        "sales": sales.name,
        "rows": len(sales.rows),
        "rows_left_out": dict(sales.left_out),
        "period": panel.period,
        "periods": panel.periods,
        "horizon": horizon,
        "origins": [str(panel.starts[end].date()) for end in ends],
        "items": len(whole.item_ids),
        "series_of_items": len(panel.item_ids),
        "cannot_be_forecast": tests[-1]["reasons"],
        "wrmsse": wrmsse[PROPOSED],
        "mase": mases[PROPOSED],
        "mase_of_mean": mases["mean"],
        "coverage_80": float(np.mean([test["coverage"][ITEM] for test in tests])),
        "coverage_80_closed": float(np.mean([test["closed"][ITEM] for test in tests])),
        "wrmsse_below_ets": 1.0 - wrmsse[PROPOSED] / wrmsse[ETS],
        "item_wrmsse_below_ets": _interval_of_gain(tests, seed),
        "baselines": {name: {"wrmsse": wrmsse[name], "mase": mases[name]} for name in names if name != PROPOSED},
        "by_level": {
            level: {
                "series": int((tests[0]["levels"] == level).sum()),
                "wrmsse": figures[PROPOSED],
                "coverage_80": float(np.mean([test["coverage"][level] for test in tests])),
                "baselines": {name: value for name, value in figures.items() if name != PROPOSED},
            }
            for level, figures in by_level.items()
        },
        "by_origin": [{name: test["wrmsse"][name] for name in names} for test in tests],
        "by_class": _by_class(tests),
        "weights_of_last_origin": tests[-1]["weights"],
    }


def _largest(rows: pd.DataFrame, whole: Panel, *, before: int, items: int) -> Panel:
    """Return the panel with the items of the largest turnover before the test; the others are added up by category."""
    if len(whole.item_ids) <= items:
        return whole
    price = np.where(np.isfinite(whole.price), whole.price, 1.0)
    turnover = (whole.units * price)[:, :before].sum(axis=1)
    largest = whole.item_ids[np.argsort(-turnover, kind="stable")[:items]]
    category = dict(zip(whole.item_ids, whole.categories, strict=True))
    others = ~rows["item_id"].isin(set(largest))
    names = "others: " + rows["item_id"].map(category).astype(str)
    return build_panel(rows.assign(item_id=rows["item_id"].where(~others, names)), period=whole.period)


def _test(panel: Panel, end: int, horizon: int, country: str | None, seed: int, processes: int) -> dict[str, Any]:
    """Return what one origin says: errors of every series by every model, and how often the interval held."""
    before = panel.until(end)
    print(f"origin {before.future(1)[0].date()}: {len(panel.item_ids)} series", file=sys.stderr)
    forecast = forecast_demand(before, horizon=horizon, seed=seed, threads=processes, country=country)
    hierarchy = forecast.hierarchy
    baselines = forecast_baselines(before, horizon=horizon, processes=processes)
    actual = panel.units[:, end : end + horizon]
    actual_MH, units_MT = hierarchy.all_levels(actual), hierarchy.all_levels(before.units)
    weights_M = hierarchy.all_levels(_turnover(before))
    squared = naive_scales(units_MT, first_sales(units_MT), lag=1, power=2)
    means = {PROPOSED: forecast.mean_MH} | {name: hierarchy.all_levels(one) for name, one in baselines.items()}
    errors = {name: rmsse(actual_MH, mean, squared) for name, mean in means.items()}
    levels = list(dict.fromkeys(hierarchy.levels))
    by_level = {
        level: {
            name: weighted_mean(error[hierarchy.levels == level], weights_M[hierarchy.levels == level])
            for name, error in errors.items()
        }
        for level in levels
    }
    coverage, closed, inside_N, medians = _intervals(forecast, hierarchy, actual_MH)
    lag = panel.season if end > panel.season else 1
    scales = naive_scales(before.units, before.begins, lag=lag, power=1)
    absolute = {PROPOSED: medians, "mean": forecast.mean_MH[hierarchy.aggregates :], **baselines}
    reasons, counts = np.unique(forecast.reasons_N[forecast.reasons_N != ""], return_counts=True)
    return {
        "levels": hierarchy.levels,
        "by_level": by_level,
        "wrmsse": {name: float(np.nanmean([by_level[level][name] for level in levels])) for name in means},
        "mase": {name: float(np.nanmean(mase(actual, one, scales))) for name, one in absolute.items()},
        "coverage": coverage,
        "closed": closed,
        "errors": {name: errors[name][hierarchy.aggregates :] for name in (PROPOSED, ETS)},
        "weights_N": weights_M[hierarchy.aggregates :],
        "classes": forecast.classes_N,
        "inside_N": inside_N,
        "reasons": dict(zip(reasons.tolist(), counts.tolist(), strict=True)),
        "weights": forecast.weights,
    }


def _intervals(
    forecast: DemandForecast, hierarchy: Hierarchy, actual_MH: Floats
) -> tuple[dict[str, float], dict[str, float], Floats, Floats]:
    """Return the coverage by level, that with closed ends, that of each item, and the medians of items."""
    items_NH = forecast.mean_MH[hierarchy.aggregates :]
    levels = list(dict.fromkeys(hierarchy.levels))
    if forecast.spread is None:
        none = dict.fromkeys(levels, float("nan"))
        return none, none, np.full(len(items_NH), np.nan), items_NH
    inside_MH = forecast.spread.inside(forecast.mean_MH, actual_MH, low=LOW, high=HIGH)
    low, median, high = forecast.spread.quantiles(forecast.mean_MH, (LOW, 0.5, HIGH))
    inside = (actual_MH >= low) & (actual_MH <= high)
    return (
        {level: float(inside_MH[hierarchy.levels == level].mean()) for level in levels},
        {level: float(inside[hierarchy.levels == level].mean()) for level in levels},
        inside_MH[hierarchy.aggregates :].mean(axis=1),
        median[hierarchy.aggregates :],
    )


def _turnover(panel: Panel) -> Floats:
    """Return each item's turnover over the last four weeks or the last year; units where it has no price."""
    recent = panel.units[:, -min(28 if panel.period == "day" else panel.season, panel.periods) :]
    prices = panel.price[:, -recent.shape[1] :]
    return np.asarray((recent * np.where(np.isfinite(prices), prices, 1.0)).sum(axis=1))


def _figures_of(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}


def _by_class(tests: list[dict[str, Any]]) -> dict[str, Any]:
    classes = np.concatenate([test["classes"] for test in tests])
    inside = np.concatenate([test["inside_N"] for test in tests])
    ours, ets = (np.concatenate([test["errors"][name] for test in tests]) for name in (PROPOSED, ETS))
    return {
        str(group): {
            "items": int((classes == group).sum() / len(tests)),
            "rmsse": weighted_mean(ours[classes == group], np.ones(int((classes == group).sum()))),
            "rmsse_ets": weighted_mean(ets[classes == group], np.ones(int((classes == group).sum()))),
            "coverage_80": float(np.mean(inside[classes == group])),
        }
        for group in np.unique(classes)
    }


def _interval_of_gain(tests: list[dict[str, Any]], seed: int) -> list[float]:
    """Return how far the items' WRMSSE lies below that of ETS, with its 95% interval over items."""
    count = len(tests[0]["weights_N"])
    ours, ets = (np.concatenate([test["errors"][name] for test in tests]) for name in (PROPOSED, ETS))
    shares = np.concatenate([test["weights_N"] / max(test["weights_N"].sum(), 1e-12) for test in tests])
    counted = np.isfinite(ours) & np.isfinite(ets) & (shares > 0)

    def gain(weights: Floats) -> Mapping[str, float]:
        return {"gain": 1.0 - float((weights * ours[counted]).sum() / max((weights * ets[counted]).sum(), 1e-12))}

    clusters = np.tile(np.arange(count), len(tests))[counted]
    one = bootstrap_clusters(gain, weights=shares[counted], clusters=clusters, seed=seed)["gain"]
    return [one.value, one.low, one.high]


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sales", help="file, or completejourney; left out: the sample shop of the home")
    parser.add_argument("--items", type=int, help="items that are forecast one by one, by turnover")
    parser.add_argument("--origins", type=int, help="test origins, a horizon apart")
    parser.add_argument("--country", help="ISO code of the country whose holidays count, such as DE")
    parser.add_argument("--seed", type=int, default=1, help="of the trees and of the bootstrap")
    parser.add_argument("--speed", type=int, metavar="ITEMS", help="time one forecast of drawn sales instead")
    parser.add_argument("--processes", type=int, default=2, help="that fit the baselines")
    add_json_option(parser)
    arguments = parser.parse_args()
    if arguments.speed is not None:
        speed = measure_speed(arguments.speed, seed=arguments.seed, threads=arguments.processes)
        write_figures({"benchmark": "demand_speed", **rounded(speed)}, arguments.json)
        return
    try:
        report = measure(
            read_sales(arguments.sales, Settings()),
            items=arguments.items,
            origins=arguments.origins,
            country=arguments.country,
            seed=arguments.seed,
            processes=arguments.processes,
        )
    except ShopsightError as error:
        parser.exit(1, f"{error}\n")
    write_figures({"benchmark": "demand", **rounded(report)}, arguments.json)


def rounded(value: Any) -> Any:
    """Return figures with four digits; what could not be judged is null."""
    if isinstance(value, Mapping):
        return {name: rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return value


if __name__ == "__main__":
    main()
