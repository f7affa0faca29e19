"""The gate: a decision table that says whether anyone may be asked to approve a candidate.

Positive evidence is needed: a figure that is missing, not a number or cannot be judged counts against the candidate,
never for it. The gate decides nothing else; who approves an eligible candidate is the registry's affair.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from models.evaluation.bootstrap import Estimate
    from models.evaluation.results import Evaluation

Outcome = Literal["passed", "failed", "not applicable"]
DriftState = Literal["no drift", "drift", "not evaluable"]


@dataclass(frozen=True, kw_only=True)
class GatePolicy:
    """What a candidate must show."""

    minimum_cases: int = 100
    """Minimum number of independent test cases; an interval over fewer says little."""
    champion_margin: float = 0.02
    """Share of the champion's primary metric that may be missing: it was measured on an earlier test split."""
    slice_margin: float = 0.1
    """Share of the champion's primary metric on a slice that may be missing; a slice has fewer cases."""
    upper_limits: Mapping[str, float] = field(default_factory=lambda: {"ece": 0.1})
    """Metrics where more is worse, and the most they may be, judged where the evaluation has them."""
    fairness_limits: Mapping[str, float] = field(
        default_factory=lambda: {
            "fairness_roc_auc_gap": 0.1,
            "fairness_calibration_gap": 0.05,
            "fairness_offer_gap": 0.15,
        }
    )
    """Gaps of a group of people to all others, and how far from 0 they may surely lie."""

    def __post_init__(self) -> None:
        if self.minimum_cases < 1:
            raise ValueError(f"minimum_cases must be at least 1, not {self.minimum_cases}")
        if not (0 <= self.champion_margin < 1 and 0 <= self.slice_margin < 1):
            raise ValueError("a margin is a share of the champion's figure, from 0 to below 1")
        if not all(math.isfinite(limit) for limit in (*self.upper_limits.values(), *self.fairness_limits.values())):
            raise ValueError("upper_limits and fairness_limits must be finite: a limit of infinity limits nothing")


@dataclass(frozen=True, kw_only=True)
class DriftSummary:
    """What the drift check of the candidate's training data against today's found."""

    state: DriftState
    detail: str
    """In one sentence: which columns, or why nothing could be judged."""


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """What one rule found."""

    rule: str
    """Its name, such as ``beats every baseline``."""
    outcome: Outcome
    sentence: str
    """Why, with the figures."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the gate found."""

    rules: tuple[RuleResult, ...]
    """Every rule, in the order in which they are asked."""

    @property
    def eligible(self) -> bool:
        """Whether the candidate may be approved: rules were asked, and none failed."""
        return bool(self.rules) and all(rule.outcome != "failed" for rule in self.rules)

    @property
    def reasons(self) -> list[str]:
        """What stands against the candidate, a sentence each; empty when it is eligible."""
        return [rule.sentence for rule in self.rules if rule.outcome == "failed"]


def gate(
    evaluation: "Evaluation",
    champion: "Evaluation | None" = None,
    drift: DriftSummary | None = None,
    *,
    policy: GatePolicy | None = None,
) -> Verdict:
    """Judge a candidate.

    Args:
        evaluation: the candidate's figures.
        champion: the figures of the model that serves now; ``None`` before the first.
        drift: whether today's data still look like those the candidate was trained on; ``None`` where nobody looked.
        policy: the limits; the defaults where omitted.

    Returns:
        The verdict; a candidate that could not be evaluated fails on that alone.
    """
    policy = policy or GatePolicy()
    if champion is not None and champion.is_baseline:
        champion = None  # to beat every baseline says more: those were fitted to the same data as the candidate
    evaluable = _evaluable(evaluation, policy)
    if evaluable.outcome == "failed":
        return Verdict(rules=(evaluable,))
    return Verdict(
        rules=(
            evaluable,
            _beats_every_baseline(evaluation),
            _holds_against_the_champion(evaluation, champion, policy),
            _harms_no_slice(evaluation, champion, policy),
            _treats_groups_alike(evaluation, policy),
            *_stays_under_the_limits(evaluation, champion, policy),
            _drift_is_judged(drift, first=champion is None),
        )
    )


