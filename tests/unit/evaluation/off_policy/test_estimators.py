"""What estimates say of shops where the truth is known: how far off they are, and how often their intervals hold it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from models.evaluation.bootstrap import Estimate, Figures, bootstrap_clusters
from models.evaluation.off_policy.clipping import choose_clip
from models.evaluation.off_policy.diagnostics import diagnose, misfit_of
from models.evaluation.off_policy.estimators import Limits, direct, estimates
from models.evaluation.off_policy.intervals import gamma_interval
from models.evaluation.off_policy.rewards import crossed, item_rates
from models.evaluation.off_policy.rounds import Floats, Rounds
from shopsight.errors import ShopsightError

ITEMS, PLACES = 20, 3


@dataclass(frozen=True, kw_only=True)
class World:
    """Click rates, a logging policy and a target; shapes (PLACES, ITEMS)."""

    click: Floats
    logging: Floats
    target: Floats

    @property
    def truth(self) -> float:
        return float((self.click * self.target).sum(axis=1).mean())

    def log(self, rounds: int, rng: np.random.Generator) -> Rounds:
        place = rng.integers(0, PLACES, rounds)
        item = (rng.random(rounds)[:, None] > self.logging.cumsum(axis=1)[place]).sum(axis=1).clip(max=ITEMS - 1)
        click = (rng.random(rounds) < self.click[place, item]).astype(np.float64)
        fold = rng.random(rounds) < 0.5
        expected, predicted = crossed(place, item, click, self.target, fold_R=fold)
        return Rounds(
            reward_R=click,
            propensity_R=self.logging[place, item],
            target_R=self.target[place, item],
            expected_R=expected,
            predicted_R=predicted,
        )


def world(rng: np.random.Generator, *, rate: float = 0.05, sharp: float = 1.0) -> World:
    click = np.clip(rate * np.exp(rng.normal(0, 0.6, ITEMS)) * np.array([[1.2], [1.0], [0.8]]), 0, 1)

    def policy() -> Floats:
        logits = rng.normal(0, sharp, (PLACES, ITEMS))
        return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))

    return World(click=click, logging=policy(), target=policy())


def limits(rounds: Rounds) -> Limits:
    return Limits(clip=choose_clip(rounds.weight_R, rounds.reward_R))


def test_estimates_are_right_on_average_and_the_naive_rate_is_not() -> None:
    rng = np.random.default_rng(1)
    shop = world(rng, rate=0.1)
    logs = [shop.log(2_000, rng) for _ in range(300)]
    by_log = [estimates(log, limits(log)) for log in logs]
    for way, max_error in (("ips", 0.01), ("snips", 0.02), ("doubly_robust", 0.01), ("clipped_snips", 0.08)):
        mean = float(np.mean([one[way].value for one in by_log]))
        assert abs(mean / shop.truth - 1) < max_error, way
    naive = float(np.mean([log.reward_R.mean() for log in logs]))
    assert abs(naive / shop.truth - 1) > 0.1


def test_clipping_takes_away_and_self_normalising_gives_it_back() -> None:
    rng = np.random.default_rng(2)
    shop = world(rng, rate=0.1, sharp=1.5)
    low = Limits(clip=2.0)
    by_log = [estimates(shop.log(2_000, rng), low) for _ in range(100)]
    clipped, normalised = (
        float(np.mean([one[way].value for one in by_log])) for way in ("clipped_ips", "clipped_snips")
    )
    assert clipped < 0.85 * shop.truth
    assert abs(normalised - shop.truth) < abs(clipped - shop.truth)


@pytest.mark.parametrize("way", ["ips", "clipped_snips", "doubly_robust"])
def test_intervals_hold_the_truth_as_often_as_they_say_where_clicks_are_rare(way: str) -> None:
    """The bootstrap's intervals of the same estimates miss it more often: what did not come is not in its resamples."""
    rng = np.random.default_rng(3)
    holding = bootstrapped = 0
    worlds = 120
    for number in range(worlds):
        shop = world(rng, rate=0.01, sharp=1.3)
        log = shop.log(2_000, rng)
        estimate = estimates(log, limits(log))[way]
        holding += estimate.low <= shop.truth <= estimate.high
        if way == "ips":
            weighted = log.weight_R * log.reward_R
            resampled = bootstrap_clusters(
                _mean_of(weighted),
                weights=np.ones(len(log)),
                clusters=np.arange(len(log)),
                seed=number,
                resamples=100,
            )["ips"]
            bootstrapped += resampled.low <= shop.truth <= resampled.high
    assert holding >= 0.94 * worlds
    assert way != "ips" or bootstrapped < 0.9 * worlds


