"""From the shoppers of each arm to figures, intervals and a verdict in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from models.evaluation.experiments.moments import Moments
from models.evaluation.experiments.sample_ratio import OFF_BELOW, sample_ratio_p
from models.evaluation.experiments.sequential import (
    MIN_SHOPPERS,
    MIN_VALUES,
    detectable,
    difference,
    mean_interval,
)

ALPHA: Final = 0.05
"""Chance of a false alarm, over all looks and all arms together."""

Outcome = Literal[
    "nothing_yet", "changed", "sample_ratio_off", "too_early", "guard_rail_broken", "better", "worse", "no_difference"
]
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class ArmRows:
    """The shoppers of an arm whose window is over."""

    name: str
    share: float
    exposed: int
    """Shoppers who were shown a list, measured or not."""
    values: Mapping[str, NDArray[np.float64]]
    """Of each metric, a value per shopper."""
    before: Mapping[str, NDArray[np.float64]]
    """The same before each shopper's first list."""
    segments: NDArray[np.str_] | None = None
    """What kind of shopper each is, told from before the first list."""


@dataclass(frozen=True, kw_only=True)
class GuardRailFinding:
    """Whether an arm keeps to a guard rail."""

    metric: str
    worst: float
    status: Literal["broken", "open", "kept"]
    """broken: the loss is larger for certain; kept: it is smaller for certain; open: neither can be said yet."""
    change: float | None
    """Relative to the control's mean; None where that is zero."""


@dataclass(frozen=True, kw_only=True)
class SegmentFinding:
    """The difference within one kind of shoppers; the intervals hold for all of them together."""

    segment: str
    measured: int
    difference: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class ArmFinding:
    """What is known of an arm."""

    name: str
    exposed: int
    measured: int
    metric: float | None
    """Mean per measured shopper, as it is; None where nobody was measured."""
    interval: Interval | None
    """Of that mean, at all looks together; None before there are ``MIN_SHOPPERS``."""
    difference: float | None = None
    """To the control, with what the time before explains taken out; None of the control itself."""
    difference_interval: Interval | None = None
    relative: float | None = None
    """The difference as a share of the control's mean; None where that is zero."""
    variance_left: float | None = None
    detectable_now: float | None = None
    """Smallest true difference that so many shoppers show with a chance of 80%."""
    detectable_when_done: float | None = None
    """The same, of as many as are planned."""
    guard_rails: Sequence[GuardRailFinding] = ()
    segments: Sequence[SegmentFinding] = ()


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """An experiment as it stands."""

    outcome: Outcome
    verdict: str
    arms: Sequence[ArmFinding]
    sample_ratio_p: float | None
    notes: Sequence[str] = field(default=())


def judge(
    arms: Sequence[ArmRows],
    *,
    metric: str,
    guard_rails: Mapping[str, float],
    planned: int,
    is_over: bool,
    versions: int = 1,
) -> Judgement:
    """Compare every arm with the first one, and say what follows.

    Args:
        arms: the control, and the others.
        metric: what is to be better.
        guard_rails: metrics that no arm may lower, and the largest loss that is put up with, as a share.
        planned: how many shoppers are to be measured, of all arms.
        is_over: whether the last shopper has been measured.
        versions: how many definitions the exposures were made under.
    """
    p_value = sample_ratio_p([arm.exposed for arm in arms], [arm.share for arm in arms])
    moments = [Moments.of(arm.values[metric], arm.before[metric]) for arm in arms]
    enough = _is_enough(arms, moments, metric)
    findings = [
        _finding(arms, moments, index, metric=metric, guard_rails=guard_rails, planned=planned, enough=enough)
        for index in range(len(arms))
    ]
    outcome, verdict = _verdict(findings, p_value, metric, is_over=is_over, versions=versions)
    return Judgement(outcome=outcome, verdict=verdict, arms=findings, sample_ratio_p=p_value)


def _is_enough(arms: Sequence[ArmRows], moments: Sequence[Moments], metric: str) -> bool:
    """Return whether there are shoppers enough in each arm, and values enough that are not zero, nor all the same."""
    if any(one.count < MIN_SHOPPERS for one in moments) or _values(arms, metric) < MIN_VALUES:
        return False
    return sum(float(one.spread) for one in moments) > 0


def _finding(
    arms: Sequence[ArmRows],
    moments: Sequence[Moments],
    index: int,
    *,
    metric: str,
    guard_rails: Mapping[str, float],
    planned: int,
    enough: bool,
) -> ArmFinding:
    arm, own, control = arms[index], moments[index], moments[0]
    measured = int(own.count)
    plain = ArmFinding(
        name=arm.name,
        exposed=arm.exposed,
        measured=measured,
        metric=float(own.mean) if measured else None,
        interval=_pair(*mean_interval(own, planned=planned * arm.share)) if enough else None,
    )
    if index == 0 or not enough:
        return plain
    alpha = ALPHA / (len(arms) - 1)
    against = difference(control, own, planned=planned, alpha=alpha)
    both = float(control.count + own.count)
    mean = float(control.mean)
    now, done = (
        detectable(against, measured=both, shoppers=number, planned=planned, alpha=alpha)
        for number in (both, max(both, float(planned)))
    )
    return ArmFinding(
        **{name: getattr(plain, name) for name in ("name", "exposed", "measured", "metric", "interval")},
        difference=float(against.value),
        difference_interval=_pair(against.low, against.high),
        relative=float(against.value) / mean if mean else None,
        variance_left=float(against.variance_left),
        detectable_now=now,
        detectable_when_done=done,
        guard_rails=[
            _rail(arms[0], arm, rail, worst=worst, planned=planned, alpha=alpha) for rail, worst in guard_rails.items()
        ],
        segments=_segments(arms[0], arm, metric, planned=planned, alpha=alpha),
    )


