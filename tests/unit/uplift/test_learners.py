"""Effects of arms on shoppers, and the policies that are made of them."""

from dataclasses import fields, replace

import numpy as np
import pytest
from planted_trials import planted_trial

from benchmarks.uplift.judge import judge
from benchmarks.uplift.qini import qini, rank_share
from models.uplift.config import UpliftConfig
from models.uplift.learners import LEARNERS, fit_learners
from models.uplift.outcomes import doubly_robust_scores, inverse_probability_scores, value_of
from models.uplift.policy import Policy, choose_policy, first
from models.uplift.trial import Trial, draw_folds

CONFIG = UpliftConfig(threads=1, outcome_rounds=30, effect_rounds=30)
FREE = np.zeros(3)


def test_every_learner_recovers_which_arm_is_for_whom():
    trial, _ = planted_trial(6_000)
    seen, _ = planted_trial(2_000, seed=1)
    effects = fit_learners(trial, config=CONFIG, seed=0).effects(seen.features_RF)
    assert set(effects) == set(LEARNERS)
    for name, values in effects.items():
        if name == "proportional":  # which arms that do good to some and harm to others leave next to nothing to say
            continue
        assert np.corrcoef(values[:, 1], np.sign(seen.features_RF[:, 0]))[0, 1] > 0.8, name
        assert (values[:, 0] == 0).all(), name


def test_where_an_arm_adds_the_same_share_to_all_the_proportional_learner_recovers_it():
    trial, _ = planted_trial(6_000, effects=False)
    anyway = 0.2 + 0.3 * (trial.features_RF[:, 1] > 0)
    chance = anyway * np.array([1.0, 1.5, 1.2])[trial.arm_R]
    outcome = (np.random.default_rng(2).random(len(trial)) < chance).astype(float)
    effects = fit_learners(replace(trial, outcome_R=outcome), config=CONFIG, seed=0).effects(trial.features_RF)
    np.testing.assert_allclose(
        effects["proportional"].mean(axis=0), [0, 0.5 * anyway.mean(), 0.2 * anyway.mean()], atol=0.03
    )
    assert np.corrcoef(effects["proportional"][:, 1], anyway)[0, 1] > 0.9