def test_with_many_clicks_the_interval_is_the_normal_one() -> None:
    rng = np.random.default_rng(4)
    shop = world(rng, rate=0.3, sharp=0.5)
    log = shop.log(40_000, rng)
    estimate = estimates(log, limits(log))["ips"]
    spread = float((log.weight_R * log.reward_R).std() / np.sqrt(len(log)))
    assert estimate.low == pytest.approx(estimate.value - 1.96 * spread, abs=0.1 * spread)
    assert estimate.high == pytest.approx(estimate.value + 1.96 * spread, abs=0.1 * spread)


def test_equal_weights_give_the_exact_interval_of_a_count() -> None:
    """Ten events: 4.795 to 18.39, as tables of the Poisson distribution have it; none: up to 3.689."""
    assert _rounded(gamma_interval(total=10.0, variance=10.0, largest=1.0)) == (10.0, 4.795, 18.39)
    assert _rounded(gamma_interval(total=0.0, variance=0.0, largest=1.0)) == (0.0, 0.0, 3.689)


def test_rounds_of_one_cluster_count_as_the_one_they_are() -> None:
    rng = np.random.default_rng(5)
    log = world(rng, rate=0.3, sharp=0.5).log(3_000, rng)
    alone = estimates(log, limits(log))["ips"]

    def thrice(column: Floats) -> Floats:
        return np.repeat(column, 3)

    repeated = Rounds(
        reward_R=thrice(log.reward_R),
        propensity_R=thrice(log.propensity_R),
        target_R=thrice(log.target_R),
        cluster_R=np.repeat(np.arange(3_000), 3),
    )
    same = estimates(repeated, limits(log))["ips"]
    assert same.value == pytest.approx(alone.value)
    assert same.high - same.low == pytest.approx(alone.high - alone.low, rel=0.05)
    blind = estimates(replace(repeated, cluster_R=None), limits(log))["ips"]
    assert blind.high - blind.low < 0.65 * (same.high - same.low)


def test_a_target_that_is_the_logging_policy_gets_the_rate_of_the_log() -> None:
    rng = np.random.default_rng(6)
    shop = world(rng, rate=0.1)
    log = replace(shop, target=shop.logging).log(5_000, rng)
    by_name = estimates(log, limits(log))
    assert {
        way: round(one.value, 12) for way, one in by_name.items() if way != "doubly_robust" and way != "switch"
    } == {way: round(float(log.reward_R.mean()), 12) for way in ("ips", "clipped_ips", "snips", "clipped_snips")}
    assert diagnose(log, clip=1.0).effective_rounds == pytest.approx(5_000)


def test_money_is_estimated_as_clicks_are() -> None:
    rng = np.random.default_rng(7)
    shop = world(rng, rate=0.1)
    holding = 0
    for _ in range(60):
        log = shop.log(3_000, rng)
        paid = replace(log, reward_R=log.reward_R * rng.gamma(2.0, 10.0, len(log)), expected_R=None, predicted_R=None)
        estimate = estimates(paid, Limits(clip=50.0, largest_reward=float(paid.reward_R.max())))["snips"]
        holding += estimate.low <= 20 * shop.truth <= estimate.high
        assert direct(paid) is None
    assert holding >= 56


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (lambda log: replace(log, propensity_R=log.propensity_R / 2), "the propensities are not those"),
        (lambda log: replace(log, propensity_R=np.minimum(log.propensity_R * 2, 1)), "the propensities are not those"),
        (lambda log: replace(log, propensity_R=np.full(len(log), 1 / 5)), "the propensities are not those"),
        (lambda log: replace(log, unsupported=0.3), "could not be in the log"),
        (lambda log: replace(log, reward_R=np.zeros(len(log))), "rounds with a reward"),
        (lambda log: replace(log, target_R=np.zeros(len(log))), "the propensities are not those"),
    ],
    ids=["halved", "doubled", "constant", "unsupported", "nothing rewarded", "nothing matches"],
)
def test_a_planted_fault_of_the_log_is_a_reason_and_not_a_number(plant: Callable[[Rounds], Rounds], says: str) -> None:
    rng = np.random.default_rng(8)
    log = world(rng).log(5_000, rng)
    assert diagnose(log, clip=limits(log).clip).not_evaluable is None
    assert says in str(diagnose(plant(log), clip=5.0).not_evaluable)


