"""An experiment is begun and stopped from the launchpad, by who is logged in, and never half."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import yaml

from orchestration.attribution import signed_tags
from orchestration.defs.experiments.jobs import FIRST, start_experiment, stop_experiment
from serving.recommender.experiments.book import ExperimentBook
from serving.recommender.experiments.changing import text_of_before
from shopsight.clock import utc_now
from shopsight.settings import Settings


def launch(home: Settings, job: dg.JobDefinition, config: dict[str, Any], *, by: str | None = "Ada") -> bool:
    """Fill in the form of a job and launch it; return whether it was done."""
    (op,) = job.run_config["ops"]
    run_id = str(uuid4())
    result = job.execute_in_process(
        run_config={"ops": {op: {"config": config}}},
        raise_on_error=False,
        resources={"settings": home},
        tags=signed_tags(home, run_id, by) if by else {},
        run_id=run_id,
    )
    return bool(result.success)


def book(home: Settings) -> ExperimentBook:
    return ExperimentBook.read(home.experiments_path)


@pytest.mark.parametrize("job", [start_experiment, stop_experiment], ids=lambda job: job.name)
def test_the_form_is_filled_in_and_a_refusal_is_not_retried(job: dg.JobDefinition) -> None:
    assert dg.validate_run_config(job, job.run_config)
    assert job.tags["dagster/max_retries"] == "0"


def test_the_form_with_a_name_begins_the_experiment_of_the_documents_today(home: Settings) -> None:
    assert launch(home, start_experiment, FIRST | {"name": "first"})
    (experiment,) = book(home).experiments
    today = utc_now().date()
    assert (experiment.name, experiment.start, experiment.end) == ("first", today, today + timedelta(days=27))
    assert [(arm.name, arm.share, arm.model) for arm in experiment.arms] == [
        ("control", 0.5, None),
        ("popular", 0.5, "popularity"),
    ]
    assert not experiment.arms[0].changes
    assert experiment.placements == ["recommended_for_you"]


def test_every_line_of_the_form_reaches_the_file(home: Settings) -> None:
    arm = {
        "name": "varied",
        "share": 0.3,
        "diversity": 0.5,
        "max_per_category": 2,
        "max_per_brand": 1,
        "rules": {"less_popular": 0.3},
        "without_rules": ["sale"],
    }
    said = {
        "name": "all-of-it",
        "placements": [],
        "arms": [{"name": "control", "share": 0.3}, arm],
        "days": 1,
        "metric": "conversion",
        "guard_rails": [{"metric": "revenue_per_user", "worst": 0.1}],
        "window_days": 0.5,
        "shoppers": 500,
    }
    assert launch(home, start_experiment, said)
    (experiment,) = book(home).experiments
    assert experiment.arms[1].model_dump(exclude_unset=True, exclude={"rules"}) == {
        name: value for name, value in arm.items() if name != "rules"
    }
    assert experiment.arms[1].rules is not None
    assert experiment.arms[1].rules.less_popular == 0.3
    assert (experiment.placements, experiment.metric, experiment.window_days, experiment.shoppers) == (
        "all",
        "conversion",
        0.5,
        500,
    )
    assert [(rail.metric, rail.worst) for rail in experiment.guard_rails] == [("revenue_per_user", 0.1)]
    assert experiment.start == experiment.end


def test_an_experiment_that_cannot_run_beside_another_is_refused_and_the_file_stays(home: Settings) -> None:
    assert launch(home, start_experiment, FIRST | {"name": "first"})
    before = home.experiments_path.read_bytes()
    assert not launch(home, start_experiment, FIRST | {"name": "second"})
    assert not launch(home, start_experiment, FIRST | {"name": "first", "placements": ["trending"]})
    assert home.experiments_path.read_bytes() == before


def test_a_stopped_experiment_is_over_at_once_and_leaves_its_place_to_another(home: Settings) -> None:
    assert launch(home, start_experiment, FIRST | {"name": "first"})
    assert book(home).experiments[0].runs(utc_now())
    assert launch(home, stop_experiment, {"name": "first"})
    assert not book(home).experiments[0].runs(utc_now())
    assert launch(home, start_experiment, FIRST | {"name": "second"})
    first, second = book(home).experiments
    assert not first.runs(utc_now())
    assert second.runs(utc_now())


def test_what_is_over_or_unknown_is_not_stopped(home: Settings) -> None:
    assert launch(home, start_experiment, FIRST | {"name": "first"})
    assert not launch(home, stop_experiment, {"name": "other"})
    assert launch(home, stop_experiment, {"name": "first"})
    before = home.experiments_path.read_bytes()
    assert not launch(home, stop_experiment, {"name": "first"})
    assert home.experiments_path.read_bytes() == before


def test_what_a_shop_wrote_stays_and_its_text_with_comments_lies_beside(home: Settings) -> None:
    home.home.mkdir(parents=True, exist_ok=True)
    text = "# ours\nhold_out: {share: 0.05, since: 2026-01-01, model: popularity}\n"
    home.experiments_path.write_text(text)
    assert launch(home, start_experiment, FIRST | {"name": "first"})
    hold_out = book(home).hold_out
    assert hold_out is not None
    assert hold_out.share == 0.05
    assert text_of_before(home).read_text() == text


def test_a_broken_file_is_not_written_over(home: Settings) -> None:
    home.home.mkdir(parents=True, exist_ok=True)
    home.experiments_path.write_text(yaml.safe_dump({"experiment": []}))
    assert not launch(home, start_experiment, FIRST | {"name": "first"})
    assert yaml.safe_load(home.experiments_path.read_text()) == {"experiment": []}


def test_nobody_who_is_not_logged_in_begins_or_stops_one(home: Settings) -> None:
    assert not launch(home, start_experiment, FIRST | {"name": "first"}, by=None)
    assert not home.experiments_path.exists()
    assert launch(home, start_experiment, FIRST | {"name": "first"})
    assert not launch(home, stop_experiment, {"name": "first"}, by=None)
    assert book(home).experiments[0].runs(utc_now())
