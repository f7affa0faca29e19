"""Actions are measured beside those held out: what surely pays is done, and nothing where nothing is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from campaign_trial import ORDER_MARGIN, campaign_trial

from models.evaluation.approval import gate
from models.evaluation.results import Evaluation
from models.next_best_action.baselines import whole
from models.next_best_action.config import NextBestActionConfig
from models.next_best_action.dataset import AGE, FEATURES, action_rows, features_of
from models.next_best_action.effects import fit_actions
from models.next_best_action.predict import NextBestAction
from models.next_best_action.train import train
from models.progress import ignore_progress
from models.tabular.errors import BadArtefactError, BadTrainingTableError
from models.training import BASELINE_FOLDER, read_evaluation

CONFIG = NextBestActionConfig(resamples=100)


def trained(table: pa.Table, folder: Path) -> Evaluation:
    return train(table, config=CONFIG, out_dir=folder, seed=7, device="cpu", precision="fp32", report=ignore_progress)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("actions")


@pytest.fixture(scope="module")
def evaluation(folder: Path) -> Evaluation:
    return trained(campaign_trial(1200, seed=1), folder)


def test_a_model_that_knows_whom_to_leave_alone_beats_its_baselines_and_passes_the_gate(evaluation: Evaluation) -> None:
    assert set(evaluation.gains) == {"nothing", "everybody", "response"}
    assert gate(evaluation).eligible, gate(evaluation).reasons
    half_new = 0.5 * 0.4 * ORDER_MARGIN
    assert evaluation.metrics["value_added"].value == pytest.approx(half_new, rel=0.3)


def test_the_measured_increment_holds_the_planted_one(folder: Path, evaluation: Evaluation) -> None:
    assert evaluation.cases == 1200
    parts = NextBestAction.load(folder).actions["reminder"].parts
    assert len(parts) == 5
    assert parts[-1].orders.low < 0.4 < parts[-1].orders.high
    assert parts[0].orders.high < 0


def test_the_baseline_gives_everybody_what_surely_pays_on_average(folder: Path, evaluation: Evaluation) -> None:
    figures = read_evaluation(folder / BASELINE_FOLDER)
    assert (figures.candidate, figures.is_baseline) == ("everybody", True)
    assert figures.metrics == evaluation.baselines["everybody"]
    decisions = NextBestAction.load(folder / BASELINE_FOLDER).decide(
        action_rows(campaign_trial(50, seed=3)).features_RF
    )
    assert {one.action for one in decisions} == {"reminder"}
    assert len({one.part for one in decisions}) == 1


def test_a_saved_model_decides_as_the_one_that_was_learnt(folder: Path, evaluation: Evaluation) -> None:
    assert evaluation.candidate == "uplift"
    rows = action_rows(campaign_trial(1200, seed=1))
    actions, untried = fit_actions(rows, config=CONFIG, seed=7)
    learnt = NextBestAction(actions=actions, untried=untried, horizon_days=7)
    unseen = action_rows(campaign_trial(200, seed=3)).features_RF
    decided = [one.action for one in learnt.decide(unseen)]
    assert decided == [one.action for one in NextBestAction.load(folder).decide(unseen)]
    assert {"nothing", "reminder"} == set(decided)


def test_what_costs_more_than_it_brings_is_not_done(tmp_path: Path) -> None:
    dear = campaign_trial(1200, seed=1, message_cost=20.0)
    evaluation = trained(dear, tmp_path)
    assert evaluation.metrics["acted_on"].value == 0.0
    assert not gate(evaluation).eligible
    rows = action_rows(dear)
    assert {one.action for one in NextBestAction.load(tmp_path).decide(rows.features_RF)} == {"nothing"}


def test_a_discount_is_paid_on_orders_that_would_have_come_anyway() -> None:
    rows = action_rows(campaign_trial(1200, seed=1, action="offer", discount=5.0, persuaded=0.0, driven_away=0.0))
    actions, _ = fit_actions(rows, config=CONFIG, seed=7)
    money = [part.money for part in actions["offer"].parts]
    assert all(one.high < 0 for one in money)


def test_where_an_action_does_nothing_nobody_gets_it(tmp_path: Path) -> None:
    evaluation = trained(campaign_trial(1200, seed=5, persuaded=0.0, driven_away=0.0), tmp_path)
    assert evaluation.metrics["acted_on"].value < 0.1
    assert not gate(evaluation).eligible


@pytest.mark.parametrize("shoppers", [0, 150])
def test_of_too_few_nothing_is_learnt_and_the_baseline_says_why(shoppers: int, tmp_path: Path) -> None:
    evaluation = trained(campaign_trial(shoppers, seed=1), tmp_path)
    assert evaluation.not_evaluable is not None
    with pytest.raises(BadArtefactError):
        NextBestAction.load(tmp_path)
    baseline = NextBestAction.load(tmp_path / BASELINE_FOLDER)
    (decision,) = baseline.decide(np.ones((1, len(FEATURES))))
    assert decision.action == "nothing"
    assert "no action was tried" in decision.reason
    assert len(decision.considered) == 5
    assert read_evaluation(tmp_path / BASELINE_FOLDER).candidate == "nothing"


def test_offers_that_go_to_one_gender_are_refused_by_the_gate(tmp_path: Path) -> None:
    """New shoppers are persuaded, and here all of them are of one gender: a feature says it by a detour."""
    table = campaign_trial(1200, seed=1, action="offer", discount=0.5)
    new = pc.less(table["days_since_first_event"], 40)
    gender = pc.if_else(new, pa.scalar("female"), pa.scalar("male"))
    table = table.set_column(table.column_names.index("gender"), "gender", gender)
    verdict = gate(trained(table, tmp_path))
    assert not verdict.eligible
    assert any("fairness_offer_gap" in reason for reason in verdict.reasons)


def test_neither_age_nor_gender_is_a_feature() -> None:
    assert not {"age_band", "gender"} & set(FEATURES)
    table = campaign_trial(300, seed=1)
    other = table.set_column(table.column_names.index("gender"), "gender", pa.array(["x"] * 300))
    assert np.array_equal(action_rows(table).features_RF, action_rows(other).features_RF)


def test_days_since_something_go_on_while_a_shopper_stays_away() -> None:
    columns: dict[str, Any] = {name: [2.0] for name in FEATURES}
    features = dict(zip(FEATURES, features_of(columns, np.array([10.0]))[0], strict=True))
    assert features["days_since_first_event"] == features["days_since_last_order"] == 12.0
    assert features["views_28d"] == 2.0


def test_all_rows_of_a_shopper_are_in_one_fold() -> None:
    table = campaign_trial(300, seed=1)
    rows = action_rows(pa.concat_tables([table, table]))
    folds = rows.folds(4, seed=1)
    assert np.array_equal(folds[:300], folds[300:])
    assert set(folds) == {0, 1, 2, 3}


def test_a_table_without_a_column_is_refused() -> None:
    with pytest.raises(BadTrainingTableError, match=AGE):
        action_rows(campaign_trial(300, seed=1).drop_columns([AGE]))


def test_an_action_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(BadTrainingTableError, match="flowers"):
        action_rows(campaign_trial(300, seed=1, action="flowers"))


@pytest.mark.parametrize(
    "change",
    [{"folds": 1}, {"min_shoppers": 10, "min_side": 10}, {"max_parts": 0}, {"horizon_days": 0}, {"resamples": 0}],
)
def test_settings_that_no_run_can_have_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        NextBestActionConfig(**change)


def test_a_shopper_who_is_on_many_lists_counts_once_for_the_interval() -> None:
    """The same rows sixteen times over say no more of other shoppers than once."""
    once = campaign_trial(400, seed=1)
    often = pa.concat_tables([once] * 16)
    (part,), (again,) = (
        (whole(fit_actions(action_rows(table), config=CONFIG, seed=7)[0]["reminder"]),) for table in (once, often)
    )
    reach, reach_again = (one.orders.high - one.orders.value for one in (part, again))
    assert reach_again == pytest.approx(reach, rel=0.25)
