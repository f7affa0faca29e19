"""A small shop, trained end to end."""

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from models.evaluation.drift.findings import DriftConfig
from models.evaluation.results import Evaluation
from models.evaluation.sentinels import SentinelTrippedError
from models.progress import Progress, ignore_progress
from models.purchase_intent.config import PurchaseIntentConfig, for_size
from models.purchase_intent.dataset import SessionRows, session_rows
from models.purchase_intent.drift_columns import WATCHED_COLUMNS
from models.purchase_intent.encoding import FEATURES, FeatureEncoder
from models.purchase_intent.folds import Folds
from models.purchase_intent.model import raw_log_odds, regrow
from models.purchase_intent.predict import PurchaseIntentModel
from models.purchase_intent.sentinels import a_day_older
from models.purchase_intent.train import train
from models.tabular.errors import BadArtefactError
from shopsight.settings import SIZES, Size

TINY = dataclasses.replace(for_size("tiny"), resamples=50, threads=1)


def run(table: pa.Table, out_dir: Path, config: PurchaseIntentConfig = TINY) -> Evaluation:
    return train(table, config=config, out_dir=out_dir, seed=7, device="auto", precision="auto", report=ignore_progress)


@pytest.fixture(scope="module")
def trained(shop_table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evaluation]:
    out_dir = tmp_path_factory.mktemp("artefact")
    return out_dir, run(shop_table, out_dir)


@pytest.fixture
def model(trained: tuple[Path, Evaluation]) -> PurchaseIntentModel:
    return PurchaseIntentModel.load(trained[0])


@pytest.fixture
def rows(shop_table: pa.Table, model: PurchaseIntentModel) -> list[dict[str, float | str | None]]:
    return shop_table.select(model.feature_names).slice(0, 60).to_pylist()


def test_the_model_beats_the_base_rate_and_a_glance_at_the_cart(trained: tuple[Path, Evaluation]) -> None:
    _, evaluation = trained
    assert set(evaluation.gains) == {"base_rate", "cart_seen"}
    assert all(gain.low > 0 for gain in evaluation.gains.values())
    assert set(evaluation.metrics) == {"pr_auc", "roc_auc", "log_loss", "brier", "ece"}
    contenders = {"lightgbm", "lightgbm_session_only"} - {evaluation.candidate}
    assert set(evaluation.baselines) == {"base_rate", "cart_seen", "logistic_regression"} | contenders


def test_the_curve_shows_figures_by_the_number_of_events_seen(trained: tuple[Path, Evaluation]) -> None:
    slices = trained[1].slices
    assert {"after 1 events", "after 2 events", "after 3 events", "new users", "known users"} <= set(slices)
    assert slices["after 3 events"]["roc_auc"].value > slices["after 1 events"]["roc_auc"].value


def test_the_slices_with_and_without_a_cart_are_told_apart(trained: tuple[Path, Evaluation]) -> None:
    # A cart makes a purchase likelier in this shop, and inside a slice a glance at the cart says nothing: its area
    # is the base rate.
    slices = trained[1].slices
    assert slices["with a cart"]["base_rate"].value > slices["without a cart"]["base_rate"].value + 0.1
    for name in ("with a cart", "without a cart"):
        figures = slices[name]
        gain = figures["pr_auc"].value - figures["base_rate"].value
        assert figures["gain_over_cart_seen"].value == pytest.approx(gain, abs=1e-9)


def test_raw_log_odds_are_those_of_the_trees_own_probabilities(shop_table: pa.Table) -> None:
    sessions = session_rows(shop_table)
    encoder = FeatureEncoder.fit(sessions.columns, names=FEATURES, max_categories=10)
    booster = regrow(encoder, sessions, rounds=5, config=TINY, seed=1)
    probabilities = np.asarray(booster.predict(encoder.matrix(sessions.columns)))
    expected = np.log(probabilities / (1 - probabilities))
    np.testing.assert_allclose(raw_log_odds(booster, encoder, sessions), expected, atol=1e-6)