def test_two_runs_of_one_seed_are_equal():
    trial, _ = planted_trial(1_500)
    one, two = (fit_learners(trial, config=CONFIG, seed=3).effects(trial.features_RF)["mean"] for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_scores_have_the_mean_of_each_arm_whatever_the_model_of_outcomes_expects():
    trial, effect_RK = planted_trial(40_000)
    truth = 0.4 + effect_RK.mean(axis=0)
    nonsense = np.tile([0.9, -0.5, 0.2], (len(trial), 1))
    for scores in (doubly_robust_scores(trial, nonsense), inverse_probability_scores(trial)):
        np.testing.assert_allclose(scores.mean(axis=0), truth, atol=0.03)


def test_a_policy_of_own_arms_is_chosen_where_arms_help_some_and_harm_others():
    trial, _ = planted_trial(6_000)
    choice = choose_policy(trial, cost_K=FREE, config=CONFIG, seed=0)
    assert choice.policy.form == "own_arm"
    new, effect_RK = planted_trial(2_000, seed=9)
    arm_R, _ = choice.policy.arms(choice.effects(new.features_RF))
    assert value_of(effect_RK, arm_R).mean() > 0.9 * effect_RK.max(axis=1).mean()


def test_without_an_effect_no_order_is_claimed():
    trial, _ = planted_trial(4_000, effects=False)
    choice = choose_policy(trial, cost_K=FREE, config=CONFIG, seed=0)
    assert choice.policy.learner == "alike"
    assert choice.policy.form in ("none", "one_arm")


def test_an_arm_that_costs_more_than_it_brings_goes_to_nobody():
    trial, _ = planted_trial(4_000)
    choice = choose_policy(trial, cost_K=np.array([0.0, 5.0, 5.0]), config=CONFIG, seed=0)
    assert choice.policy.form == "none"
    assert not choice.policy.arms(choice.effects(trial.features_RF))[0].any()


def test_a_share_goes_to_those_who_gain_most_and_never_to_those_without_an_arm():
    arm_R, gain_R = np.array([1, 1, 0, 2, 1]), np.array([0.1, 0.5, 0.9, 0.4, 0.2])
    assert first(arm_R, gain_R, 0.4).tolist() == [0, 1, 0, 2, 0]
    assert first(arm_R, gain_R, 1.0).tolist() == [1, 1, 0, 2, 1]


def test_a_policy_leaves_sleeping_dogs_alone():
    policy = Policy(learner="x", form="one_arm_or_none", best=1, cost_K=np.array([0.0, 0.1]))
    assert policy.arms(np.array([[0.0, 0.3], [0.0, -0.2], [0.0, 0.05]]))[0].tolist() == [1, 0, 0]


def test_judged_on_rows_it_did_not_see_the_policy_is_ahead_and_the_interval_holds_the_truth():
    trial, effect_RK = planted_trial(4_000)
    judged = judge(trial, cost_K=FREE, config=CONFIG, folds=2, repeats=2, seed=0)
    for name in ("treat_all", "best_arm", "random", "none"):
        assert judged.estimate("policy", name).low > 0, name
    best_possible = 0.4 + effect_RK.max(axis=1).mean()
    assert judged.estimate("policy").high > 0.95 * best_possible
    assert judged.values["policy@0.5"].mean() > judged.values["best_arm@0.5"].mean()
    assert judged.arm_shares.sum() == pytest.approx(1)


def test_the_qini_of_a_good_order_is_above_nothing_and_that_of_a_lot_is_not():
    trial, effect_RK = planted_trial(6_000)
    rows = np.flatnonzero(trial.arm_R < 2)
    got, outcome = trial.arm_R[rows], trial.outcome_R[rows]
    good = qini(rank_share(effect_RK[rows, 1])[None], got, outcome, seed=0, resamples=50)
    lot = qini(rank_share(np.random.default_rng(0).random(len(rows)))[None], got, outcome, seed=0, resamples=50)
    assert good.coefficient.low > 0.03
    assert lot.coefficient.low < 0 < lot.coefficient.high


def test_folds_hold_the_same_share_of_every_arm_and_outcome():
    trial, _ = planted_trial(3_000)
    fold_R = draw_folds(trial, 3, seed=0)
    counts = [np.bincount(trial.arm_R[fold_R == fold], minlength=3) for fold in range(3)]
    assert np.ptp(counts, axis=0).max() <= 2


def test_outcomes_beyond_the_cap_count_as_the_cap_while_learning():
    trial, _ = planted_trial(100)
    spend = replace(trial, outcome_R=np.arange(100.0))
    assert spend.capped(0.5).outcome_R.max() == 50
    assert trial.capped(0.5) is trial


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outcome_R": np.full(100, np.nan)}, "not finite"),
        ({"arm_R": np.full(100, 3)}, "control and at least one arm"),
        ({"outcome_R": np.zeros(5)}, "differ in length"),
        ({"chance_RK": np.tile([1.0, 0.0, 0.0], (100, 1)), "arm_R": np.ones(100, dtype=np.intp)}, "could not have"),
    ],
)
def test_a_trial_that_cannot_be_is_refused(change, message):
    trial, _ = planted_trial(100)
    with pytest.raises(ValueError, match=message):
        replace(trial, **change)


def test_an_arm_that_nobody_got_is_refused():
    trial, _ = planted_trial(300)
    without = Trial(**{**vars(trial), "arm_R": np.where(trial.arm_R == 2, 1, trial.arm_R)})
    with pytest.raises(ValueError, match="nobody got arm 2"):
        fit_learners(without, config=CONFIG, seed=0)


@pytest.mark.parametrize(
    "field", [one.name for one in fields(UpliftConfig) if one.name not in ("l2", "threads", "num_leaves", "folds")]
)
def test_settings_that_no_run_can_have_are_refused(field):
    with pytest.raises(ValueError, match="must"):
        UpliftConfig(**{field: 0})
