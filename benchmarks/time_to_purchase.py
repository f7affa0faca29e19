"""When does a customer order next? The forecast beside BG/NBD, each customer's mean gap and the planted truth.

    python -m benchmarks.time_to_purchase --json -                  the sample shop of SHOPSIGHT_HOME, after make demo
    python -m benchmarks.time_to_purchase --orders FILE --json -    any file that benchmarks.churn reads

Three test dates a fortnight apart, the newest 28 days before the log ends; every model is fitted anew at each on what
was known by then. Customers are all who ever ordered. A wait that is not over when the log ends counts as far as it
went. ``proposed`` is what the chain serves: the survival model, bent to the classifier's probability. ``planted`` knows
each shopper's rate of ordering and the day on which they will leave for good, which no log tells.

Shapes: R rows (a customer at a test date).
"""

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmarks.churn.figures import nested
from benchmarks.churn.orders import read_orders
from benchmarks.output import add_json_option, write_figures
from models.churn.classifier import fit_classifier
from models.churn.config import ChurnConfig, for_size
from models.churn.histories import Histories, LabelledRows, Outcomes
from models.churn.next_order import (
    WITHIN_DAYS,
    WaitingCurve,
    extended,
    fit_waiting,
    next_order,
    steady_curve,
    surprise_at_the_wait,
    waiting_curve,
)
from models.evaluation.bootstrap import bootstrap_clusters
from models.evaluation.probability import calibration_error, equal_mass_bins
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

Floats = NDArray[np.float64]
Planted = Callable[[NDArray[np.bool_], float, float], Floats]
"""Planted probability of an order, of chosen rows, from a day and within some days; ``nan`` where none is planted."""

DATES_BEFORE_END: Final = (56, 42, 28)
JUDGED_DAYS: Final = 28
"""How far every test date's log reaches: the probabilities within so many days are judged."""
MAX_COMPARED: Final = 1_500
"""Customers of a date whose waits are compared pair by pair."""
PROPOSED: Final = "proposed"


def contenders(rows: LabelledRows, date: float, config: ChurnConfig, seed: int) -> dict[str, WaitingCurve]:
    """Return the curve of each model for the customers of a date, fitted on what was known by then."""
    histories = rows.take(rows.as_of == date).histories
    survival = fit_waiting(rows, until=date, config=config, seed=seed)
    churn = fit_classifier(rows, until=date, config=config, seed=seed).probabilities(histories)
    steady = steady_curve(survival.bg_nbd, survival.ends, histories)
    at_horizon = 1.0 - steady.within(config.horizon_days)
    return {
        PROPOSED: waiting_curve(survival, histories, churn=churn, horizon_days=config.horizon_days),
        "survival_alone": extended(survival.survival(histories), survival.bg_nbd, survival.ends, histories),
        "bg_nbd_bent": WaitingCurve(
            days_A=steady.days_A, waiting_RA=steady.waiting_RA ** (np.log(churn) / np.log(at_horizon))[:, None]
        ),
        "bg_nbd": steady,
        "mean_gap": WaitingCurve(
            days_A=steady.days_A, waiting_RA=np.maximum(np.exp(-steady.days_A / _mean_gaps(rows, date)[:, None]), 1e-12)
        ),
    }


def _mean_gaps(rows: LabelledRows, date: float) -> Floats:
    """Return each customer's mean days between orders; of somebody with one order, that of all the others."""
    histories = rows.take(rows.as_of == date).histories
    span = histories.days[histories.ends - 1] - histories.days[histories.starts]
    gaps = span / np.maximum(histories.lengths - 1, 1)
    again = gaps > 0
    return np.where(again, gaps, gaps[again].mean())


