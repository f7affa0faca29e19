"""How far two samples are apart, and whether chance explains it: shares, numbers and categories."""

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.evaluation.drift.findings import DriftConfig, Measurement

Floats = NDArray[np.float64]
RARE_SHARE: Final = 0.01
"""Share of all rows below which categories are counted together: their indices are mostly noise."""
FREQUENT_VALUES: Final = 10
"""How many of the most frequent numbers of each window are looked at one by one."""
FEW_NUMBERS: Final = 20
"""Different numbers up to which a column of numbers is one of codes too: stars, flags, quantities."""
FEW_LOOKED_AT: Final = 1_000
"""Numbers that tell whether a column has few different ones."""
FAR: Final = 10.0
"""Ranges of the reference beyond which a value is far from all others."""
FEW_CASES: Final = 5.0
"""Expected cases below which a share is tested exactly."""


def cohens_h(was: float, now: float) -> float:
    """Return the distance of two shares, which counts a change near 0 and 1 for more than one in the middle.

    >>> round(cohens_h(0.5, 0.6), 2), round(cohens_h(0.0, 0.01), 2)
    (0.2, 0.2)
    """
    return abs(2 * math.asin(math.sqrt(min(1.0, now))) - 2 * math.asin(math.sqrt(min(1.0, was))))


def compare_shares(
    method: str,
    was: tuple[float, int],
    now: tuple[float, int],
    *,
    limit: float,
    label: str | None = None,
    looked_at: int = 1,
) -> Measurement:
    """Compare two shares by Cohen's h, and test them: two-proportion z, or Fisher where few cases are expected.

    Args:
        method: what it is a share of.
        was: cases and rows of the reference.
        now: cases and rows of the judged window.
        limit: Cohen's h that matters.
        label: what a person reads; the method unless told.
        looked_at: how many shares this one was picked from.
    """
    before, after = was[0] / max(1, was[1]), now[0] / max(1, now[1])
    p_value = min(1.0, _p_of_shares(was, now) * looked_at)
    said = f"{label or method} went from {before:.3g} to {after:.3g}"
    return Measurement(method=method, effect=cohens_h(before, after), limit=limit, p_value=p_value, said=said)


def _p_of_shares(was: tuple[float, int], now: tuple[float, int]) -> float:
    from scipy.stats import fisher_exact

    rows = was[1] + now[1]
    pooled = (was[0] + now[0]) / max(1, rows)
    if not 0 < pooled < 1 or not was[1] or not now[1]:
        return 1.0
    if min(was[1], now[1]) * min(pooled, 1 - pooled) < FEW_CASES:
        cases = (round(was[0]), round(now[0]))
        return float(fisher_exact([[cases[0], was[1] - cases[0]], [cases[1], now[1] - cases[1]]]).pvalue)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / was[1] + 1 / now[1]))
    return math.erfc(abs(now[0] / now[1] - was[0] / was[1]) / spread / math.sqrt(2))


def moved_shares(method: str, before: NDArray[np.bool_], after: NDArray[np.bool_], config: DriftConfig) -> Measurement:
    """Compare how often something is so; where it never was, or is no more, less of it matters."""
    was, now = (int(before.sum()), len(before)), (int(after.sum()), len(after))
    return compare_shares(method, was, now, limit=_limit(was, now, config))


def _limit(was: tuple[float, int], now: tuple[float, int], config: DriftConfig) -> float:
    never = was[0] in (0, was[1]) or now[0] in (0, now[1])
    return config.novelty if never else config.share


