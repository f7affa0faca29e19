"""Analysis of experiments: intervals at every look, CUPED, the sample ratio, guard rails and the verdict."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.experiments import PLANNED, Looks, drawn, share
from models.evaluation.experiments.judgement import ArmRows, Judgement, judge
from models.evaluation.experiments.moments import Moments, slope
from models.evaluation.experiments.sample_ratio import sample_ratio_p
from models.evaluation.experiments.sequential import detectable, difference, multiplier

Values = NDArray[np.float64]


def rows_of(name: str, values: Mapping[str, Values], **fields: Any) -> ArmRows:
    size = len(next(iter(values.values())))
    before = {metric: np.zeros(size) for metric in values}
    return ArmRows(**{"name": name, "share": 0.5, "exposed": size, "values": values, "before": before, **fields})


def judged(control: Values, arm: Values, **fields: Any) -> Judgement:
    arms = [rows_of("control", {"conversion": control}), rows_of("b", {"conversion": arm})]
    return judge(arms, **{"metric": "conversion", "guard_rails": {}, "planned": 2_000, "is_over": False, **fields})


def shoppers(size: int, rate: float) -> Values:
    """Return so many shoppers, of whom exactly a share has ordered."""
    values = np.zeros(size)
    values[: round(size * rate)] = 1.0
    return values


# --- intervals


def test_looking_every_day_raises_no_false_alarms_and_t_intervals_would() -> None:
    """A slice of `python -m benchmarks.experiments`: 28 looks at each of 120 A/A tests, of which 6 may be wrong."""
    alarms, by_t = 0, 0
    for looks in drawn(120, seed=3):
        alarms += int(looks.seen("conversion").any(axis=1).sum())
        by_t += int(looks.seen_by_t("conversion").any(axis=1).sum())
    assert alarms <= 6
    assert by_t > 18, "the planted defect: three times as many as an interval of 95% allows"


def test_a_planted_difference_is_seen() -> None:
    (looks,) = drawn(40, seed=3, lift=0.4)
    assert looks.seen("conversion").any(axis=1).mean() > 0.7


def test_the_interval_is_narrowest_for_as_many_shoppers_as_were_planned() -> None:
    sizes = np.array([100, 1_000, 10_000, 100_000, 1_000_000])
    reach = multiplier(sizes, planned=10_000, alpha=0.05)
    assert sizes[reach.argmin()] == 10_000
    assert reach.min() == pytest.approx(3.0, abs=0.1), "beside 1.96, the price of looking at any time"


def test_the_reach_is_that_of_the_paper() -> None:
    """Theorem 2.2 of Waudby-Smith et al., written out for sigma = 1 after 1,000 values and rho = 0.05."""
    rho, size, alpha = 0.05, 1_000, 0.05
    log_alpha = -2 * np.log(alpha)
    planned = (log_alpha + np.log(log_alpha) + 1) / rho**2
    boundary = np.sqrt(2 * (size * rho**2 + 1) / (size**2 * rho**2) * np.log(np.sqrt(size * rho**2 + 1) / alpha))
    assert multiplier(size, planned=planned, alpha=alpha) / np.sqrt(size) == pytest.approx(boundary)


def test_the_promised_difference_is_seen_at_least_four_times_in_five() -> None:
    rng = np.random.default_rng(1)
    size, seen = 2_000, 0
    first = difference(*(Moments.of(rng.normal(size=size), np.zeros(size)) for _ in range(2)), planned=2 * size)
    effect = detectable(first, measured=2 * size, shoppers=2 * size, planned=2 * size)
    for _ in range(200):
        arms = [Moments.of(rng.normal(mean, 1, size), np.zeros(size)) for mean in (0, effect)]
        seen += int(difference(*arms, planned=2 * size).low > 0)
    assert share(seen, 200)["high"] > 0.8
    assert seen / 200 < 0.9, "it is the smallest"


# --- CUPED


def test_what_the_time_before_explains_narrows_the_interval_and_moves_nothing() -> None:
    rng = np.random.default_rng(2)
    taste = rng.normal(size=4_000)
    before, after = taste + rng.normal(size=4_000), taste + rng.normal(size=4_000)
    after[2_000:] += 0.5
    arms = [Moments.of(after[part], before[part]) for part in (slice(2_000), slice(2_000, None))]
    plain, adjusted = (difference(*arms, planned=4_000, cuped=cuped) for cuped in (False, True))
    assert adjusted.variance_left == pytest.approx(0.75, abs=0.03)  # 1 - correlation squared, which is 0.5 squared
    assert adjusted.error / plain.error == pytest.approx(np.sqrt(adjusted.variance_left), abs=0.01)
    assert adjusted.value == pytest.approx(0.5, abs=0.1)


def test_an_arm_that_was_ahead_before_is_not_called_better() -> None:
    control, arm = (np.concatenate([np.zeros(1_000 + more), np.ones(1_000 - more)]) for more in (300, 0))
    same = [
        rows_of(name, {"conversion": one}, before={"conversion": one})
        for name, one in (("control", control), ("b", arm))
    ]
    judgement = judge(same, metric="conversion", guard_rails={}, planned=4_000, is_over=False)
    assert judgement.arms[1].difference == pytest.approx(0.0, abs=1e-9)
    assert judged(control, arm).outcome == "better", "without the time before it would be"


def test_a_figure_that_never_differs_explains_nothing() -> None:
    arms = [Moments.of(shoppers(500, 0.3), np.full(500, 1 / 3)) for _ in range(2)]
    assert slope(arms) == 0


# --- the verdict


def test_shoppers_of_the_benchmark_are_judged_as_its_arrays_are() -> None:
    """The benchmark compares sums of many experiments at once; a judgement compares shoppers of one."""
    looks = Looks(np.random.default_rng(5), 3)
    for row in range(3):
        ends = [
            Moments(**{name: value[row, -1] for name, value in vars(one).items()})
            for one in looks.moments["conversion"]
        ]
        arms = [
            rows_of(name, {"conversion": shoppers(int(one.count), float(one.value / one.count))})
            for name, one in zip(("control", "b"), ends, strict=True)
        ]
        judgement = judge(arms, metric="conversion", guard_rails={}, planned=PLANNED, is_over=False)
        bounds = difference(*looks.moments["conversion"], planned=PLANNED, cuped=False)
        assert judgement.arms[1].difference_interval == pytest.approx((bounds.low[row, -1], bounds.high[row, -1]))


def test_a_better_arm_is_called_better_and_by_how_much() -> None:
    judgement = judged(shoppers(2_000, 0.05), shoppers(2_000, 0.10))
    assert judgement.outcome == "better"
    assert judgement.verdict.startswith("b is better than control by 0.05 in conversion, 100.0% of the control's (0.0")


def test_a_worse_arm_is_called_worse() -> None:
    assert judged(shoppers(2_000, 0.10), shoppers(2_000, 0.05)).verdict.startswith("b is worse than control by 0.05")


@pytest.mark.parametrize(("is_over", "words"), [(False, "can be seen yet"), (True, "was seen")])
def test_no_difference_says_which_one_would_be_seen(is_over: bool, words: str) -> None:
    judgement = judged(shoppers(2_000, 0.10), shoppers(2_000, 0.101), is_over=is_over)
    assert judgement.outcome == "no_difference"
    assert f"no difference {words}: so many shoppers would show a difference of 0.03" in judgement.verdict


def test_too_few_shoppers_say_nothing() -> None:
    judgement = judged(shoppers(99, 0.0), shoppers(99, 1.0))
    assert judgement.outcome == "too_early"
    assert judgement.arms[1].difference is None


def test_too_few_orders_say_nothing() -> None:
    judgement = judged(shoppers(2_000, 0.0), shoppers(2_000, 0.012))
    assert (judgement.outcome, "fewer than 25 shoppers" in judgement.verdict) == ("too_early", True)


def test_without_a_shopper_nothing_is_said() -> None:
    judgement = judged(np.zeros(0), np.zeros(0))
    assert (judgement.outcome, judgement.sample_ratio_p) == ("nothing_yet", None)


def test_an_arm_that_lacks_shoppers_is_not_trusted_however_good_it_looks() -> None:
    judgement = judged(shoppers(2_000, 0.05), shoppers(1_500, 0.20))
    assert judgement.outcome == "sample_ratio_off"
    assert judgement.verdict.startswith("not to be trusted: the sample ratio is off")


def test_a_changed_experiment_is_not_trusted() -> None:
    assert judged(shoppers(2_000, 0.05), shoppers(2_000, 0.2), versions=2).outcome == "changed"


def test_the_sample_ratio_counts_shares() -> None:
    assert sample_ratio_p([100, 300], [0.1, 0.3]) == pytest.approx(1.0)
    p_value = sample_ratio_p([480, 520], [0.5, 0.5])
    assert p_value == pytest.approx(0.2059, abs=1e-4)  # (20 / sqrt(1000 / 4)) squared is 1.6


@pytest.mark.parametrize(
    ("spent", "status", "outcome"),
    [(0.5, "broken", "guard_rail_broken"), (1.5, "kept", "better"), (1.0, "open", "better")],
)
def test_a_guard_rail_is_broken_kept_or_open(spent: float, status: str, outcome: str) -> None:
    rng = np.random.default_rng(4)
    money = [rng.lognormal(3, 0.3, 2_000) for _ in range(2)]
    arms = [
        rows_of("control", {"conversion": shoppers(2_000, 0.05), "revenue_per_user": money[0]}),
        rows_of("b", {"conversion": shoppers(2_000, 0.10), "revenue_per_user": money[0][::-1] * spent}),
    ]
    rails = {"revenue_per_user": 0.01}
    judgement = judge(arms, metric="conversion", guard_rails=rails, planned=4_000, is_over=False)
    (rail,) = judgement.arms[1].guard_rails
    assert (rail.status, judgement.outcome) == (status, outcome)
    assert rail.change == pytest.approx(spent - 1)


def test_several_arms_share_the_chance_of_a_false_alarm() -> None:
    rows = [rows_of(name, {"conversion": shoppers(2_000, 0.1)}, share=1 / 3) for name in ("control", "b", "c")]
    two = judge(rows[:2], metric="conversion", guard_rails={}, planned=2_000, is_over=False)
    three = judge(rows, metric="conversion", guard_rails={}, planned=2_000, is_over=False)
    widths = [
        interval[1] - interval[0] for one in (two, three) if (interval := one.arms[1].difference_interval) is not None
    ]
    assert widths[0] < widths[1]


def test_kinds_of_shoppers_stand_side_by_side() -> None:
    kinds = np.where(np.arange(2_000) % 2, "new", "old")
    order = np.zeros(2_000)
    order[::2] = shoppers(1_000, 0.5)  # only the old ones order more
    arms = [
        rows_of("control", {"conversion": shoppers(2_000, 0.0) + 0.0}, segments=kinds),
        rows_of("b", {"conversion": order}, segments=kinds),
    ]
    judgement = judge(arms, metric="conversion", guard_rails={}, planned=4_000, is_over=False)
    assert [(one.segment, one.difference) for one in judgement.arms[1].segments] == [("old", 0.5)]


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        Moments.of([1.0, np.nan], [0.0, 0.0])