def test_the_folder_says_what_was_done(trained: tuple[Path, Evaluation]) -> None:
    folder, evaluation = trained
    written = {"model.txt", "config.json", "evaluation.json", "curves.json", "card.json"}
    assert {path.name for path in folder.iterdir()} == written
    assert Evaluation.read(folder / "evaluation.json") == evaluation
    card = json.loads((folder / "card.json").read_text())
    assert [reading["sentinel"] for reading in card["sentinels"]] == [
        "too_good_roc_auc",
        "sessions_apart",
        "shuffled_labels",
        "session_features_not_newer",
        "newcomers_have_no_past",
        "older_user_features_keep_skill",
    ]
    assert next(iter(card["importance"])) == "carts_so_far"
    assert card["folds"]["test"]["sessions"] == 300


def test_two_runs_of_one_seed_write_the_same_model(
    shop_table: pa.Table, trained: tuple[Path, Evaluation], tmp_path: Path
) -> None:
    assert run(shop_table, tmp_path) == trained[1]
    assert (tmp_path / "model.txt").read_bytes() == (trained[0] / "model.txt").read_bytes()


def test_purchases_that_nothing_foretells_earn_no_gain(unforeseeable_table: pa.Table, tmp_path: Path) -> None:
    evaluation = run(unforeseeable_table, tmp_path)
    assert not all(gain.low > 0 for gain in evaluation.gains.values())


def test_groups_of_people_are_told_apart_and_never_learnt_from(
    shop_table: pa.Table, trained: tuple[Path, Evaluation], tmp_path: Path
) -> None:
    users = shop_table["user_id"].to_pylist()
    gender = pa.array([None if user.endswith("0") else "female" if user[-1] in "2468" else "male" for user in users])
    evaluation = run(shop_table.append_column("gender", gender), tmp_path)
    assert (tmp_path / "model.txt").read_bytes() == (trained[0] / "model.txt").read_bytes()
    assert evaluation.metrics == trained[1].metrics
    gaps = [evaluation.slices[f"gender {name}"]["fairness_roc_auc_gap"].value for name in ("female", "male")]
    assert gaps[0] == pytest.approx(-gaps[1])


def test_devices_countries_and_categories_are_judged_apart_and_never_learnt_from(
    shop_table: pa.Table, trained: tuple[Path, Evaluation], tmp_path: Path
) -> None:
    sessions = shop_table["session_id"].to_pylist()
    device = pa.array(["phone" if int(name[1:]) % 3 else None if int(name[1:]) % 2 else "desktop" for name in sessions])
    country = pa.array(["DE"] * len(sessions))
    evaluation = run(shop_table.append_column("device", device).append_column("country", country), tmp_path)
    assert (tmp_path / "model.txt").read_bytes() == (trained[0] / "model.txt").read_bytes()
    assert evaluation.slices["country DE"]["pr_auc"].value == pytest.approx(evaluation.metrics["pr_auc"].value)
    # Desktops are a sixth of 300 sessions: too few with a purchase to be told of.
    assert {name for name in evaluation.slices if name.startswith(("device", "country", "category"))} == {
        "device phone",
        "country DE",
        "category shoes",
    }
    # Only loyal shoppers have a favourite category here, and they buy more.
    assert evaluation.slices["category shoes"]["base_rate"].value > evaluation.slices["country DE"]["base_rate"].value


def test_too_few_sessions_are_said_and_leave_no_model(shop_table: pa.Table, tmp_path: Path) -> None:
    few = shop_table.filter(pc.less(shop_table["session_id"], "s000050"))
    evaluation = run(few, tmp_path)
    assert evaluation.not_evaluable is not None
    assert "fold has" in evaluation.not_evaluable
    assert {path.name for path in tmp_path.iterdir()} == {"evaluation.json", "card.json"}
    with pytest.raises(BadArtefactError, match="too few sessions"):
        PurchaseIntentModel.load(tmp_path)


def test_an_empty_table_is_not_evaluable(shop_table: pa.Table, tmp_path: Path) -> None:
    assert run(shop_table.slice(0, 0), tmp_path).not_evaluable == "the training table has no rows"


def test_a_feature_that_holds_the_outcome_stops_the_run(shop_table: pa.Table, tmp_path: Path) -> None:
    leak = shop_table["purchased"].cast(pa.float64())
    leaking = shop_table.set_column(shop_table.column_names.index("carts_28d"), "carts_28d", leak)
    with pytest.raises(SentinelTrippedError, match="holds the outcome"):
        run(leaking, tmp_path)