def distances(before: Floats, after: Floats, config: DriftConfig, *, of: str = "") -> Iterator[Measurement]:
    """Yield the two distances of distributions of finite numbers: in spreads of the reference, and in shares of rows.

    Args:
        before: the reference, at least one number.
        after: the judged window, at least one number.
        config: what matters.
        of: what the numbers are, where they are not the column itself, such as ``characters``.
    """
    from scipy.stats import ks_2samp, wasserstein_distance

    of = f"{of} " if of else ""
    test = ks_2samp(before, after, method="asymp")
    p_value, apart = float(test.pvalue), float(test.statistic)
    middles = f"median {np.median(before):.4g}, now {np.median(after):.4g}"
    # A reference of one value has no spread: its size is the scale. Evidently scales in the same way.
    scale = float(before.std()) or abs(float(before[0])) or 1.0
    far = float(wasserstein_distance(before / scale, after / scale))
    if math.isfinite(far):
        yield Measurement(
            method=f"{of}wasserstein",
            effect=far,
            limit=config.wasserstein,
            p_value=p_value,
            said=f"{of}moved by {far:.3g} standard deviations ({middles})",
        )
    yield Measurement(
        method=f"{of}kolmogorov-smirnov",
        effect=apart,
        limit=config.kolmogorov_smirnov,
        p_value=p_value,
        said=f"{of}distributed otherwise for {apart:.1%} of the rows ({middles})",
    )


def beyond_the_range(before: Floats, after: Floats, config: DriftConfig) -> Iterator[Measurement]:
    """Yield how many numbers of the judged window lie above and below all of the reference.

    That k of M new values lie beyond N old ones has the chance (M / (N + M)) ** k, whatever the distribution is.
    """
    chance = len(after) / (len(before) + len(after))
    for method, beyond, label, furthest in (
        ("above the range", after > before.max(), f"above {before.max():.6g}", after.max()),
        ("below the range", after < before.min(), f"below {before.min():.6g}", after.min()),
    ):
        count = int(beyond.sum())
        yield Measurement(
            method=method,
            effect=cohens_h(0.0, count / len(after)),
            limit=config.novelty,
            p_value=chance**count,
            said=f"{count:,} of {len(after):,} values lie {label}, as none did before (furthest: {furthest:.6g})",
        )
    reach = FAR * ((before.max() - before.min()) or abs(before.max()) or 1.0)
    far = (after > before.max() + reach) | (after < before.min() - reach)
    count = int(far.sum())
    yield Measurement(
        method="far beyond the range",
        effect=cohens_h(0.0, count / len(after)),
        limit=config.novelty / 2,
        # Of a tail as heavy as they come (Pareto with exponent 1), so far out is FAR times rarer.
        p_value=(len(after) / (FAR * len(before) + len(after))) ** count,
        said=f"{count:,} of {len(after):,} values lie {FAR:g} times the range of all before beyond it",
    )


def how_they_are_written(before: Floats, after: Floats, config: DriftConfig) -> Iterator[Measurement]:
    """Yield shares that a change of unit, sign, rounding or default moves."""
    was, now = _writings(before), _writings(after)
    for method in was:
        yield moved_shares(method, was[method], now[method], config)


def _writings(values: Floats) -> dict[str, NDArray[np.bool_]]:
    """Return which numbers are written in which way."""
    cents = values * 100
    return {
        "share of negative numbers": values < 0,
        "share of zeros": values == 0,
        "share of whole numbers": values == np.floor(values),
        "share of multiples of ten": np.mod(values, 10) == 0,
        "share with more than two decimals": np.abs(cents - np.round(cents)) > 1e-6 * np.abs(values) + 1e-9,
    }


def frequent_numbers(before: Floats, after: Floats, config: DriftConfig) -> Iterator[Measurement]:
    """Yield the frequent number whose share moved most: a default that is filled in, or a cap."""
    was, now = (pd.Series(values).value_counts() for values in (before, after))
    candidates = was.index[:FREQUENT_VALUES].union(now.index[:FREQUENT_VALUES])
    moved = [
        compare_shares(
            "share of one number",
            (float(was.get(value, 0)), len(before)),
            (float(now.get(value, 0)), len(after)),
            limit=config.share,
            label=f"share of {value:g}",
            looked_at=len(candidates),
        )
        for value in candidates
        if max(was.get(value, 0), now.get(value, 0)) > 1
    ]
    if moved:
        yield max(moved, key=lambda one: one.effect)


