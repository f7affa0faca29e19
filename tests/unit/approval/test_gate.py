"""The gate's decision table: each row changes one thing in an evaluation that passes."""

import math
from dataclasses import replace

import pytest

from models.evaluation.approval import DriftSummary, GatePolicy, RuleResult, Verdict, gate, gate_of_baseline
from models.evaluation.bootstrap import Estimate
from models.evaluation.results import Evaluation

JUDGED = DriftSummary(state="no drift", detail="Twelve columns were compared.")


def figure(value: float, width: float = 0.01) -> Estimate:
    return Estimate(value=value, low=value - width, high=value + width)


FAIR = {"macro_f1": figure(0.8), "fairness_roc_auc_gap": figure(0.02)}
GOOD = Evaluation(
    family="intent",
    candidate="minilm",
    primary_metric="macro_f1",
    protocol="Texts of held-out sources.",
    cases=1000,
    metrics={"macro_f1": figure(0.80), "ece": figure(0.03)},
    baselines={"majority": {"macro_f1": figure(0.20)}},
    gains={"majority": figure(0.60), "keywords": figure(0.10)},
    slices={
        "questions": {"macro_f1": figure(0.75)},
        "searches": {"macro_f1": figure(0.85)},
        "gender female": FAIR,
    },
)


def failed(verdict: Verdict) -> list[str]:
    return [rule.rule for rule in verdict.rules if rule.outcome == "failed"]


def test_a_candidate_with_all_its_evidence_is_eligible_and_every_rule_says_why() -> None:
    verdict = gate(GOOD, GOOD, JUDGED)
    assert verdict.eligible
    assert verdict.reasons == []
    assert [rule.outcome for rule in verdict.rules] == ["passed"] * 7
    assert all(rule.sentence.endswith(".") for rule in verdict.rules)


def test_the_first_model_of_a_family_needs_no_champion_and_no_drift_check() -> None:
    verdict = gate(GOOD)
    assert verdict.eligible
    outcomes = {rule.rule: rule.outcome for rule in verdict.rules}
    assert outcomes["is not worse than the champion"] == "not applicable"
    assert outcomes["drift was judged"] == "not applicable"


NAN = Estimate(value=math.nan, low=math.nan, high=math.nan)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        pytest.param({"not_evaluable": "12 texts"}, "can be evaluated", id="nothing could be judged"),
        pytest.param({"cases": 99}, "can be evaluated", id="too few cases"),
        pytest.param({"metrics": {"ece": figure(0.03)}}, "can be evaluated", id="no primary metric"),
        pytest.param({"metrics": {"macro_f1": NAN, "ece": figure(0.03)}}, "can be evaluated", id="a NaN for a figure"),
        pytest.param({"gains": {}}, "beats every baseline", id="no baseline"),
        pytest.param({"gains": {"majority": NAN}}, "beats every baseline", id="a NaN for a gain"),
        pytest.param({"gains": {"a": figure(0.5), "b": figure(0.01, 0.01)}}, "beats every baseline", id="low at 0"),
        pytest.param({"gains": {"a": figure(0.5), "b": figure(-0.1)}}, "beats every baseline", id="a loss"),
        pytest.param(
            {"metrics": {"macro_f1": figure(0.78), "ece": figure(0.03)}},
            "is not worse than the champion",
            id="2.5% under the champion",
        ),
        pytest.param({"slices": {"questions": GOOD.slices["questions"]}}, "harms no slice", id="a slice is missing"),
        pytest.param(
            {"slices": {**GOOD.slices, "questions": {"macro_f1": figure(0.65)}}}, "harms no slice", id="a slice falls"
        ),
        pytest.param(
            {"slices": {**GOOD.slices, "questions": {"macro_f1": NAN}}}, "harms no slice", id="a NaN for a slice"
        ),
        pytest.param(
            {
                "slices": {
                    **GOOD.slices,
                    "gender female": {"macro_f1": figure(0.8), "fairness_roc_auc_gap": figure(-0.2)},
                }
            },
            "treats groups of people alike",
            id="a group is served worse",
        ),
        pytest.param(
            {"slices": {**GOOD.slices, "age band 65+": {"fairness_calibration_gap": figure(0.07)}}},
            "treats groups of people alike",
            id="a group is overrated",
        ),
        pytest.param(
            {"slices": {**GOOD.slices, "age band 65+": {"fairness_calibration_gap": NAN}}},
            "treats groups of people alike",
            id="a NaN for a gap",
        ),
        pytest.param({"metrics": {"macro_f1": figure(0.8)}}, "keeps ece under its limit", id="a figure went missing"),
        pytest.param(
            {"metrics": {"macro_f1": figure(0.8), "ece": figure(0.11)}}, "keeps ece under its limit", id="miscalibrated"
        ),
        pytest.param(
            {"metrics": {"macro_f1": figure(0.8), "ece": NAN}}, "keeps ece under its limit", id="a NaN under a limit"
        ),
    ],
)
def test_one_missing_or_bad_piece_of_evidence_is_enough_to_stop_a_candidate(
    change: dict[str, object], rule: str
) -> None:
    verdict = gate(replace(GOOD, **change), GOOD, JUDGED)  # type: ignore[arg-type]
    assert not verdict.eligible
    assert failed(verdict) == [rule]
    assert len(verdict.reasons) == 1


