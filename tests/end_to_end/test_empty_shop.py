"""The whole chain on a shop in which nothing happened yet."""

import json
from pathlib import Path

import pytest
from running import call, environment_of, run, settings_of

from shopsight.families import FAMILIES


@pytest.mark.slow
def test_an_empty_shop_runs_through_and_says_that_nothing_can_be_judged(tmp_path: Path) -> None:
    environment = environment_of(settings_of(tmp_path / "home"), tmp_path)
    finished = run(environment, "run", "--json")
    assert finished.returncode == 0, finished.stderr[-4000:]
    assert "recommender_evaluation:passes_its_gate" in json.loads(finished.stdout)["failed_checks"]
    status = json.loads(call(environment, "status", "--json").stdout)
    assert status["events"] == {"received": 0, "accepted": 0, "duplicates": 0, "corrected": 0, "quarantined": 0}
    assert status["bentos"] == []
    for family in FAMILIES:
        assert status["models"][family]["champion"] is None
        assert any("could be judged" in reason for reason in status["models"][family]["newest"]["reasons"])
