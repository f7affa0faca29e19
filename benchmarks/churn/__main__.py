"""How well churn and customer value are foreseen, on the orders of a public file.

    python -m benchmarks.churn --orders online_retail_II.parquet --json -
    python -m benchmarks.churn --orders completejourney --json -

Protocol: a customer with an order before an as-of date has churned when none follows within the horizon. The test
dates are the last ``--origins`` ones whose horizon the file covers, 28 days apart. For each, every model is fitted anew
on what was known that day: training labels are closed by then, and the level is set on a date later than those that
the model it is measured on was trained on. Every customer ever seen is judged, the long lost ones too. Figures are
pooled over the test dates; intervals come from bootstrap resamples of customers, who are drawn with all their dates.

Settings were chosen on as-of dates before the test dates. The model proposed is the mean log odds of a survival model
and a classifier, which stand beside it.
"""

import argparse
import sys
import time
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.churn.figures import churn_figures, value_figures
from benchmarks.churn.orders import read_orders
from benchmarks.output import add_json_option, write_figures
from models.churn.baselines import fit_recency, fit_steady_buyers
from models.churn.classifier import fit_classifier, log_odds
from models.churn.config import ChurnConfig
from models.churn.histories import LabelledRows, OrderBook
from models.churn.survival import fit_survival
from models.churn.value import ForecastValue, fit_value
from models.evaluation.calibration import fit_level, sigmoid
from models.evaluation.probability import calibration_error, roc_auc
from shopsight.errors import ShopsightError

PROPOSED = "survival_and_classifier"
PARTS = ("survival", "classifier")
BASELINES = ("recency", "bg_nbd")
STEP_DAYS = 14
"""Days between as-of dates that are trained on."""
ORIGIN_DAYS = 28
"""Days between test dates."""
WARM_UP_DAYS = 28
"""Days of history before the first as-of date."""