@pytest.mark.parametrize(
    ("champion", "drift", "eligible"),
    [
        (None, None, True),
        (None, DriftSummary(state="not evaluable", detail="There is no reference."), True),
        (None, JUDGED, True),
        (GOOD, None, False),
        (GOOD, DriftSummary(state="not evaluable", detail="A column is empty."), False),
        (GOOD, DriftSummary(state="drift", detail="Prices rose."), True),
        (GOOD, JUDGED, True),
    ],
)
def test_drift_must_be_judged_once_there_is_a_champion_but_drift_itself_stops_nobody(
    champion: Evaluation | None, drift: DriftSummary | None, eligible: bool
) -> None:
    assert gate(GOOD, champion, drift).eligible is eligible


def test_a_champion_without_a_comparable_figure_stops_the_candidate() -> None:
    other_metric = replace(GOOD, primary_metric="accuracy", metrics={"accuracy": figure(0.1)}, slices={})
    no_figure = replace(GOOD, metrics={}, slices={})
    for champion in (other_metric, no_figure):
        assert failed(gate(GOOD, champion, JUDGED)) == ["is not worse than the champion"]


def test_a_candidate_within_the_margin_of_the_champion_passes_and_the_margin_is_a_share() -> None:
    slightly_worse = replace(GOOD, metrics={"macro_f1": figure(0.79), "ece": figure(0.03)})
    assert gate(slightly_worse, GOOD, JUDGED).eligible
    assert not gate(slightly_worse, GOOD, JUDGED, policy=GatePolicy(champion_margin=0.0)).eligible


def test_every_field_of_the_policy_changes_a_verdict() -> None:
    harmed = replace(GOOD, slices={**GOOD.slices, "questions": {"macro_f1": figure(0.65)}})
    assert not gate(GOOD, policy=GatePolicy(minimum_cases=1001)).eligible
    assert gate(harmed, GOOD, JUDGED, policy=GatePolicy(slice_margin=0.2)).eligible
    assert not gate(GOOD, policy=GatePolicy(upper_limits={"ece": 0.01})).eligible
    assert not gate(GOOD, GOOD, JUDGED, policy=GatePolicy(upper_limits={"brier": 0.1, "ece": 0.02})).eligible


def test_an_evaluation_that_was_impossible_is_not_eligible() -> None:
    nothing = Evaluation.impossible(family="intent", primary_metric="macro_f1", protocol="none", reason="no texts")
    assert (nothing.cases, nothing.metrics, nothing.baselines, nothing.gains) == (0, {}, {}, {})
    verdict = gate(nothing, GOOD, JUDGED)
    assert not verdict.eligible
    assert "no texts" in verdict.reasons[0]


def test_a_verdict_without_rules_is_not_eligible() -> None:
    assert not Verdict(rules=()).eligible
    assert Verdict(rules=(RuleResult(rule="r", outcome="passed", sentence="Fine."),)).eligible


@pytest.mark.parametrize(
    "wrong",
    [
        {"minimum_cases": 0},
        {"champion_margin": -0.1},
        {"slice_margin": 1.0},
        {"champion_margin": math.nan},
        {"upper_limits": {"ece": math.inf}},
    ],
)
def test_a_policy_that_limits_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"minimum_cases|margin|upper_limits"):
        GatePolicy(**wrong)  # type: ignore[arg-type]


def test_a_slice_that_falls_within_its_own_noise_is_not_harmed() -> None:
    noisy = Estimate(value=0.65, low=0.5, high=0.8)
    assert gate(replace(GOOD, slices={**GOOD.slices, "questions": {"macro_f1": noisy}}), GOOD, JUDGED).eligible


def test_a_gap_that_may_be_luck_is_told_and_passes() -> None:
    small = {**GOOD.slices, "age band 65+": {"fairness_roc_auc_gap": figure(-0.15, 0.06)}}
    verdict = gate(replace(GOOD, slices=small), GOOD, JUDGED)
    assert verdict.eligible
    (rule,) = [rule for rule in verdict.rules if rule.rule == "treats groups of people alike"]
    assert "the widest is age band 65+ fairness_roc_auc_gap -0.1500" in rule.sentence
    one_group = replace(GOOD, slices={"questions": GOOD.slices["questions"]})
    outcomes = {rule.rule: rule.outcome for rule in gate(one_group).rules}
    assert outcomes["treats groups of people alike"] == "not applicable"


REFUSED = gate(replace(GOOD, gains={"majority": figure(-0.1)}), None, JUDGED)
STANDS_IN = GOOD.of_baseline("majority")


def test_a_baseline_stands_in_for_a_refused_model_with_its_own_figures_and_the_reason() -> None:
    assert (STANDS_IN.candidate, STANDS_IN.metrics) == ("majority", GOOD.baselines["majority"])
    assert STANDS_IN.gains == {}
    verdict = gate_of_baseline(STANDS_IN, None, refused=REFUSED)
    assert verdict.eligible
    assert "It does not beat majority" in verdict.rules[0].sentence


def test_a_baseline_takes_the_place_of_a_baseline_and_never_that_of_a_model() -> None:
    assert gate_of_baseline(STANDS_IN, STANDS_IN, refused=REFUSED).eligible
    assert failed(gate_of_baseline(STANDS_IN, GOOD, refused=REFUSED)) == ["takes no model's place"]


def test_a_baseline_does_not_stand_in_for_a_model_that_may_be_approved() -> None:
    assert failed(gate_of_baseline(STANDS_IN, None, refused=gate(GOOD, None, JUDGED))) == ["stands in for a model"]


def test_a_model_after_a_baseline_is_judged_as_a_first_one_is() -> None:
    unmeasured = replace(STANDS_IN, metrics={}, not_evaluable="a shop of ten orders")
    for before in (STANDS_IN, unmeasured):
        assert gate(GOOD, before, JUDGED) == gate(GOOD, None, JUDGED)