def _rail(control: ArmRows, arm: ArmRows, metric: str, *, worst: float, planned: int, alpha: float) -> GuardRailFinding:
    """Compare the arm with what it must have at least: the control's mean without the loss that is put up with."""
    before, after = (Moments.of(one.values[metric], one.before[metric]) for one in (control, arm))
    over = difference(before, after, planned=planned, alpha=alpha, of_control=1 - worst, cuped=False)
    mean = float(before.mean)
    enough = _values([control, arm], metric) >= MIN_VALUES
    status: Literal["broken", "open", "kept"] = "open"
    if enough and over.high < 0:
        status = "broken"
    elif enough and over.low > 0:
        status = "kept"
    return GuardRailFinding(
        metric=metric, worst=worst, status=status, change=float(after.mean) / mean - 1 if mean else None
    )


def _segments(control: ArmRows, arm: ArmRows, metric: str, *, planned: int, alpha: float) -> list[SegmentFinding]:
    if control.segments is None or arm.segments is None:
        return []
    names = sorted({*control.segments.tolist(), *arm.segments.tolist()})
    findings = []
    for name in names:
        rows = [_part(one, metric, one.segments == name) for one in (control, arm)]
        parts = [Moments.of(one.values[metric], one.before[metric]) for one in rows]
        if not _is_enough(rows, parts, metric):
            continue
        against = difference(parts[0], parts[1], planned=planned / len(names), alpha=alpha / len(names))
        findings.append(
            SegmentFinding(
                segment=name,
                measured=int(parts[0].count + parts[1].count),
                difference=float(against.value),
                interval=_pair(against.low, against.high),
            )
        )
    return findings


def _part(arm: ArmRows, metric: str, rows_S: NDArray[np.bool_]) -> ArmRows:
    """Return some of an arm's shoppers."""
    return replace(arm, values={metric: arm.values[metric][rows_S]}, before={metric: arm.before[metric][rows_S]})


def _verdict(
    arms: Sequence[ArmFinding], p_value: float | None, metric: str, *, is_over: bool, versions: int
) -> tuple[Outcome, str]:
    if p_value is None:
        return "nothing_yet", "nothing can be said: no shopper was shown a list of this experiment yet"
    if versions > 1:
        return "changed", (
            f"not to be trusted: the experiment was changed while it ran ({versions} versions in the log); "
            "give a changed experiment a new name"
        )
    if p_value < OFF_BELOW:
        counts = ", ".join(f"{arm.name} {arm.exposed:,}" for arm in arms)
        return "sample_ratio_off", (
            f"not to be trusted: the sample ratio is off (p = {p_value:.2g}; {counts}): something keeps shoppers "
            "of one arm out, so that the arms are not alike"
        )
    others = arms[1:]
    if any(arm.difference is None for arm in others):
        min_measured = min(arm.measured for arm in arms)
        why = (
            f"{min_measured:,} shoppers of an arm have had their whole window, and {MIN_SHOPPERS} are needed"
            if min_measured < MIN_SHOPPERS
            else f"fewer than {MIN_VALUES} shoppers have a {metric} other than 0"
        )
        return "too_early", f"{'nothing could be said' if is_over else 'too early'}: {why}"
    if broken := [(arm, rail) for arm in others for rail in arm.guard_rails if rail.status == "broken"]:
        words = "; ".join(
            f"{arm.name} loses more than {rail.worst:.0%} of {rail.metric} ({rail.change or 0:+.1%})"
            for arm, rail in broken
        )
        return "guard_rail_broken", f"stop it: {words}"
    better = [arm for arm in others if arm.difference_interval and arm.difference_interval[0] > 0]
    worse = [arm for arm in others if arm.difference_interval and arm.difference_interval[1] < 0]
    if better or worse:
        words = "; ".join(_compared(arm, arms[0], metric) for arm in [*better, *worse])
        rails = [f"{arm.name}: {rail.metric}" for arm in better for rail in arm.guard_rails if rail.status == "open"]
        return ("better" if better else "worse"), words + (
            f" (guard rails that nothing can be said of yet: {', '.join(rails)})" if rails else ""
        )
    smallest = max(arm.detectable_now or 0.0 for arm in others)
    seen = "no difference was seen" if is_over else "no difference can be seen yet"
    return "no_difference", (
        f"{seen}: so many shoppers would show a difference of {smallest:.3g} in {metric} four times in five, "
        "and a smaller one less often"
    )


def _compared(arm: ArmFinding, control: ArmFinding, metric: str) -> str:
    assert arm.difference is not None
    assert arm.difference_interval is not None
    word = "better" if arm.difference > 0 else "worse"
    low, high = sorted(abs(bound) for bound in arm.difference_interval)
    share = f", {abs(arm.relative):.1%} of the control's" if arm.relative is not None else ""
    return (
        f"{arm.name} is {word} than {control.name} by {abs(arm.difference):.3g} in {metric}{share} "
        f"({low:.3g} to {high:.3g}, at all looks together)"
    )


def _values(arms: Sequence[ArmRows], metric: str) -> int:
    """Return how many shoppers have a value other than zero."""
    return sum(int(np.count_nonzero(arm.values[metric])) for arm in arms)


def _pair(low: float, high: float) -> Interval:
    return float(low), float(high)
