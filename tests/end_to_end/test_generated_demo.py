"""The demo on a generated log: the whole chain runs, and what has nothing to learn from is refused, not broken."""

import json
import re
from pathlib import Path

import pytest
from running import environment_of, run, settings_of

from shopsight.families import FAMILIES


@pytest.mark.slow
def test_the_chain_runs_on_a_generated_log_and_says_what_each_stage_took(tmp_path: Path) -> None:
    environment = environment_of(settings_of(tmp_path / "home"), tmp_path)
    demo = run(environment, "demo", "--source", "generated", "--events", "20000")
    assert demo.returncode == 0, demo.stdout[-6000:] + demo.stderr[-6000:]
    status = json.loads(run(environment, "status", "--json").stdout)
    assert status["events"]["accepted"] == 20_000
    approved = [family for family in FAMILIES if status["models"][family]["champion"]]
    refused = [family for family in FAMILIES if family not in approved]
    assert status["models"]["churn"]["is_baseline"], "200 shoppers make too few orders for a learnt model"
    assert ("Not approved" in demo.stdout) == bool(refused)
    assert not refused or f"Not approved: {', '.join(refused)}." in demo.stdout
    assert demo.stdout.count("200 http://127.0.0.1") == len(approved)
    table = demo.stdout[demo.stdout.index("time per stage") :]
    stages = [cells.split("│") for cells in table.splitlines() if cells.startswith("│")]
    spent = {stage.strip(): (seconds.strip(), rate.strip()) for _, stage, seconds, rate, _ in stages}
    assert {"import", "event_log", "services", "all", *(f"{family}_evaluation" for family in FAMILIES)} <= set(spent)
    assert [stage for stage, (_, rate) in spent.items() if rate] == ["import"]
    assert re.fullmatch(r"[\d,]+", spent["import"][1])

    again = run(environment, "demo", "--source", "generated", "--events", "20000")
    assert again.returncode == 1
    assert "has an event log" in again.stderr
