"""How often does an experiment see a difference that is not there, where somebody looks every day, and one that is?

    python -m benchmarks.experiments --json -

Shoppers come to a shop every day and are spread over two arms; each is measured once, with what they did before as
covariate. After each of 28 days the arms are compared as ``shopsight experiment report`` compares them. Beside it stand
intervals by t, which hold at one look alone.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta as beta_distribution
from scipy.stats import chi2, norm

from benchmarks.output import add_json_option, write_figures
from models.evaluation.experiments.judgement import ALPHA
from models.evaluation.experiments.moments import Moments
from models.evaluation.experiments.sample_ratio import OFF_BELOW
from models.evaluation.experiments.sequential import MIN_SHOPPERS, MIN_VALUES, detectable, difference

METRICS: Final = ("click_through", "conversion", "revenue_per_user")
DAYS: Final = 28
SHOPPERS_A_DAY: Final = 300
"""Of both arms together, on average."""
PLANNED: Final = DAYS * SHOPPERS_A_DAY
LIFTS: Final = (0.1, 0.2, 0.4)
CHUNK: Final = 250
"""Experiments that are drawn at once: 2.1 million shoppers."""


class Looks:
    """Many experiments at once: per arm and metric the sums up to each day; arrays of experiments by days."""

    def __init__(self, rng: np.random.Generator, experiments: int, *, days: int = DAYS, lift: float = 0.0) -> None:
        self.counts = [rng.poisson(SHOPPERS_A_DAY / 2, (experiments, days)) for _ in range(2)]
        self.moments: dict[str, list[Moments]] = {metric: [] for metric in METRICS}
        self.values: dict[str, list[NDArray[np.int64]]] = {metric: [] for metric in METRICS}
        """Shoppers with a value other than zero, up to each day."""
        for arm, counts in enumerate(self.counts):
            shoppers = _shoppers(rng, int(counts.sum()), lift=lift if arm else 0.0)
            for metric, (value, before) in shoppers.items():
                self.moments[metric].append(_sums(value, before, counts))
                self.values[metric].append(_up_to(value != 0, counts).astype(np.int64))

    def evaluable(self, metric: str) -> NDArray[np.bool_]:
        """Return at which looks something is said at all."""
        arms = self.moments[metric]
        counts = np.minimum(arms[0].count, arms[1].count)
        values = self.values[metric][0] + self.values[metric][1]
        return np.asarray((counts >= MIN_SHOPPERS) & (values >= MIN_VALUES))

    def seen(self, metric: str, *, cuped: bool = True) -> NDArray[np.bool_]:
        """Return at which looks the arms differ, by the anytime-valid interval."""
        one = difference(*self.moments[metric], planned=PLANNED, alpha=ALPHA, cuped=cuped)
        differs: NDArray[np.bool_] = self.evaluable(metric) & np.asarray((one.low > 0) | (one.high < 0))
        return differs

    def seen_by_t(self, metric: str) -> NDArray[np.bool_]:
        """Return at which looks they differ by an interval that holds at one look; of so many, t is normal."""
        one = difference(*self.moments[metric], planned=PLANNED, alpha=ALPHA)
        reach = norm.ppf(1 - ALPHA / 2) * one.error
        differs: NDArray[np.bool_] = self.evaluable(metric) & np.asarray(np.abs(one.value) > reach)
        return differs

    def ratio_off(self) -> NDArray[np.bool_]:
        """Return at which looks the sample ratio is called off."""
        control, arm = (counts.cumsum(axis=1) for counts in self.counts)
        return np.asarray(chi2.sf((control - arm) ** 2 / (control + arm), 1) < OFF_BELOW)

    def promised(self, metric: str) -> float:
        """Return the smallest difference that all shoppers are said to show four times in five, mean of experiments."""
        ends = [Moments(**{name: value[:, -1] for name, value in vars(one).items()}) for one in self.moments[metric]]
        whole = difference(*ends, planned=PLANNED, alpha=ALPHA)
        sizes = ends[0].count + ends[1].count
        each = [
            detectable(_only(whole, row), measured=size, shoppers=size, planned=PLANNED, alpha=ALPHA)
            for row, size in enumerate(sizes)
        ]
        return float(np.mean(each))


def _only(whole: Any, row: int) -> Any:
    return type(whole)(**{name: value[row] for name, value in vars(whole).items()})


def _shoppers(
    rng: np.random.Generator, count: int, *, lift: float
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return of each metric what shoppers do in their window, and what they did before; most of them nothing."""
    likely = rng.beta(0.5, 9.5, count)
    spend = rng.normal(0, 0.5, count)
    clicks_at = rng.beta(1, 15, count)
    lists = 1 + rng.poisson(2, count)
    bought_before = rng.random(count) < likely
    bought = rng.random(count) < np.minimum(likely * (1 + lift), 1.0)
    # A hundred times the middle order is as rare as in a shop of clothes.
    money = [np.exp(3.5 + spend + rng.normal(0, 0.8, count)) for _ in range(2)]
    clicked = rng.binomial(lists, np.minimum(clicks_at * (1 + lift), 1.0)) / lists
    return {
        "click_through": (clicked, rng.poisson(20 * clicks_at).astype(np.float64)),
        "conversion": (bought.astype(np.float64), bought_before.astype(np.float64)),
        "revenue_per_user": (np.where(bought, money[0], 0.0), np.where(bought_before, money[1], 0.0)),
    }


