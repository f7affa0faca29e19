"""A small shop's churn, trained end to end: figures, sentinels, artefact, reasons, scores."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from churn_shop import CONFIG, shop, training_table

from models.churn.campaign import plan_win_back
from models.churn.config import ChurnConfig
from models.churn.dataset import FEATURES, customer_rows, histories_of
from models.churn.drift_columns import WATCHED_COLUMNS, watched
from models.churn.next_order import WITHIN_DAYS
from models.churn.predict import ChurnModel, load
from models.churn.reasons import in_words
from models.churn.scoring import score
from models.churn.steady_churn import SteadyChurn
from models.churn.train import train, why_too_small
from models.evaluation.results import Evaluation
from models.evaluation.sentinels import SentinelTrippedError, check_shift_changes_little
from models.progress import ignore_progress
from models.tabular.errors import BadArtefactError, BadTrainingTableError
from models.training import BASELINE_FOLDER, read_evaluation


def run(table: pa.Table, out_dir: Path, config: ChurnConfig = CONFIG) -> Evaluation:
    return train(table, config=config, out_dir=out_dir, seed=7, device="auto", precision="auto", report=ignore_progress)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return training_table(shop(1), [60.0 + 14 * n for n in range(11)])


@pytest.fixture(scope="module")
def trained(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evaluation]:
    out_dir = tmp_path_factory.mktemp("churn")
    return out_dir, run(table, out_dir)


def test_the_candidate_stands_beside_recency_and_bg_nbd_and_says_what_was_done(trained) -> None:
    folder, evaluation = trained
    assert set(evaluation.gains) == {"recency", "bg_nbd"}
    assert all(gain.low > 0 for gain in evaluation.gains.values())
    assert {"roc_auc", "pr_auc", "ece", "brier", "log_loss", "value_mae", "wait_log_loss"} == set(evaluation.metrics)
    assert Evaluation.read(folder / "evaluation.json") == evaluation
    card = json.loads((folder / "card.json").read_text())
    assert [reading["sentinel"] for reading in card["sentinels"]] == [
        "too_good_roc_auc",
        "shuffled_labels",
        "one_day_shift",
        "order_history_not_newer",
        "last_visit_not_newer",
        "older_visits_keep_skill",
    ]
    dates = card["as_of_dates"]
    horizon = np.timedelta64(CONFIG.horizon_days, "D")
    assert np.datetime64(dates["level"]) + horizon <= np.datetime64(dates["test"])


def test_a_loaded_model_answers_as_the_saved_one_and_its_reasons_sum_to_the_log_odds(table, trained) -> None:
    model = ChurnModel.load(trained[0])
    histories = customer_rows(table, horizon_days=28).labelled.histories
    histories = histories.take(np.arange(len(histories)) % 50 == 0)
    probabilities = model.probabilities(histories)
    assert ((probabilities > 0) & (probabilities < 1)).all()
    for explained, probability in zip(model.explain(histories), probabilities, strict=True):
        log_odds = explained.base_log_odds + sum(part.log_odds for part in explained.contributions)
        assert 1 / (1 + math.exp(-log_odds)) == pytest.approx(probability, abs=1e-9)
        assert explained.contributions[0].words.endswith("the risk")
    coming = model.next_order(histories, probabilities)
    np.testing.assert_allclose(1.0 - coming.within_RK[:, 2], probabilities, atol=1e-9)
    value = model.forecast(histories)
    assert (value.low <= value.median).all()
    assert (value.median <= value.high).all()


def test_an_order_history_that_holds_the_future_stops_the_run(table, tmp_path) -> None:
    future = [
        [*orders, str(int(moment.timestamp() * 1e6) + 5)]
        for orders, moment in zip(table["ordered_us"].to_pylist(), table["event_timestamp"].to_pylist(), strict=True)
    ]
    leaking = table.set_column(table.column_names.index("ordered_us"), "ordered_us", pa.array(future))
    values = [[*values, "1.0"] for values in table["order_values"].to_pylist()]
    leaking = leaking.set_column(table.column_names.index("order_values"), "order_values", pa.array(values))
    with pytest.raises(SentinelTrippedError, match="order_history from their future"):
        run(leaking, tmp_path)


def test_a_feature_that_holds_the_outcome_stops_the_run(table, tmp_path) -> None:
    leak = pc.fill_null(pc.cast(table["days_to_next_order"], pa.int64()), 999)
    leaking = table.set_column(table.column_names.index("views_28d"), "views_28d", leak)
    with pytest.raises(SentinelTrippedError, match="holds the outcome"):
        run(leaking, tmp_path)


def test_visits_that_lie_after_the_day_stop_the_run(table, tmp_path) -> None:
    """A window that ends after its as-of date holds who will be back, blurred: no check of skill alone would see it."""
    wait = pc.fill_null(pc.cast(table["days_to_next_order"], pa.float64()), 99.0).to_numpy()
    window = (wait < CONFIG.horizon_days) + np.random.default_rng(1).normal(0, 0.6, len(wait))
    leaking = table.set_column(table.column_names.index("carts_28d"), "carts_28d", pa.array(window))
    with pytest.raises(SentinelTrippedError, match="visits of an earlier day"):
        run(leaking, tmp_path)


def test_a_customer_on_both_sides_of_a_fold_stops_the_run(table, tmp_path, monkeypatch) -> None:
    def by_row(outcomes, _groups, members, *, seed):
        part = np.random.default_rng(seed).integers(0, members, len(outcomes))
        return [(np.flatnonzero(part != n), np.flatnonzero(part == n)) for n in range(members)]

    monkeypatch.setattr("models.tabular.committee._folds", by_row)
    with pytest.raises(SentinelTrippedError, match="people are in both the rows grown on and the rows held out"):
        run(table, tmp_path)


def test_a_forecast_that_hangs_on_the_day_trips_its_sentinel() -> None:
    assert check_shift_changes_little(0.01, limit=0.15).value == 0.01
    for change in (0.2, float("nan")):
        with pytest.raises(SentinelTrippedError, match="one day later"):
            check_shift_changes_little(change, limit=0.15)


def test_too_little_is_said_and_leaves_no_model(table, tmp_path) -> None:
    few = table.filter(pc.less(table["user_id"], "u_0030"))
    evaluation = run(few, tmp_path)
    assert "customers of the 50" in str(evaluation.not_evaluable)
    assert {path.name for path in tmp_path.iterdir()} == {"evaluation.json", "card.json", BASELINE_FOLDER}
    with pytest.raises(BadArtefactError, match="too few customers"):
        ChurnModel.load(tmp_path)
    short = table.filter(pc.less(table["observed_days"], 50))
    assert "no level date" in str(run(short, tmp_path).not_evaluable)


def test_bg_nbd_stands_in_with_answers_that_agree_with_one_another(table, trained) -> None:
    assert isinstance(load(trained[0]), ChurnModel)
    steady = load(trained[0] / BASELINE_FOLDER)
    assert isinstance(steady, SteadyChurn)
    figures = read_evaluation(trained[0] / BASELINE_FOLDER)
    assert (figures.candidate, figures.is_baseline, figures.metrics) == ("bg_nbd", True, trained[1].baselines["bg_nbd"])
    histories = customer_rows(table, horizon_days=28).labelled.histories
    histories = histories.take(np.arange(len(histories)) % 50 == 0)
    churn, value = steady.probabilities(histories), steady.forecast(histories)
    coming = steady.next_order(histories, churn)
    np.testing.assert_allclose(coming.within_RK[:, WITHIN_DAYS.index(28)], 1 - churn, atol=1e-9)
    assert ((value.low <= value.median) & (value.median <= value.high)).all()
    assert (value.mean <= np.maximum(value.high, 0.5 * value.mean.max())).all()
    # Who is likelier than not to order no more is expected to bring nothing, more likely than not.
    np.testing.assert_array_equal(value.median == 0, churn >= 0.5)
    for explained, probability in zip(steady.explain(histories), churn, strict=True):
        log_odds = explained.base_log_odds + sum(part.log_odds for part in explained.contributions)
        assert 1 / (1 + math.exp(-log_odds)) == pytest.approx(probability)
    assert score(table, steady, config=CONFIG).num_rows == score(table, load(trained[0]), config=CONFIG).num_rows


def test_the_revenue_that_bg_nbd_foretells_lies_in_its_interval_as_often_as_it_says(table, trained) -> None:
    labelled = customer_rows(table, horizon_days=28).labelled
    closed = labelled.take(labelled.as_of == np.unique(labelled.as_of)[-4])
    value = load(trained[0] / BASELINE_FOLDER).forecast(closed.histories)
    inside = (closed.outcomes.revenue >= 0.8 * value.low) & (closed.outcomes.revenue <= 1.2 * value.high)
    assert inside.mean() > 0.8


def test_nothing_stands_in_where_fewer_than_ten_customers_ordered_again(table, tmp_path) -> None:
    run(table.filter(pc.less(table["user_id"], "u_0008")), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"evaluation.json", "card.json"}


def test_training_counts_the_customers_of_all_its_dates_and_a_date_that_is_judged_those_of_its_own() -> None:
    # 152, 221, 293, 300 and 300 customers: the first two dates are for training, then one is for the level, one for
    # the test, and the last is not over.
    rows = customer_rows(training_table(shop(1, customers=300), [60.0 + 28 * n for n in range(5)]), horizon_days=28)
    assert why_too_small(rows, dataclasses.replace(CONFIG, min_customers=250)) is None
    for customers, why in ((294, "the level date has 293 customers"), (301, "the test date has 300 customers")):
        assert why in str(why_too_small(rows, dataclasses.replace(CONFIG, min_customers=customers)))


def test_groups_of_people_are_told_apart_and_never_learnt_from(table, trained, tmp_path) -> None:
    bands = pa.array(["18-24" if int(user[-1]) % 2 else "65+" for user in table["user_id"].to_pylist()])
    evaluation = run(table.append_column("age_band", bands), tmp_path)
    assert (tmp_path / "tree_0.txt").read_bytes() == (trained[0] / "tree_0.txt").read_bytes()
    assert evaluation.metrics == trained[1].metrics
    assert {"age band 18-24", "age band 65+"} <= set(evaluation.slices)


def test_an_empty_table_is_not_evaluable_and_has_no_scores(table, trained, tmp_path) -> None:
    assert "no test date" in str(run(table.slice(0, 0), tmp_path).not_evaluable)
    assert score(table.slice(0, 0), ChurnModel.load(trained[0]), config=CONFIG).num_rows == 0
    assert watched(table.slice(0, 0).to_pandas()).empty


def test_a_join_of_no_rows_has_columns_without_a_type_and_is_not_evaluable_either(table, tmp_path) -> None:
    untyped = {
        name: pa.array([], pa.null()) for name in ("user_id", "ordered_us", "order_values", "age_band", "gender")
    }
    joined = table.slice(0, 0)
    for name, column in untyped.items():
        if name in joined.column_names:
            joined = joined.set_column(joined.column_names.index(name), name, column)
    assert "no test date" in str(run(joined, tmp_path).not_evaluable)


def test_a_log_without_prices_foretells_who_leaves_and_no_money(table, tmp_path) -> None:
    free = pa.array([["0.0"] * len(values) for values in table["order_values"].to_pylist()], pa.list_(pa.string()))
    table = table.set_column(table.column_names.index("order_values"), "order_values", free)
    nothing = pa.array(np.zeros(table.num_rows))
    table = table.set_column(table.column_names.index("revenue_after"), "revenue_after", nothing)
    evaluation = run(table, tmp_path)
    assert evaluation.metrics["roc_auc"].value > 0.55
    assert evaluation.metrics["value_mae"].value == 0
    scored = score(table, ChurnModel.load(tmp_path), config=CONFIG)
    assert np.abs(scored["expected_revenue"].to_numpy()).max() < 1e-9
    assert not any(scored["win_back"].to_pylist()), "nobody is worth a message"


def test_labels_of_another_horizon_are_refused(table, tmp_path) -> None:
    with pytest.raises(BadTrainingTableError, match="churn_horizon_days"):
        run(table, tmp_path, dataclasses.replace(CONFIG, horizon_days=56))


def test_the_newest_date_is_scored_the_likeliest_to_leave_first(table, trained) -> None:
    scores = score(table, ChurnModel.load(trained[0]), config=CONFIG)
    newest = table.filter(pc.equal(table["observed_days"], 0))
    assert sorted(scores["user_id"].to_pylist()) == sorted(newest["user_id"].to_pylist())
    churn = scores["churn_probability"].to_pylist()
    assert churn == sorted(churn, reverse=True)
    for row in scores.to_pylist():
        assert row["win_back"] == (row["value_of_writing"] > 0)
        assert row["win_back"] or not (row["held_out"] or row["reasons"])
        assert row["order_within_28d"] == pytest.approx(1 - row["churn_probability"])
        low, middle, high = (row[f"next_order_{end}"] or math.inf for end in ("low", "days", "high"))
        assert low <= middle <= high


def test_whoever_costs_more_than_they_bring_is_not_written_to_and_a_tenth_is_held_out_for_good() -> None:
    users = [f"u_{number}" for number in range(5_000)]
    orders = np.ones(5_000, dtype=np.intp)
    plan = plan_win_back(users, np.full(5_000, 0.5), np.full(5_000, 100.0), orders, config=ChurnConfig())
    # Half would leave, 1 in 20 comes back, spends 200 and leaves a margin of 30%: 1.5, less half a unit of cost.
    np.testing.assert_allclose(plan.value_of_writing, 1.0)
    assert plan.held_out.mean() == pytest.approx(0.1, abs=0.015)
    poor = plan_win_back(users, np.full(5_000, 0.5), np.full(5_000, 10.0), orders, config=ChurnConfig())
    assert not poor.on_list.any()
    again = plan_win_back(users[::-1], np.full(5_000, 0.6), np.full(5_000, 100.0), orders, config=ChurnConfig())
    np.testing.assert_array_equal(again.held_out[::-1], plan.held_out)


def test_reasons_are_words_for_every_feature(table, trained) -> None:
    model = ChurnModel.load(trained[0])
    histories = customer_rows(table, horizon_days=28).labelled.histories
    (explained,) = model.explain(histories.take(np.arange(len(histories)) == 3))
    for part in explained.contributions:
        assert "_" not in part.words, part
    assert in_words("orders_60d", 2.0, raises=False) == "2 orders in 60 days, which lowers the risk"
    assert in_words("revenue_14d", 31.0, raises=True) == "spent 31 in 14 days, which raises the risk"


def test_the_watched_columns_are_told_from_the_histories(table) -> None:
    frame: pd.DataFrame = watched(table.to_pandas())
    assert {*WATCHED_COLUMNS.numerical, "event_timestamp", "user_id"} == set(frame.columns)
    histories = customer_rows(table, horizon_days=28).labelled.histories
    means = np.bincount(histories.rows, weights=histories.values) / histories.lengths
    np.testing.assert_allclose(frame["mean_order_value"], means)


def test_a_batch_gives_the_reasons_that_an_explanation_gives(trained: tuple[Path, Evaluation], table: pa.Table) -> None:
    model = ChurnModel.load(trained[0])
    histories = customer_rows(table.slice(0, 80), horizon_days=CONFIG.horizon_days).labelled.histories
    wanted = [[part.words for part in one.contributions if part.log_odds > 0][:3] for one in model.explain(histories)]
    assert model.raising_words(histories, max_words=3) == wanted
    assert any(wanted)


def test_a_batch_reads_the_histories_that_a_service_reads(table: pa.Table) -> None:
    rows = customer_rows(pa.concat_tables([table.slice(0, 30), table.slice(30, 50)]), horizon_days=CONFIG.horizon_days)
    read = rows.labelled.histories
    columns = {name: table.slice(0, 80)[name].to_pylist() for name in FEATURES}
    served = histories_of(columns, read.as_of)
    for name in ("lengths", "days", "values", "activity"):
        np.testing.assert_array_equal(getattr(read, name), getattr(served, name), err_msg=name)
    users = table.slice(0, 80)["user_id"].to_pylist()
    assert rows.users.tolist() == users
    np.testing.assert_array_equal(read.customers, np.unique(users, return_inverse=True)[1])


def test_a_customer_whose_orders_had_not_arrived_is_left_out(table: pa.Table) -> None:
    lists = table["ordered_us"].to_pylist()
    lists[0], lists[1] = None, []
    late = table.set_column(table.column_names.index("ordered_us"), "ordered_us", pa.array(lists))
    rows = customer_rows(late, horizon_days=CONFIG.horizon_days)
    assert rows.without_history == 2
    assert len(rows.labelled) == table.num_rows - 2
    assert rows.labelled.histories.lengths[0] == len(lists[2])