def as_of_dates(book: OrderBook, config: ChurnConfig, *, origins: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all as-of dates, and the test dates among them.

    Raises:
        ShopsightError: the file covers too short a time.
    """
    last = float(np.floor(book.days.max())) - config.horizon_days
    first = float(np.floor(book.days.min())) + WARM_UP_DAYS
    dates = np.arange(last, first - 1, -STEP_DAYS)[::-1]
    test = last - ORIGIN_DAYS * np.arange(origins)[::-1].astype(np.float64)
    if test[0] - 2 * config.horizon_days < dates[0]:
        raise ShopsightError(
            "the orders cover too short a time",
            why=f"before the first test date there must be {2 * config.horizon_days} days with as-of dates",
            fix="give a longer history, fewer --origins or a shorter --horizon",
        )
    return dates, test


def measure(book: OrderBook, config: ChurnConfig, *, origins: int, seed: int) -> dict[str, Any]:
    """Return all figures of the book's test dates."""
    began = time.process_time()
    dates, test_dates = as_of_dates(book, config, origins=origins)
    rows = LabelledRows.of(book, dates, horizon_days=config.horizon_days)
    on_test = np.isin(rows.as_of, test_dates)
    test = rows.take(on_test)
    scores = {name: np.empty(len(test)) for name in (PROPOSED, *PARTS, *BASELINES)}
    values = ForecastValue(**{name: np.empty(len(test)) for name in ("mean", "median", "low", "high")})
    other_values = {name: np.zeros(len(test)) for name in ("bg_nbd_gamma_gamma", "spent_before", "nothing")}
    for date in test_dates:
        here = test.as_of == date
        histories = test.take(here).histories
        steady = fit_steady_buyers(rows, until=date)
        scores["survival"][here] = fit_survival(rows, until=date, config=config, seed=seed).probabilities(histories)
        scores["classifier"][here] = fit_classifier(rows, until=date, config=config, seed=seed).probabilities(histories)
        halves = [log_odds(scores[name][here]) for name in PARTS]
        scores[PROPOSED][here] = sigmoid(np.mean(halves, axis=0))
        recency = fit_recency(rows, until=date, horizon_days=config.horizon_days)
        scores["recency"][here] = recency.probabilities(histories)
        scores["bg_nbd"][here] = steady.probabilities(histories, horizon_days=config.horizon_days)
        forecast = fit_value(rows, until=date, config=config, seed=seed).forecast(histories)
        for name, column in vars(forecast).items():
            getattr(values, name)[here] = column
        other_values["bg_nbd_gamma_gamma"][here] = steady.revenue(histories, horizon_days=config.horizon_days)
        recent = histories.as_of[histories.rows] - histories.days <= config.horizon_days
        other_values["spent_before"][here] = np.bincount(
            histories.rows, weights=histories.values * recent, minlength=len(histories)
        )
        print(f"{_day(date)}: {int(here.sum()):,} customers judged", file=sys.stderr)
    sure = {"seed": seed, "resamples": config.resamples}
    value_by_name = churn_figures(test, scores, chosen=PROPOSED, **sure)
    at_true_rates = np.empty(len(test))
    for date in test_dates:
        here = test.as_of == date
        at_true_rates[here] = _at_true_rate(test.take(here), scores[PROPOSED][here])
    low, high = config.value_quantiles
    return {
        "model": PROPOSED,
        **value_by_name[PROPOSED],
        "ece_at_true_rates": round(calibration_error(test.outcomes.churned, at_true_rates), 4),
        "baselines": {name: value_by_name[name] for name in BASELINES},
        "other_models": {name: value_by_name[name] for name in PARTS},
        "gains": {name: value_by_name[f"gain over {name}"] for name in (*BASELINES, *PARTS)},
        "clv": value_figures(test, values, other_values, share=high - low, **sure),
        "by_date": [_of_date(test.take(test.as_of == date), scores, test.as_of == date) for date in test_dates],
        "customers": len(np.unique(test.histories.customers)),
        "rows": len(test),
        "churn_rate": round(float(test.outcomes.churned.mean()), 4),
        "cpu_seconds": round(time.process_time() - began, 1),
    }


def _of_date(rows: LabelledRows, scores: dict[str, np.ndarray], here: np.ndarray) -> dict[str, Any]:
    truth = rows.outcomes.churned
    return {
        "as_of": _day(rows.as_of[0]),
        "customers": len(rows),
        "churn_rate": round(float(truth.mean()), 4),
        "forecast_rate": round(float(scores[PROPOSED][here].mean()), 4),
        "ece": round(calibration_error(truth, scores[PROPOSED][here]), 4),
        "ece_at_true_rate": round(calibration_error(truth, _at_true_rate(rows, scores[PROPOSED][here])), 4),
        "roc_auc": {name: round(roc_auc(truth, column[here]), 4) for name, column in scores.items()},
    }


def _at_true_rate(rows: LabelledRows, probabilities: np.ndarray) -> np.ndarray:
    """Return the probabilities as they would be had the date's churn rate been known, which no shop does.

    What is left of their ECE is the model's; the rest is the season's.
    """
    raw = log_odds(probabilities)
    return sigmoid(raw + fit_level(raw, rows.outcomes.churned))


def _day(days: float) -> str:
    return str(np.datetime64(int(days), "D"))


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", required=True, help="CSV or Parquet file of orders, or the word completejourney")
    parser.add_argument(
        "--horizon", type=int, default=56, help="days without an order that are churn; whole fortnights"
    )
    parser.add_argument("--origins", type=int, default=3, help="test dates")
    parser.add_argument("--seed", type=int, default=1, help="of the trees and the bootstrap")
    parser.add_argument("--resamples", type=int, default=1_000, help="bootstrap resamples behind each interval")
    add_json_option(parser)
    arguments = parser.parse_args()
    try:
        config = ChurnConfig(horizon_days=arguments.horizon, resamples=arguments.resamples)
        report = measure(read_orders(arguments.orders), config, origins=arguments.origins, seed=arguments.seed)
    except (ShopsightError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    result = {
        "benchmark": "churn",
        "protocol": f"no order within {arguments.horizon} days; {arguments.origins} test dates {ORIGIN_DAYS} days "
        "apart, each model fitted anew on what was known; every customer ever seen; bootstrap over customers",
        "seed": arguments.seed,
        **report,
        "settings": asdict(config),
    }
    write_figures(result, arguments.json)


if __name__ == "__main__":
    main()