def replaced(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def test_a_session_shape_from_the_future_stops_the_run(shop_table: pa.Table, tmp_path: Path) -> None:
    later = pc.add(shop_table["seconds_since_start"], 1.0)
    with pytest.raises(SentinelTrippedError, match="session_features from their future"):
        run(replaced(shop_table, "seconds_since_start", later.to_numpy()), tmp_path)


def test_a_total_over_the_whole_log_stops_the_run(shop_table: pa.Table, tmp_path: Path) -> None:
    frame = shop_table.select(["user_id", "session_id", "purchased"]).to_pandas()
    bought = frame.drop_duplicates("session_id").groupby("user_id")["purchased"].sum()
    with pytest.raises(SentinelTrippedError, match="seen for the first time have orders_total above zero"):
        run(replaced(shop_table, "orders_total", frame["user_id"].map(bought).astype(float).to_numpy()), tmp_path)


def test_a_window_that_ends_after_its_day_stops_the_run(shop_table: pa.Table, tmp_path: Path) -> None:
    """What a shopper does on the day is in it, the purchase too, but blurred: no single check of skill would see it."""
    rng = np.random.default_rng(1)
    outcome = shop_table["purchased"].to_numpy(zero_copy_only=False)
    has_purchases = ~np.isnan(shop_table["purchases_28d"].to_numpy())
    sessions = np.unique(shop_table["session_id"].to_numpy(), return_inverse=True)[1]
    window = outcome + rng.normal(0, 0.6, sessions.max() + 1)[sessions]
    leaking = replaced(shop_table, "mean_price_28d", np.where(has_purchases, window, np.nan))
    with pytest.raises(SentinelTrippedError, match="user_features of an earlier day"):
        run(leaking, tmp_path)


def test_a_split_by_row_stops_the_run(shop_table: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def by_row(rows: SessionRows, _config: PurchaseIntentConfig) -> Folds:
        fold = np.random.default_rng(1).choice(4, len(rows), p=[0.55, 0.15, 0.1, 0.2])
        return Folds(**{name: rows.take(fold == n) for n, name in enumerate(Folds.__dataclass_fields__)})

    monkeypatch.setattr("models.purchase_intent.train.split_by_time", by_row)
    with pytest.raises(SentinelTrippedError, match="sessions are in both train and validation"):
        run(shop_table, tmp_path)


def test_features_a_day_older_are_those_of_the_shoppers_newest_row_a_day_back(shop_table: pa.Table) -> None:
    rows = session_rows(replaced(shop_table, "orders_total", np.arange(float(shop_table.num_rows))))
    older, has_earlier = a_day_older(rows, rows)
    for row in range(0, len(rows), 17):
        back = (rows.users == rows.users[row]) & (rows.times <= rows.times[row] - np.timedelta64(1, "D"))
        assert has_earlier[row] == back.any()
        if back.any():
            newest = np.flatnonzero(back)[np.argmax(rows.times[back])]
            assert older.columns["orders_total"][row] == rows.columns["orders_total"][newest]


def test_progress_ends_at_one_and_never_falls(shop_table: pa.Table, tmp_path: Path) -> None:
    heard: list[Progress] = []
    train(shop_table, config=TINY, out_dir=tmp_path, seed=7, device="cpu", precision="fp32", report=heard.append)
    fractions = [progress.fraction for progress in heard]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_probabilities_are_the_same_alone_and_together(
    model: PurchaseIntentModel, rows: list[dict[str, float | str | None]]
) -> None:
    together = model.predict(rows)
    assert together == pytest.approx(np.concatenate([model.predict([row]) for row in rows]))
    assert ((together > 0) & (together < 1)).all()


def test_an_unknown_user_and_an_unknown_event_are_predicted(model: PurchaseIntentModel) -> None:
    stranger = dict.fromkeys(model.feature_names) | {"events_so_far": 1, "last_event_name": "never_heard_of"}
    assert 0 < model.predict([stranger])[0] < 1


def test_reasons_add_up_to_the_probability(
    model: PurchaseIntentModel, rows: list[dict[str, float | str | None]]
) -> None:
    explained = model.predict_with_reasons(rows)
    assert [one.probability for one in explained] == pytest.approx(model.predict(rows).tolist())
    for one in explained:
        log_odds = one.base_log_odds + sum(part.log_odds for part in one.contributions)
        assert 1 / (1 + math.exp(-log_odds)) == pytest.approx(one.probability)
        strengths = [abs(part.log_odds) for part in one.contributions]
        assert strengths == sorted(strengths, reverse=True)


def test_no_rows_have_no_probabilities(model: PurchaseIntentModel) -> None:
    assert model.predict([]).tolist() == []
    assert model.predict_with_reasons([]) == []


@pytest.mark.parametrize(("value", "message"), [(math.inf, "infinite"), ("three", "is a number")])
def test_a_value_that_is_no_number_is_refused(
    model: PurchaseIntentModel, rows: list[dict[str, float | str | None]], value: float | str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        model.predict([rows[0] | {"carts_so_far": value}])


def test_a_row_that_lacks_a_feature_is_refused(
    model: PurchaseIntentModel, rows: list[dict[str, float | str | None]]
) -> None:
    with pytest.raises(KeyError, match="carts_so_far"):
        model.predict([{name: value for name, value in rows[0].items() if name != "carts_so_far"}])


def test_a_folder_of_two_models_is_refused(trained: tuple[Path, Evaluation], tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_bytes((trained[0] / "model.txt").read_bytes())
    config = json.loads((trained[0] / "config.json").read_text())
    config["feature_names"].reverse()
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadArtefactError, match="not one model"):
        PurchaseIntentModel.load(tmp_path)


def test_the_serving_side_imports_none_of_what_trains() -> None:
    code = (
        "import sys; sys.modules['pandas'] = sys.modules['sklearn'] = sys.modules['pyarrow'] = None; "
        "import models.purchase_intent.predict, models.purchase_intent.features; "
        "assert not {'torch', 'scipy.stats', 'evidently', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_feature_but_running_totals_is_watched_for_drift() -> None:
    watched = {*WATCHED_COLUMNS.numerical, *WATCHED_COLUMNS.categorical}
    assert len(watched) == 28
    assert "days_since_first_event" not in watched
    assert DriftConfig().min_rows > 0


@pytest.mark.parametrize("size", SIZES)
def test_every_size_has_settings(size: Size) -> None:
    assert for_size(size).rounds >= for_size("tiny").rounds


@pytest.mark.parametrize(
    "wrong",
    [
        {"test_share": 0.0},
        {"validation_share": 0.8},
        {"gap_minutes": -1},
        {"learning_rate": 0.0},
        {"feature_fraction": 1.5},
        {"too_good_roc_auc": 0.4},
        {"too_good_roc_auc": 0.5},
        {"too_good_roc_auc": 1.01},
        {"newcomers_with_past": 0.0},
        {"newcomers_with_past": 1.0},
        {"largest_loss_of_a_day": 0.0},
        {"largest_loss_of_a_day": 0.5},
        {"l2": -1.0},
        {"max_categories": 0},
        {"rounds": 0},
        {"early_stopping_rounds": 0},
        {"num_leaves": 1},
        {"min_rows_in_leaf": 0},
        {"min_sessions": 1},
        {"min_purchases": 0},
        {"resamples": 0},
        {"threads": 0},
    ],
)
def test_settings_that_no_run_can_have_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)) if "share" not in next(iter(wrong)) else "share"):
        PurchaseIntentConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "right",
    [
        {"gap_minutes": 0},
        {"learning_rate": 1.0, "feature_fraction": 1.0},
        {"too_good_roc_auc": 1.0},
        {"l2": 0.0},
        {"max_categories": 1, "rounds": 1, "early_stopping_rounds": 1, "num_leaves": 2, "min_rows_in_leaf": 1},
        {"min_sessions": 2, "min_purchases": 1, "resamples": 1, "threads": 1},
    ],
)
def test_settings_at_their_bounds_are_possible(right: dict[str, float]) -> None:
    assert PurchaseIntentConfig(**right)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"rounds": 3},
        {"early_stopping_rounds": 1},
        {"learning_rate": 0.02},
        {"num_leaves": 3},
        {"min_rows_in_leaf": 400},
        {"l2": 500.0},
        {"feature_fraction": 0.2},
        {"max_categories": 1},
        {"gap_minutes": 3000},
        {"validation_share": 0.3},
        {"calibration_share": 0.2},
        {"test_share": 0.4},
        {"resamples": 20},
    ],
)
def test_every_setting_has_an_effect(
    change: dict[str, float], shop_table: pa.Table, trained: tuple[Path, Evaluation], tmp_path: Path
) -> None:
    changed = dataclasses.replace(TINY, **change)  # type: ignore[arg-type]
    assert run(shop_table, tmp_path, changed) != trained[1]
