"""What an approver reads first of a candidate."""

from models.evaluation.approval import RuleResult, Verdict
from models.registry.registry import ModelRegistry
from orchestration import decisions
from orchestration.metadata import metric_metadata
from orchestration.verdicts import baseline_outcomes, verdict_card


def verdict(*, eligible: bool) -> Verdict:
    return Verdict(
        rules=(RuleResult(rule="one", outcome="passed" if eligible else "failed", sentence="It does not beat ease."),)
    )


def test_the_card_begins_with_the_verdict_and_shows_three_figures_the_primary_one_first(evaluation) -> None:
    card = verdict_card("v0001", evaluation, verdict(eligible=True), champion=None, approve_at="http://form")
    lines = (card.value or "").splitlines()
    assert lines[0] == "### recommender v0001 (transformer) may be approved"
    assert "[approve it](http://form)" in (card.value or "")
    figures = [line.split("|")[1].strip() for line in lines if line.startswith("|")][2:]
    assert figures == ["ndcg@10", "coverage", "hit_rate@10"]


def test_the_card_shows_how_far_each_figure_is_from_the_champions(home, register, evaluation) -> None:
    decisions.approve(home, "recommender", register(), approver="Ada", reason="a test")
    champion = ModelRegistry.of(home).champion("recommender")
    card = verdict_card("v0002", evaluation, verdict(eligible=True), champion=champion, approve_at="http://form")
    assert "| ndcg@10 | 0.4000 [0.3900, 0.4100] | 0.4000 | +0.0000 |" in (card.value or "")


def test_a_candidate_that_may_not_be_approved_says_why_and_offers_no_way_to(evaluation) -> None:
    card = verdict_card("v0001", evaluation, verdict(eligible=False), champion=None, approve_at="http://form")
    assert "may not be approved" in (card.value or "")
    assert "- It does not beat ease." in (card.value or "")
    assert "http://form" not in (card.value or "")


def test_every_baseline_is_listed_with_what_became_of_it(evaluation) -> None:
    outcomes = baseline_outcomes(evaluation)
    assert {name: text.split(":")[0] for name, text in outcomes.items()} == {
        "popularity": "beaten",
        "ease": "tied",
        "last_viewed": "better than the candidate",
        "item_knn": "not required",
    }
    assert outcomes["item_knn"] == "not required: its ndcg@10 is 0.3000 [0.2900, 0.3100]"


def test_plotted_figures_have_five_digits_and_the_primary_metric_leads(evaluation) -> None:
    plotted = metric_metadata(evaluation.metrics, first="ndcg@10")
    assert next(iter(plotted)) == "metric/ndcg@10"
    assert plotted["interval/mrr/high"] == 0.31
