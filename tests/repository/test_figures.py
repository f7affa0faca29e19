"""The figures in the documents are what the benchmarks wrote, and nobody's by hand."""

import json
from pathlib import Path

import pytest
import yaml

from benchmarks.cells import NoSuchFigureError, fill
from benchmarks.report import PAGE, README, RESULTS, keep_sample_shop, page, readme
from shopsight.settings import REPO_ROOT


def test_the_page_of_figures_is_what_the_command_writes() -> None:
    assert PAGE.read_text() == page(), "run python -m benchmarks.report; docs/benchmarks.md is not edited by hand"


def test_the_table_in_the_readme_is_what_the_command_writes() -> None:
    assert README.read_text() == readme(README.read_text()), "run python -m benchmarks.report"


def test_every_stored_result_is_shown() -> None:
    words = yaml.safe_load((RESULTS / "rows.yaml").read_text())
    rows = [row for subject in words["subjects"] for row in subject["rows"]]
    documents = {row.get("document", row["name"]) for row in rows} | {"sample_shop"}
    assert {path.stem for path in RESULTS.glob("*.json")} - documents == set()
    assert {path.stem for path in (RESULTS / "v0.1").glob("*.json")} - {row["name"] for row in rows} == set()


def test_every_command_of_the_page_is_a_benchmark() -> None:
    words = yaml.safe_load((RESULTS / "rows.yaml").read_text())
    commands = [row["command"] for subject in words["subjects"] for row in subject["rows"]]
    modules = [command.split("python -m ")[1].split()[0].replace(".", "/") for command in commands]
    paths = [(REPO_ROOT / f"{module}.py", REPO_ROOT / module / "__main__.py") for module in modules]
    assert [str(path) for path, package in paths if not (path.exists() or package.exists())] == []


def test_every_stored_result_says_how_it_came_about_or_from_where_it_was_copied() -> None:
    for path in RESULTS.rglob("*.json"):
        document = json.loads(path.read_text())
        assert "run" in document or document["transcribed_from"], path


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("ndcg@10:4", "**0.0623** [0.0598, 0.0649]"),
        ("estimate", "**0.440** [0.416, 0.466]"),
        ("gain:2", "**0.04** [0.03, 0.06]"),
        ("triple:1", "**1.5** [1.0, 2.0]"),
        ("runs/*/cases", "**12,000**"),
        ("lists/0/p99:2", "**0.89**"),
        ("metrics/f1", "**0.926** [0.906, 0.945]"),
    ],
)
def test_a_figure_is_shown_with_the_interval_that_lies_beside_it(path: str, sentence: str) -> None:
    document = {
        "ndcg@10": 0.06234,
        "intervals": {"ndcg@10": [0.0598, 0.0649], "f1": [0.906, 0.945]},
        "estimate": {"value": 0.44, "low": 0.416, "high": 0.466},
        "gain": {"value": 0.04, "interval": [0.03, 0.06]},
        "triple": [1.5, 1.0, 2.0],
        "runs": {"7": {"cases": 12000}},
        "lists": [{"p99": 0.89}],
        "metrics": {"f1": 0.926},
    }
    assert fill("{" + path + "}", document) == sentence


def test_a_figure_that_is_not_there_is_refused_by_its_path() -> None:
    with pytest.raises(NoSuchFigureError, match="nothing at metrics/auc: auc is missing"):
        fill("{metrics/auc}", {"metrics": {}})


def test_what_the_demo_printed_is_kept_without_the_paths_of_the_machine(tmp_path: Path) -> None:
    status = {"home": "/srv/shop", "bentos": [{"path": "/srv/shop/bentos"}], "events": {"received": 1}, "models": {}}
    keep_sample_shop(status, tmp_path)
    assert "/srv/shop" not in (tmp_path / "sample_shop.json").read_text()