def counts_of(values: Any) -> pd.Series:
    """Return how often each value is there, most frequent first, nulls left out."""
    return pd.Series(values).dropna().value_counts()


def new_and_gone(was: pd.Series, now: pd.Series, *, limit: float, gone: bool = True) -> Iterator[Measurement]:
    """Yield the share of rows whose value is new, and of those whose value is no more.

    How many new ones chance brings is told by Good and Turing: as many as are there once.

    Args:
        was: counts by value, of the reference.
        now: counts by value, of the judged window.
        limit: Cohen's h that matters.
        gone: whether values that are no more count: not where they come and go.
    """
    pairs = [("share of values not seen before", was, now)] + ([("share of values that are gone", now, was)] * gone)
    for method, earlier, asked in pairs:
        others = asked[~asked.index.isin(earlier.index)]
        once, rows = int((earlier == 1).sum()), int(earlier.sum())
        there = int(asked.sum())
        named = ", ".join(str(value)[:40] for value in others.index[:3])
        expected = (min(once, rows), rows)
        unseen = (int(others.sum()), there)
        p_value = _p_of_shares(expected, unseen)
        share, chance = unseen[0] / max(1, there), expected[0] / max(1, rows)
        yield Measurement(
            method=method,
            effect=cohens_h(chance, share) if share > chance else 0.0,
            limit=limit,
            p_value=p_value if share > chance else 1.0,
            said=f"{method}: {share:.3g}, of which chance explains {chance:.3g} ({named})",
        )


def category_measures(was: pd.Series, now: pd.Series, config: DriftConfig) -> Iterator[Measurement]:
    """Yield what moved among categories: all shares together, and the one that moved most; args as above."""
    from scipy.stats import chi2_contingency

    pooled = _pool_rare(was, now)
    if len(pooled) < 2:
        return
    shares = np.maximum((pooled / pooled.sum(axis=0)).to_numpy(), 1e-4)
    index = float(((shares[:, 0] - shares[:, 1]) * np.log(shares[:, 0] / shares[:, 1])).sum())
    p_value = float(chi2_contingency(pooled.to_numpy()).pvalue)
    moved = [
        compare_shares(
            "share of one value",
            (before, int(was.sum())),
            (after, int(now.sum())),
            limit=config.share,
            label=f"share of {value}",
            looked_at=len(pooled),
        )
        for value, (before, after) in zip(pooled.index, pooled.to_numpy(), strict=True)
    ]
    largest = max(moved, key=lambda one: one.effect)
    yield largest
    yield Measurement(
        method="psi",
        effect=index,
        limit=config.psi,
        p_value=p_value,
        said=f"population stability index {index:.3f}; {largest.said}",
    )


def _pool_rare(was: pd.Series, now: pd.Series) -> pd.DataFrame:
    """Return the counts of both windows side by side, categories of under 1% of all rows together in one row."""
    counts = pd.concat([was, now], axis=1, keys=["was", "now"]).fillna(0)
    shares = (counts / counts.sum(axis=0)).mean(axis=1)
    frequent = counts[shares >= RARE_SHARE]
    rare = counts[shares < RARE_SHARE].sum()
    return pd.concat([frequent, rare.to_frame("(rare ones)").T]) if rare.sum() else frequent


def number_measures(
    before: Floats, after: Floats, config: DriftConfig, *, sampled: tuple[Floats, Floats]
) -> Iterator[Measurement]:
    """Yield everything that is compared of two windows of finite numbers.

    Args:
        before: all of the reference.
        after: all of the judged window.
        config: what matters.
        sampled: those of both whose distributions are compared.
    """
    yield from beyond_the_range(before, after, config)
    yield from distances(*sampled, config)
    yield from how_they_are_written(*sampled, config)
    yield from frequent_numbers(*sampled, config)
    was, now = counts_of(before[:FEW_LOOKED_AT]), counts_of(sampled[1])
    if len(was) <= FEW_NUMBERS:
        yield from new_and_gone(counts_of(before), now, limit=config.novelty)