def measure(
    rows: LabelledRows,
    observed_until: float,
    config: ChurnConfig,
    *,
    seed: int,
    resamples: int,
    planted: Planted | None = None,
) -> dict[str, Any]:
    """Return every figure of the test dates."""
    began = time.process_time()
    dates = [observed_until - days for days in DATES_BEFORE_END]
    columns = vars(rows.outcomes)
    if not all((rows.as_of == date).any() for date in dates):
        raise ShopsightError(
            "the log has no customers at the test dates", why="it is too short", fix="give a longer one"
        )
    curves = _curves(rows, dates, config, seed, planted)
    test = LabelledRows(
        histories=Histories.joined([rows.histories.take(rows.as_of == date) for date in dates]),
        outcomes=Outcomes(
            **{name: np.concatenate([column[rows.as_of == date] for date in dates]) for name, column in columns.items()}
        ),
    )
    judged = {name: _Judged(parts, test, observed_until) for name, parts in curves.items()}
    pairs = _pairs(test, observed_until, seed)

    def figures(weights: Floats) -> dict[str, float]:
        row: dict[str, float] = {}
        for name, one in judged.items():
            row |= {f"{name}/{key}": value for key, value in one.figures(weights).items()}
            row[f"{name}/concordance"] = _concordance(pairs, one.within[JUDGED_DAYS], weights)
        for name in judged:
            if name != PROPOSED:
                for key, sign in (("concordance", 1), ("log_loss", -1), ("integrated_brier", -1)):
                    row[f"gain over {name}/{key}"] = sign * (row[f"{PROPOSED}/{key}"] - row[f"{name}/{key}"])
        return row

    estimates = bootstrap_clusters(
        figures, weights=np.ones(len(test)), clusters=test.histories.customers, seed=seed, resamples=resamples
    )
    waits = next_order(curves[PROPOSED][-1])
    answer: dict[str, Any] = nested(estimates)
    if planted is not None:
        truth = judged["planted"].within[JUDGED_DAYS]
        answer["beside_the_planted_truth"] = {
            name: _beside(truth, one.within[JUDGED_DAYS], test, seed, resamples)
            for name, one in judged.items()
            if name != "planted"
        }
    return {
        **answer,
        "customers": len(np.unique(test.histories.customers)),
        "rows": len(test),
        "ordered_within_28_days": round(float((test.outcomes.days_to_next < JUDGED_DAYS).mean()), 4),
        "newest_date": {
            "median_days_quartiles": [
                round(float(one), 1) for one in np.quantile(waits.median, [0.25, 0.5, 0.75], method="higher")
            ],
            "median_beyond_a_year": round(float(np.isinf(waits.median).mean()), 4),
            "high_beyond_a_year": round(float(np.isinf(waits.high).mean()), 4),
        },
        "cpu_seconds": round(time.process_time() - began, 1),
    }


def _curves(
    rows: LabelledRows, dates: list[float], config: ChurnConfig, seed: int, planted: Planted | None
) -> dict[str, list[WaitingCurve]]:
    """Return each contender's curve at each test date."""
    curves: dict[str, list[WaitingCurve]] = {}
    for date in dates:
        contending = contenders(rows, date, config, seed)
        if planted is not None:
            contending["planted"] = _planted_curve(contending[PROPOSED], rows.as_of == date, date, planted)
        for name, curve in contending.items():
            curves.setdefault(name, []).append(curve)
    return curves


class _Judged:
    """What is known of one model's forecasts of all rows, so that a resample only weighs it."""

    def __init__(self, curves: list[WaitingCurve], test: LabelledRows, observed_until: float) -> None:
        waits = test.outcomes.days_to_next
        observed = observed_until - test.as_of
        parts = [slice(*ends) for ends in _ends(curves)]
        self.waits = waits
        self.within = {days: np.concatenate([c.within(days) for c in curves]) for days in range(1, JUDGED_DAYS + 1)}
        self.loss = np.concatenate(
            [surprise_at_the_wait(c, waits[p], observed[p][0]) for c, p in zip(curves, parts, strict=True)]
        )
        errors = [(chance - (waits < days)) ** 2 for days, chance in self.within.items()]
        self.brier = np.mean(errors, axis=0)
        self.at_56 = np.concatenate([c.within(56) for c in curves])
        self.far = observed >= 56
        # Where each wait lies within its own forecast: uniform, if the forecast is right. A day's middle stands for it.
        self.over = waits < observed
        until = np.where(self.over, waits + 0.5, observed)
        self.place = np.concatenate([_gone(c, until[p]) for c, p in zip(curves, parts, strict=True)])
        self.order = np.argsort(self.place, kind="stable")
        self.bins = equal_mass_bins(self.within[JUDGED_DAYS])
        self.bins_56 = equal_mass_bins(self.at_56[self.far])

    def figures(self, weights: Floats) -> dict[str, float]:
        total = weights.sum()
        came = self.waits < JUDGED_DAYS
        gone = _kaplan_meier(self.place[self.order], self.over[self.order], weights[self.order], (0.1, 0.5, 0.9))
        return {
            "log_loss": float((weights * self.loss).sum() / total),
            "integrated_brier": float((weights * self.brier).sum() / total),
            "ece_28d": calibration_error(came, self.within[JUDGED_DAYS], weights, bin_of_row=self.bins),
            "ece_56d": calibration_error(
                self.waits[self.far] < 56, self.at_56[self.far], weights[self.far], bin_of_row=self.bins_56
            ),
            "share_before_low": gone[0],
            "share_before_median": gone[1],
            "interval_coverage": gone[2] - gone[0],
        }