def gate_of_baseline(baseline: "Evaluation", champion: "Evaluation | None", *, refused: Verdict) -> Verdict:
    """Judge the baseline that stands in for a model: nothing has to be proved of it, but it takes no model's place.

    Args:
        baseline: from :meth:`models.evaluation.results.Evaluation.of_baseline`.
        champion: the figures of what serves now; ``None`` where nothing does.
        refused: what the gate said of the model.
    """
    rule = "takes no model's place"
    if champion is None:
        place = _not_applicable(rule, "Nothing serves yet.")
    else:
        place = _judged(rule, champion.is_baseline, f"{champion.candidate} serves.")
    why = f"{baseline.candidate} stands in, for the model was refused: {' '.join(refused.reasons)}"
    return Verdict(rules=(_judged("stands in for a model", not refused.eligible, why), place))


def _evaluable(evaluation: "Evaluation", policy: GatePolicy) -> RuleResult:
    rule = "can be evaluated"
    if evaluation.not_evaluable is not None:
        return _failed(rule, f"Nothing could be judged: {evaluation.not_evaluable}.")
    if evaluation.cases < policy.minimum_cases:
        return _failed(rule, f"{evaluation.cases} test cases are fewer than the {policy.minimum_cases} needed.")
    primary = evaluation.metrics.get(evaluation.primary_metric)
    if primary is None or not _finite(primary):
        return _failed(rule, f"There is no figure for the primary metric {evaluation.primary_metric}.")
    return _passed(rule, f"{evaluation.primary_metric} is {primary} on {evaluation.cases} test cases.")


def _beats_every_baseline(evaluation: "Evaluation") -> RuleResult:
    rule = "beats every baseline"
    if not evaluation.gains:
        return _failed(rule, "It was compared with no baseline.")
    short = {name: gain for name, gain in evaluation.gains.items() if not (_finite(gain) and gain.low > 0)}
    if short:
        named = ", ".join(f"{name} (gain {gain})" for name, gain in sorted(short.items()))
        return _failed(rule, f"It does not beat {named}: the interval of the gain must lie above 0.")
    named = ", ".join(f"{name} by {gain}" for name, gain in sorted(evaluation.gains.items()))
    return _passed(rule, f"It beats {named}.")


def _holds_against_the_champion(
    evaluation: "Evaluation", champion: "Evaluation | None", policy: GatePolicy
) -> RuleResult:
    rule = "is not worse than the champion"
    if champion is None:
        return _not_applicable(rule, "There is no champion yet.")
    metric = evaluation.primary_metric
    if champion.primary_metric != metric:
        return _failed(rule, f"The champion was judged by {champion.primary_metric}, this one by {metric}.")
    reference = champion.metrics.get(metric)
    if reference is None or not _finite(reference):
        return _failed(rule, f"The champion has no figure for {metric} to compare with.")
    estimate = evaluation.metrics[metric]
    margin = f"margin {policy.champion_margin:.0%}"
    sentence = f"{metric} is {estimate.value:.4f}, the champion's {reference.value:.4f}, {margin}."
    return _judged(rule, estimate.value >= reference.value * (1 - policy.champion_margin), sentence)