def test_propensities_of_other_rounds_are_noticed_though_the_mean_weight_is_right() -> None:
    rng = np.random.default_rng(14)
    for number in range(10):
        logging = world(rng).logging
        # What was learnt meanwhile moves the propensities from round to round.
        place, drift = rng.integers(0, PLACES, 10_000), np.exp(rng.normal(0, 0.5, (50, ITEMS)))
        chance = logging[place] * drift[np.arange(10_000) % 50]
        chance /= chance.sum(axis=1, keepdims=True)
        item = (rng.random(10_000)[:, None] > chance.cumsum(axis=1)).sum(axis=1).clip(max=ITEMS - 1)
        propensity = chance[np.arange(10_000), item]
        assert misfit_of(place, item, propensity) < 8, number
        assert misfit_of(place, item, rng.permutation(propensity)) > 8, number
    ones = np.ones(10_000)
    log = Rounds(reward_R=ones, propensity_R=ones / 2, target_R=ones / 2, misfit=9.0)
    assert "9.0 standard errors" in str(diagnose(log, clip=5.0).not_evaluable)


def test_a_log_of_few_rounds_that_matter_is_not_evaluable() -> None:
    rng = np.random.default_rng(9)
    shop = world(rng, rate=0.5, sharp=0.0)
    only = np.zeros((PLACES, ITEMS))
    only[:, 3] = 1.0
    log = replace(shop, target=only).log(600, rng)
    diagnostics = diagnose(log, clip=limits(log).clip)
    assert diagnostics.effective_rounds == pytest.approx(np.count_nonzero(log.target_R))
    assert "rounds of the policy's own" in str(diagnostics.not_evaluable)
    assert diagnose(
        Rounds(reward_R=only[0][:0], propensity_R=only[0][:0], target_R=only[0][:0]), clip=1.0
    ).not_evaluable


def test_diagnostics_count_what_is_clipped() -> None:
    ones = np.ones(10)
    log = Rounds(reward_R=ones, propensity_R=np.array([0.01, *[0.5] * 9]), target_R=np.full(10, 0.5))
    diagnostics = diagnose(log, clip=5.0)
    assert (diagnostics.max_weight, diagnostics.clipped) == (50.0, 0.1)
    assert diagnostics.clipped_mass == pytest.approx(45 / 59)
    assert diagnostics.effective_rounds == pytest.approx(59**2 / (2_500 + 9))
    assert diagnostics.effective_rounds_clipped == pytest.approx(14**2 / (25 + 9))


def test_the_clip_rises_with_the_log_and_forgets_single_rounds() -> None:
    rng = np.random.default_rng(10)
    shop = world(rng, sharp=2.0)
    clips = [limits(shop.log(rounds, rng)).clip for rounds in (1_000, 10_000, 100_000)]
    assert clips == sorted(clips)
    log = shop.log(10_000, rng)
    weight = log.weight_R.copy()
    weight[0] = 1e6
    assert choose_clip(weight, log.reward_R) < 2 * log.weight_R.max()
    assert choose_clip(weight, np.zeros(10_000)) == 1e6


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("reward_R", [-1.0, 0.0], "below 0"),
        ("propensity_R", [0.0, 0.5], "propensity"),
        ("propensity_R", [1.5, 0.5], "propensity"),
        ("target_R", [0.5, 1.2], "target"),
        ("target_R", [np.nan, 0.5], "not numbers"),
        ("expected_R", [0.5, 0.5], "both or none"),
        ("cluster_R", [1], "cluster has 1 rounds"),
        ("target_R", [0.5], "target has 1 rounds"),
    ],
)
def test_rounds_that_no_log_can_have_are_refused_by_name(column: str, value: list[float], says: str) -> None:
    fine = {"reward_R": [0.0, 1.0], "propensity_R": [0.5, 0.5], "target_R": [0.5, 0.5]}
    columns: dict[str, Any] = {name: np.array(values) for name, values in (fine | {column: value}).items()}
    with pytest.raises(ShopsightError, match=says):
        Rounds(**columns)


def test_rates_of_rare_items_are_shrunk_to_those_of_the_item_and_the_place() -> None:
    place = np.array([0] * 500 + [1] * 500 + [0])
    item = np.array([0] * 1_000 + [1])
    reward = np.array([1.0, 0.0] * 250 + [0.0] * 500 + [1.0])
    rates = item_rates(place, item, reward, shape=(2, 2))
    assert rates[0, 0] == pytest.approx(0.5, abs=0.02)
    assert rates[1, 0] == pytest.approx(0.0, abs=0.02)
    assert rates[0, 0] < rates[0, 1] < 1.0, "one click of one round is not a rate of 1"
    assert not item_rates(place, item, np.zeros(1_001), shape=(2, 2)).any()


def _mean_of(values: Floats) -> Figures:
    return lambda weights: {"ips": float((weights * values).sum() / weights.sum())}


def _rounded(estimate: Estimate) -> tuple[float, ...]:
    return tuple(float(f"{value:.4g}") for value in (estimate.value, estimate.low, estimate.high))
