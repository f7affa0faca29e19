"""The benchmark on the table of sessions: no row is told by its own outcome, and a mixture beats its parts."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from benchmarks.purchase_intent.mixture import KINDS, MIXTURE, MixtureConfig, fit_mixture
from benchmarks.purchase_intent.online_shoppers import measure_file, read_sessions
from benchmarks.purchase_intent.rates import fit_rates, rates_of_other_folds
from models.evaluation.probability import calibration_error, roc_auc
from shopsight.errors import ShopsightError

CONFIG = MixtureConfig(members=3, rounds=80, boosted_runs=1, randomised=30, networks=1, hidden=(8,), passes=40)


def table(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return three numbers and a category, outcomes, and the true probabilities they were drawn with."""
    rng = np.random.default_rng(seed)
    features = np.column_stack([rng.normal(size=(rows, 3)), rng.integers(0, 4, rows)])
    truth = 1 / (1 + np.exp(1.5 - 1.5 * features[:, 0] - np.maximum(features[:, 1], 0) - (features[:, 3] == 2)))
    return features, rng.random(rows) < truth, truth


def fit(features, outcomes, *, seed=1):
    return fit_mixture(features, outcomes, categorical=[3], keys=[(3,)], config=CONFIG, seed=seed)


def test_the_mixture_ranks_new_rows_better_than_its_parts_do_on_average_and_its_probabilities_are_true() -> None:
    features, outcomes, _ = table(3_000, seed=1)
    unseen, later, truth = table(4_000, seed=2)
    mixture = fit(features, outcomes)
    answers = mixture.probabilities(unseen)
    areas = {name: roc_auc(later, answers[name]) for name in (MIXTURE, *KINDS)}
    assert areas[MIXTURE] > np.mean([areas[name] for name in KINDS])
    assert areas[MIXTURE] > roc_auc(later, truth) - 0.02
    assert calibration_error(later, answers[MIXTURE]) < 0.04
    assert abs(roc_auc(outcomes, mixture.held_out[MIXTURE]) - areas[MIXTURE]) < 0.03


def test_the_same_seed_makes_the_same_mixture() -> None:
    features, outcomes, _ = table(600, seed=1)
    first, again = (fit(features, outcomes).held_out[MIXTURE] for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_a_row_is_not_told_its_own_outcome_by_the_rates() -> None:
    # Categories of one or two rows with a coin's outcomes: only the row's own outcome could tell them apart.
    rng = np.random.default_rng(3)
    features, outcomes = rng.integers(0, 1_500, (2_000, 1)).astype(float), rng.random(2_000) < 0.3
    own = fit_rates(features, outcomes, keys=[(0,)]).columns(features)[:, 0]
    of_others = rates_of_other_folds(features, outcomes, keys=[(0,)], seed=1)[:, 0]
    assert roc_auc(outcomes, own) > 0.9
    assert abs(roc_auc(outcomes, of_others) - 0.5) < 0.05


def test_a_rate_is_shrunk_towards_that_of_all_rows_which_a_new_category_gets() -> None:
    features = np.repeat([[0.0, 1.0], [0.0, 2.0]], [80, 20], axis=0)
    outcomes = np.array([True] * 40 + [False] * 60)
    rates = fit_rates(features, outcomes, keys=[(1,), (0, 1)])
    probabilities = 1 / (1 + np.exp(-rates.columns(np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0], [5.0, 1.0]]))))
    np.testing.assert_allclose(probabilities[:, 0], [48 / 100, 8 / 40, 0.4, 48 / 100])
    np.testing.assert_allclose(probabilities[:, 1], [48 / 100, 8 / 40, 0.4, 0.4])


def test_too_few_of_one_outcome_are_refused() -> None:
    features, outcomes, _ = table(100, seed=1)
    with pytest.raises(ValueError, match="as many rows of each outcome"):
        fit(features, np.zeros_like(outcomes))
    with pytest.raises(ValueError, match="both outcomes"):
        fit_rates(features, np.zeros_like(outcomes), keys=[(3,)])
    with pytest.raises(ValueError, match="members"):
        MixtureConfig(members=1)


def sessions(path: Path, rows: int) -> Path:
    rng = np.random.default_rng(1)
    kinds = ("Administrative", "Informational", "ProductRelated")
    columns: dict[str, Any] = {kind: rng.poisson(4, rows) for kind in kinds}
    columns |= {f"{kind}_Duration": columns[kind] * rng.exponential(30, rows) for kind in kinds}
    columns |= {"BounceRates": rng.random(rows) / 10, "ExitRates": rng.random(rows) / 5}
    columns |= {"PageValues": rng.exponential(5, rows), "SpecialDay": np.zeros(rows)}
    columns |= {name: rng.integers(1, 4, rows) for name in ("OperatingSystems", "Browser", "Region", "TrafficType")}
    columns |= {"Month": rng.choice(["Mar", "May", "Nov"], rows), "VisitorType": rng.choice(["New", "Other"], rows)}
    columns |= {"Weekend": rng.choice(["TRUE", "FALSE"], rows)}
    bought = rng.random(rows) < 1 / (1 + np.exp(4 - columns["PageValues"] / 3))
    columns["Revenue"] = np.where(bought, "TRUE", "FALSE")
    pa_csv.write_csv(pa.table(columns), path)
    return path


def test_both_variants_are_judged_beside_their_parts_and_baselines(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.purchase_intent.online_shoppers.MixtureConfig", lambda: CONFIG)
    report = measure_file(sessions(tmp_path / "sessions.csv", 800), seeds=[1], folds=2, resamples=20)
    with_values, without = report["with_page_values"], report["without_page_values"]
    assert with_values["roc_auc"] > without["roc_auc"] + 0.1
    assert not any("value" in name.lower() for name in without["features"])
    assert set(with_values["parts"]) == set(KINDS)
    assert {"roc_auc", "pr_auc", "f1", "ece"} <= set(with_values["intervals"])
    assert with_values["baselines"]["base_rate"]["roc_auc"] == pytest.approx(0.5, abs=0.02)


def test_a_file_of_something_else_is_refused(tmp_path) -> None:
    pa_csv.write_csv(pa.table({"a": [1]}), tmp_path / "other.csv")
    with pytest.raises(ShopsightError, match="lacks the columns"):
        read_sessions(tmp_path / "other.csv")
