"""What the benchmark of uplift reads of a trial's file, and what it says of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted_trials import planted_trial

from benchmarks.uplift import planted
from benchmarks.uplift.trial import TrialFile, measure, read_trial
from shopsight.errors import ShopsightError


def write_trial(path: Path, rows: int = 1_800, *, effects: bool = True) -> Path:
    trial, _ = planted_trial(rows, effects=effects)
    names = np.array(["No mail", "Shoes", "Hats"])
    table = pd.DataFrame(trial.features_RF, columns=["a", "b", "c", "d"]).round(4)
    table["zone"] = np.where(trial.features_RF[:, 2] > 0, "north", "south")
    table = table.assign(mail=names[trial.arm_R], visit=trial.outcome_R.astype(int), spend=trial.outcome_R * 30.5)
    table.to_csv(path, index=False)
    return path


def asked(path: Path, **changes: object) -> TrialFile:
    return TrialFile(**{"path": path, "treatment": "mail", "outcome": "visit"} | changes)  # type: ignore[arg-type]


def test_the_control_is_the_value_that_begins_with_no_and_other_outcomes_are_no_features(tmp_path: Path) -> None:
    trial, arms, features, warnings = read_trial(asked(write_trial(tmp_path / "trial.csv.gz")))
    assert arms == ["No mail", "Hats", "Shoes"]
    assert features.names == ("a", "b", "c", "d", "zone")
    assert "orders the outcome almost perfectly" in features.left_out["spend"]
    assert trial.chance_RK[0] == pytest.approx([1 / 3] * 3, abs=0.05)
    assert warnings == []


def test_a_planted_difference_puts_the_policy_ahead_of_every_baseline(tmp_path: Path) -> None:
    figures = measure(asked(write_trial(tmp_path / "trial.csv")), cost=0.0, folds=2, repeats=1, seed=1)
    low, high = figures["interval"]
    assert low < figures["policy_value"] < high
    assert set(figures["baselines"]) == {"treat_all", "best_arm", "response_model", "random", "none"}
    assert all(figures["policy_value"] > figures["baselines"][name] for name in ("treat_all", "best_arm", "random"))
    assert figures["verdict"] == "effect"


def test_where_nothing_was_planted_no_effect_is_the_answer(tmp_path: Path) -> None:
    path = write_trial(tmp_path / "trial.csv", effects=False)
    assert measure(asked(path), cost=0.0, folds=2, repeats=1, seed=1)["verdict"] == "no effect to be found"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"treatment": "letter"}, "lacks letter"),
        ({"outcome": "zone"}, "zone is no outcome"),
        ({"treatment": "zone"}, "which value of zone is the control"),
        ({"control": "Gloves"}, "has no value Gloves"),
        ({"treatment": "a", "control": "0.1257"}, "no treatment that can be judged"),
        ({"features": ("age",)}, "no column age"),
    ],
)
def test_a_file_that_is_no_trial_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    path = write_trial(tmp_path / "trial.csv", rows=700)
    with pytest.raises(ShopsightError) as refused:
        read_trial(asked(path, **changes))
    assert message in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ShopsightError, match=r"absent\.csv cannot be read"):
        read_trial(asked(tmp_path / "absent.csv"))


def test_rows_without_an_outcome_are_counted_and_do_not_count(tmp_path: Path) -> None:
    path = write_trial(tmp_path / "trial.csv", rows=900)
    table = pd.read_csv(path)
    table["visit"] = table["visit"].where(table.index >= 10)
    table.to_csv(path, index=False)
    trial, _, _, warnings = read_trial(asked(path))
    assert len(trial) == 890
    assert "10 rows without treatment or outcome" in warnings[0]


def test_a_planned_campaign_of_a_sample_shop_holds_most_of_what_can_be_won() -> None:
    figures = planted.measure(shops=1, reseeded=5, seed=200)
    assert figures["figures"]["increment_of_best_fifth"]["value"] > 0.5
    assert figures["figures"]["policy_value_of_oracle"]["value"] > 0.5
    assert figures["intervals_of_lift"]["of"] == 5