def _ends(curves: list[WaitingCurve]) -> list[tuple[int, int]]:
    ends = np.cumsum([0, *(len(curve.waiting_RA) for curve in curves)]).tolist()
    return list(pairwise(ends))


def _gone(curve: WaitingCurve, days: Floats) -> Floats:
    """Return the probability of an order by a day of each row's own."""
    rows = [np.interp(day, curve.days_A, row) for day, row in zip(days, np.log(curve.waiting_RA), strict=True)]
    return np.asarray(-np.expm1(np.array(rows)), dtype=np.float64)


def _kaplan_meier(places: Floats, over: NDArray[np.bool_], weights: Floats, at: tuple[float, ...]) -> list[float]:
    """Return the share of waits below each place, of waits in order of place of which some are not over.

    Source: H. Haider et al., "Effective ways to build and evaluate individual survival distributions" (2020).
    """
    at_risk = np.maximum(np.cumsum(weights[::-1])[::-1], 1e-12)
    waiting = np.cumprod(1.0 - np.where(over, weights, 0.0) / at_risk)
    return [float(1.0 - waiting[place - 1]) if (place := int(np.searchsorted(places, one))) else 0.0 for one in at]


def _pairs(test: LabelledRows, observed_until: float, seed: int) -> list[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Return, for each date, rows and which of them surely ordered before which others."""
    rng = np.random.default_rng(seed)
    pairs = []
    for date in np.unique(test.as_of):
        rows = np.flatnonzero(test.as_of == date)
        rows = rng.permutation(rows)[:MAX_COMPARED]
        waits = np.minimum(test.outcomes.days_to_next[rows], observed_until - date)
        pairs.append((rows, waits[:, None] < waits[None, :]))
    return pairs


def _concordance(pairs: list[tuple[NDArray[np.intp], NDArray[np.bool_]]], scores: Floats, weights: Floats) -> float:
    """Return how often, of two customers, the one told to be likelier to order soon did so first (Harrell's C)."""
    right = total = 0.0
    for rows, before in pairs:
        here, weight = scores[rows], weights[rows]
        forecast_signs = np.sign(here[:, None] - here[None, :])
        right += float(weight @ (np.where(before, 0.5 + 0.5 * forecast_signs, 0.0) @ weight))
        total += float(weight @ (before @ weight))
    return right / total


def _planted_curve(like: WaitingCurve, chosen: NDArray[np.bool_], date: float, planted: Planted) -> WaitingCurve:
    gone = np.column_stack([planted(chosen, date, days) for days in like.days_A])
    return WaitingCurve(days_A=like.days_A, waiting_RA=np.clip(1.0 - gone, 1e-9, 1.0))


def _beside(truth: Floats, forecasts: Floats, test: LabelledRows, seed: int, resamples: int) -> dict[str, Any]:
    """Return the rank correlation with the planted probability of an order within 28 days, and the distance to it."""
    bins = equal_mass_bins(forecasts)
    stays = truth > 0

    def figures(weights: Floats) -> dict[str, float]:
        sums = [np.bincount(bins, weights=weights * one) for one in (forecasts, truth)]
        return {
            "planted/spearman": _rank_correlation(truth, forecasts, weights),
            "planted/mean_told": float(np.average(forecasts, weights=weights)),
            "planted/mean_planted": float(np.average(truth, weights=weights)),
            "planted/calibration_error": float(np.abs(sums[0] - sums[1]).sum() / weights.sum()),
            "planted/spearman_of_those_still_there": _rank_correlation(truth[stays], forecasts[stays], weights[stays]),
        }

    clusters = test.histories.customers
    estimates = bootstrap_clusters(
        figures, weights=np.ones(len(truth)), clusters=clusters, seed=seed, resamples=resamples
    )
    return dict(nested(estimates)["planted"])


def _rank_correlation(one: Floats, other: Floats, weights: Floats) -> float:
    ranks = [rankdata(part) for part in (one, other)]
    centred = [part - np.average(part, weights=weights) for part in ranks]
    spread = np.sqrt(np.prod([np.average(part**2, weights=weights) for part in centred]))
    return float(np.average(centred[0] * centred[1], weights=weights) / spread)


def sample_shop(settings: Settings) -> tuple[LabelledRows, float, ChurnConfig, Planted]:
    """Return the customers of a finished demo whose truth was planted, and that truth.

    Raises:
        ShopsightError: there is no training set, or the shop is another.
    """
    import pyarrow.parquet as pq

    from models.churn.dataset import customer_rows
    from shopsight.privacy import Pseudonymiser
    from shopsight.sample_shop import generate
    from shopsight.sample_shop.sessions import day_weights

    path = settings.training_dir / "churn" / "training_set.parquet"
    if not path.exists():
        raise ShopsightError(
            f"{settings.home} has no churn training set", why=f"{path.name} is missing", fix="run make demo first"
        )
    config = for_size(settings.training_size)
    customers = customer_rows(pq.read_table(path), horizon_days=config.horizon_days)
    shop = generate(settings.sample_size, seed=settings.seed)
    truth = shop.truth.users.to_pandas()
    truth.index = truth["user_id"].map(Pseudonymiser.from_settings(settings).user)
    mine = truth[~truth["is_bot"]].reindex(customers.users)
    is_planted = mine["orders_per_day"].notna().to_numpy()
    if is_planted.mean() < 0.5:
        raise ShopsightError(
            "most customers are not of the sample shop", why="the size or seed differs", fix="run make demo first"
        )
    start = shop.config.starts_at_us / 86_400e6
    traffic = np.concatenate([[0.0], np.cumsum(day_weights(shop.config))]) * shop.config.days
    grid = start + np.arange(len(traffic))
    rates = mine["orders_per_day"].to_numpy()[is_planted]
    leaves = mine["churned_at"].astype("int64").where(mine["churned_at"].notna()).to_numpy(dtype=np.float64)[is_planted]
    unit = {"ns": 86_400e9, "us": 86_400e6}[np.datetime_data(mine["churned_at"].dt.tz_localize(None).dtype)[0]]
    leaves = np.where(np.isnan(leaves), np.inf, leaves / unit)

    def planted(chosen: NDArray[np.bool_], day: float, days: float) -> Floats:
        until = np.minimum(day + days, leaves[chosen])
        # Beyond the log's end there is no planted traffic: the last day's goes on.
        beyond = np.maximum(until - grid[-1], 0.0) * (traffic[-1] - traffic[-8]) / 7
        orders = (
            np.interp(until, grid, traffic) + np.where(np.isinf(until), 1e6, beyond) - np.interp(day, grid, traffic)
        )
        return np.asarray(-np.expm1(-rates[chosen] * np.maximum(orders, 0.0)), dtype=np.float64)

    return customers.labelled.take(is_planted), customers.observed_until, config, planted


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", help="CSV or Parquet file of orders, or completejourney; else the sample shop")
    parser.add_argument("--seed", type=int, default=1, help="of the trees and the bootstrap")
    parser.add_argument("--resamples", type=int, default=200, help="bootstrap resamples behind each interval")
    add_json_option(parser)
    arguments = parser.parse_args()
    sure = {"seed": arguments.seed, "resamples": arguments.resamples}
    try:
        if arguments.orders:
            config = ChurnConfig(horizon_days=28)
            book = read_orders(arguments.orders)
            last = float(np.floor(book.days.max()))
            dates = np.arange(last, np.floor(book.days.min()) + 27, -7)[::-1]
            report = measure(LabelledRows.of(book, dates, horizon_days=28), last, config, **sure)
        else:
            rows, until, config, planted = sample_shop(Settings())
            report = measure(rows, until, config, planted=planted, **sure)
    except (ShopsightError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    write_figures({"benchmark": "time_to_purchase", "within_days": WITHIN_DAYS, **report}, arguments.json)


if __name__ == "__main__":
    main()
