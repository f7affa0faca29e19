"""The benchmark on logs that a test makes, of policies whose click rates it knows, and on a sample shop."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.off_policy.__main__ import measure_logs
from benchmarks.off_policy.bandit_log import read_log
from benchmarks.off_policy.ordering import measure_orders
from benchmarks.off_policy.shop import open_shop
from shopsight.errors import ShopsightError
from shopsight.sample_shop.search import CLICKED_PLACE
from shopsight.settings import REPO_ROOT

ITEMS = 12


def write_logs(folder: Path, campaign: str, *, rounds: int = 4_000, seed: int = 1) -> dict[str, float]:
    """Write what an even and a learning policy showed; return the worth of each."""
    rng = np.random.default_rng(seed)
    click_N = 0.05 * np.exp(rng.normal(0, 0.7, ITEMS))
    worth = {}
    for policy in ("even", "learning"):
        # The learning policy changes its mind every thousand rounds.
        logits = (
            rng.normal(0, 1, (4, ITEMS)) + 3 * click_N / click_N.mean()
            if policy == "learning"
            else np.zeros((4, ITEMS))
        )
        chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        epoch = np.arange(rounds) * 4 // rounds
        item = (rng.random(rounds)[:, None] > chance.cumsum(axis=1)[epoch]).sum(axis=1).clip(max=ITEMS - 1)
        table = pd.DataFrame(
            {
                "propensity_score": chance[epoch, item],
                "click": (rng.random(rounds) < click_N[item]).astype(int),
                "timestamp": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(rounds), "s"),
                "item_id": [f"shoe-{number}" for number in item],
                "position": rng.integers(1, 4, rounds),
                "a column that nobody asked for": "x",
            }
        )
        place = folder / policy / campaign
        place.mkdir(parents=True)
        table.sample(frac=1, random_state=seed).to_csv(place / f"{campaign}.csv.gz")
        (place / "item_context.csv").write_text("item_id,colour\nshoe-1,red\n")
        (place / ".DS_Store.gz").write_bytes(gzip.compress(b"nothing"))
        worth[policy] = float((chance @ click_N).mean())
    return worth


def test_each_policy_is_told_from_the_log_of_the_other(tmp_path: Path) -> None:
    worth = write_logs(tmp_path, "shoes")
    report = measure_logs(tmp_path, seed=1)
    assert (report["directions"], report["evaluable"], report["missing"]) == (2, 2, [])
    directions = report["campaigns"]["shoes"]
    for logged, target in (("even", "learning"), ("learning", "even")):
        direction = directions[f"{logged}_to_{target}"]
        _, low, high = direction["estimates"]["clipped_snips"]
        assert low <= worth[target] <= high
        assert direction["holds"]["clipped_snips"]
    assert directions["learning_to_even"]["target_probabilities"] == f"known: even, of {ITEMS} items"
    assert directions["even_to_learning"]["target_probabilities"] == "shares of 2,000 of its own rounds"


def test_the_targets_own_clicks_are_never_read_for_its_estimate(tmp_path: Path) -> None:
    write_logs(tmp_path, "shoes")
    before = measure_logs(tmp_path, seed=1)["campaigns"]["shoes"]["even_to_learning"]
    path = tmp_path / "learning" / "shoes" / "shoes.csv.gz"
    pd.read_csv(path).assign(click=1).to_csv(path)
    after = measure_logs(tmp_path, seed=1)["campaigns"]["shoes"]["even_to_learning"]
    assert after["estimates"] == before["estimates"]
    assert after["on_policy"]["rate"][0] == 1.0
    assert not any(after["holds"].values())


def test_wrong_propensities_give_a_reason_in_place_of_a_number(tmp_path: Path) -> None:
    write_logs(tmp_path, "shoes")
    path = tmp_path / "learning" / "shoes" / "shoes.csv.gz"
    rows = pd.read_csv(path)
    rows["propensity_score"] = rows["propensity_score"].sample(frac=1, random_state=1).to_numpy()
    rows.to_csv(path)
    report = measure_logs(tmp_path, seed=1)
    direction = report["campaigns"]["shoes"]["learning_to_even"]
    assert "propensities" in direction["not_evaluable"]
    assert "estimates" not in direction
    assert (report["directions"], report["evaluable"]) == (2, 1)


def test_what_is_missing_is_named_and_costs_no_other_campaign(tmp_path: Path) -> None:
    write_logs(tmp_path, "shoes")
    write_logs(tmp_path, "bags", seed=2)
    write_logs(tmp_path, "hats", seed=3)
    path = tmp_path / "even" / "bags" / "bags.csv.gz"
    pd.read_csv(path).drop(columns=["click", "position"]).to_csv(path)
    (tmp_path / "learning" / "hats" / "hats.csv.gz").unlink()
    report = measure_logs(tmp_path, seed=1)
    assert list(report["campaigns"]) == ["shoes"]
    assert "even/bags/bags.csv.gz has no column position, click" in " ".join(report["missing"])
    assert "learning has no log of the campaign hats" in report["missing"]


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("click", 2, "in 1 rows click is neither 0 nor 1"),
        ("propensity_score", 0.0, "in 1 rows propensity_score is not above 0"),
        ("propensity_score", None, "in 1 rows propensity_score is not above 0"),
        ("position", "top", "in 1 rows position is no whole number"),
        ("item_id", None, "in 1 rows item_id is empty"),
    ],
)
def test_rows_that_no_log_has_are_counted_and_refused(
    tmp_path: Path, column: str, value: str | float | None, says: str
) -> None:
    write_logs(tmp_path, "shoes")
    path = tmp_path / "even" / "shoes" / "shoes.csv.gz"
    rows = pd.read_csv(path).astype({column: object})
    rows.loc[7, column] = value
    rows.to_csv(path)
    with pytest.raises(ShopsightError, match=says):
        read_log(path, policy="even", campaign="shoes")


def test_a_folder_without_two_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShopsightError, match="no folder"):
        measure_logs(tmp_path / "nowhere", seed=1)
    (tmp_path / "even" / "shoes").mkdir(parents=True)
    with pytest.raises(ShopsightError, match="0 policies"):
        measure_logs(tmp_path, seed=1)


def test_the_command_writes_both_parts(tmp_path: Path) -> None:
    write_logs(tmp_path / "logs", "shoes")
    command = [sys.executable, "-m", "benchmarks.off_policy", "--logs", str(tmp_path / "logs"), "--shops", "1"]
    run = subprocess.run(
        [*command, "--lists", "5000", "--json", "-"], capture_output=True, text=True, cwd=REPO_ROOT, check=True
    )
    report = json.loads(run.stdout)
    assert report["judged"] == "clipped_snips"
    assert report["logs"]["held"]["clipped_snips"] == 2
    assert report["sample_shop"]["shops"] == 1
    assert len(report["sample_shop"]["by_seed"]["1"]["policies"]) == 10


def test_ten_policies_of_a_sample_shop_are_put_in_order_but_for_ties() -> None:
    report = measure_orders("tiny", seeds=[7], lists=100_000)
    order = report["by_seed"]["7"]["orders"]["clipped_snips"]
    assert order["kendall_tau"] > 0.85
    assert report["estimates"] == 10
    assert report["estimates_that_hold"] >= 9


def test_the_worth_of_a_policy_is_the_mean_of_its_clicks() -> None:
    """Shown to every shopper many times, each list brings as many clicks as its worth says."""
    shop = open_shop("tiny", seed=7)
    rng = np.random.default_rng(1)
    for name in ("popularity, 50% random", "item-kNN", "random"):
        policy = shop.policies[name]
        shopper = np.repeat(np.arange(len(shop.department_U)), 200)
        items = policy.list_UK[shopper].copy()
        random = rng.random(len(shopper)) < policy.explores
        items[random] = rng.integers(0, shop.click_UN.shape[1], (int(random.sum()), items.shape[1]))
        clicked = rng.random(items.shape) < shop.click_UN[shopper[:, None], items] * np.array(CLICKED_PLACE)
        assert clicked.mean() == pytest.approx(shop.worth(policy), rel=0.03), name