def _harms_no_slice(evaluation: "Evaluation", champion: "Evaluation | None", policy: GatePolicy) -> RuleResult:
    rule = "harms no slice"
    if champion is None or not champion.slices:
        return _not_applicable(rule, "There is no champion with slices to compare with.")
    metric = evaluation.primary_metric
    harmed = []
    for name, metrics in sorted(champion.slices.items()):
        reference, estimate = metrics.get(metric), evaluation.slices.get(name, {}).get(metric)
        if reference is None or not _finite(reference):
            continue
        if estimate is None or not _finite(estimate):
            harmed.append(f"{name} (no figure, the champion's is {reference.value:.4f})")
        elif estimate.high < reference.value * (1 - policy.slice_margin):  # more than the slice's own noise explains
            harmed.append(f"{name} ({estimate.value:.4f}, the champion's {reference.value:.4f})")
    if harmed:
        return _failed(rule, f"{metric} falls by more than {policy.slice_margin:.0%} on: {', '.join(harmed)}.")
    return _passed(
        rule, f"{metric} falls by more than {policy.slice_margin:.0%} on none of {len(champion.slices)} slices."
    )


def _treats_groups_alike(evaluation: "Evaluation", policy: GatePolicy) -> RuleResult:
    """A gap counts where its whole interval lies beyond the limit: small groups stray by luck."""
    rule = "treats groups of people alike"
    gaps = {
        f"{name} {metric}": (metrics[metric], limit)
        for name, metrics in sorted(evaluation.slices.items())
        for metric, limit in sorted(policy.fairness_limits.items())
        if metric in metrics
    }
    if not gaps:
        return _not_applicable(rule, "No figure compares groups of people.")
    unfair = [
        f"{name} {gap}"
        for name, (gap, limit) in gaps.items()
        if not _finite(gap) or gap.low > limit or gap.high < -limit
    ]
    if unfair:
        return _failed(rule, f"Surely beyond the limit, or without a figure: {', '.join(unfair)}.")
    widest, (gap, limit) = max(gaps.items(), key=lambda entry: abs(entry[1][0].value) / max(entry[1][1], 1e-9))
    return _passed(
        rule, f"None of {len(gaps)} gaps is surely beyond its limit; the widest is {widest} {gap} of {limit:g}."
    )


def _stays_under_the_limits(
    evaluation: "Evaluation", champion: "Evaluation | None", policy: GatePolicy
) -> list[RuleResult]:
    """A figure that the champion has and the candidate lacks is missing; one that neither has is not this family's."""
    results = []
    for metric, limit in sorted(policy.upper_limits.items()):
        rule = f"keeps {metric} under its limit"
        estimate = evaluation.metrics.get(metric)
        if estimate is None:
            if champion is not None and metric in champion.metrics:
                results.append(_failed(rule, f"There is no figure for {metric}, which the champion has."))
            else:
                results.append(_not_applicable(rule, f"This model is not judged by {metric}."))
            continue
        sentence = f"{metric} is {estimate.value:.4f}; the limit is {limit:g}."
        results.append(_judged(rule, _finite(estimate) and estimate.value <= limit, sentence))
    return results


def _drift_is_judged(drift: DriftSummary | None, *, first: bool) -> RuleResult:
    rule = "drift was judged"
    if drift is None:
        if first:
            return _not_applicable(rule, "A first model has no earlier data to drift from.")
        return _failed(rule, "Nobody looked whether today's data still look like the training data.")
    if drift.state == "not evaluable" and first:
        return _not_applicable(rule, f"A first model has no earlier data to drift from: {drift.detail}")
    # Drift itself is no fault of a candidate trained on the newer data: it is a reason to want one.
    return _judged(rule, drift.state != "not evaluable", f"Drift: {drift.state}. {drift.detail}")


def _finite(estimate: "Estimate") -> bool:
    return all(math.isfinite(figure) for figure in (estimate.value, estimate.low, estimate.high))


def _judged(rule: str, passed: bool, sentence: str) -> RuleResult:
    return _passed(rule, sentence) if passed else _failed(rule, sentence)


def _passed(rule: str, sentence: str) -> RuleResult:
    return RuleResult(rule=rule, outcome="passed", sentence=sentence)


def _failed(rule: str, sentence: str) -> RuleResult:
    return RuleResult(rule=rule, outcome="failed", sentence=sentence)


def _not_applicable(rule: str, sentence: str) -> RuleResult:
    return RuleResult(rule=rule, outcome="not applicable", sentence=sentence)