def _up_to(values: NDArray[Any], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sums up to each day of values that lie day after day, experiment after experiment."""
    starts = np.concatenate([[0], counts.ravel().cumsum()])
    running = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return np.asarray(np.diff(running[starts]).reshape(counts.shape).cumsum(axis=1))


def _sums(value: NDArray[np.float64], before: NDArray[np.float64], counts: NDArray[np.int64]) -> Moments:
    return Moments(
        count=counts.cumsum(axis=1).astype(np.float64),
        value=_up_to(value, counts),
        value_squared=_up_to(value * value, counts),
        before=_up_to(before, counts),
        before_squared=_up_to(before * before, counts),
        product=_up_to(value * before, counts),
    )


def drawn(experiments: int, *, seed: int, lift: float = 0.0) -> Iterator[Looks]:
    """Yield experiments, so many in all."""
    rng = np.random.default_rng([seed, round(1000 * lift)])
    for start in range(0, experiments, CHUNK):
        yield Looks(rng, min(CHUNK, experiments - start), lift=lift)


def share(hits: int, of: int) -> dict[str, Any]:
    """Return a share with its 95% interval (Clopper and Pearson)."""
    low = beta_distribution.ppf(0.025, hits, of - hits + 1) if hits else 0.0
    high = beta_distribution.ppf(0.975, hits + 1, of - hits) if hits < of else 1.0
    return {"share": hits / of, "low": round(float(low), 5), "high": round(float(high), 5), "times": hits, "of": of}


def false_alarms(experiments: int, *, seed: int) -> dict[str, Any]:
    """Return how many A/A tests call a difference at any look."""
    hits = {(kind, metric): 0 for kind in ("anytime", "by_t_at_every_look", "by_t_at_the_end") for metric in METRICS}
    ratio = 0
    for looks in drawn(experiments, seed=seed):
        ratio += int(looks.ratio_off().any(axis=1).sum())
        for metric in METRICS:
            by_t = looks.seen_by_t(metric)
            hits["anytime", metric] += int(looks.seen(metric).any(axis=1).sum())
            hits["by_t_at_every_look", metric] += int(by_t.any(axis=1).sum())
            hits["by_t_at_the_end", metric] += int(by_t[:, -1].sum())
    kinds: dict[str, Any] = {}
    for (kind, metric), times in hits.items():
        kinds.setdefault(kind, {})[metric] = share(times, experiments)
    worst = max(kinds["anytime"].values(), key=lambda one: one["share"])
    return {**kinds, "sample_ratio_off": share(ratio, experiments), "worst": worst}


def power(experiments: int, *, seed: int) -> dict[str, Any]:
    """Return how many experiments with a planted difference see it at any look, and by which day half of them do."""
    lifts: dict[str, Any] = {}
    for lift in LIFTS:
        seen: dict[str, list[NDArray[np.bool_]]] = {metric: [] for metric in METRICS}
        plain: dict[str, int] = dict.fromkeys(METRICS, 0)
        for looks in drawn(experiments, seed=seed + 1, lift=lift):
            for metric in METRICS:
                seen[metric].append(looks.seen(metric))
                plain[metric] += int(looks.seen(metric, cuped=False).any(axis=1).sum())
        lifts[f"{lift:.0%}"] = {
            metric: {**_power(np.concatenate(seen[metric])), "without_cuped": share(plain[metric], experiments)}
            for metric in METRICS
        }
    return lifts


def _power(seen: NDArray[np.bool_]) -> dict[str, Any]:
    at_any = np.maximum.accumulate(seen, axis=1).mean(axis=0)
    days = np.flatnonzero(at_any >= 0.5)
    half = int(days[0]) + 1 if len(days) else None
    return {**share(int(seen.any(axis=1).sum()), len(seen)), "half_see_it_by_day": half}


def measure(experiments: int, *, seed: int) -> Mapping[str, Any]:
    """Return all figures."""
    started = time.perf_counter()
    alarms = false_alarms(experiments, seed=seed)
    powers = power(max(experiments // 10, 1), seed=seed)
    promise = next(drawn(min(experiments, CHUNK), seed=seed))
    return {
        "benchmark": "experiments",
        "setting": {"days": DAYS, "looks": DAYS, "shoppers_a_day": SHOPPERS_A_DAY, "seed": seed, "alpha": ALPHA},
        "a_a_tests": {"experiments": experiments, **alarms},
        "power": powers,
        "detectable": {metric: promise.promised(metric) for metric in METRICS},
        "seconds": round(time.perf_counter() - started, 1),
    }


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=10_000, help="how many A/A tests")
    parser.add_argument("--seed", type=int, default=52)
    add_json_option(parser)
    arguments = parser.parse_args()
    write_figures(measure(arguments.experiments, seed=arguments.seed), arguments.json)


if __name__ == "__main__":
    main()
