"""The warehouse as Dagster builds it: what dbt says is streamed, and its failures say what to do."""

import dagster as dg
import pytest
from batches import land

from orchestration.dbt import DBT_EXECUTABLE, DBT_PROJECT, OfflineDbtCliResource
from orchestration.defs.transformation.assets import warehouse
from shopsight.settings import Settings, prepare_environment
from shopsight.warehouse import DbtError

EVENTS = [dg.AssetKey(["staging", "stg_event_log__events"]), dg.AssetKey(["intermediate", "int_events"])]


def build(settings: Settings) -> dg.ExecuteInProcessResult:
    prepare_environment(settings)
    dbt = OfflineDbtCliResource(project_dir=str(DBT_PROJECT.project_dir), dbt_executable=DBT_EXECUTABLE)
    return dg.materialize([warehouse], selection=EVENTS, resources={"settings": settings, "dbt": dbt})


@pytest.mark.slow
def test_a_build_that_needs_more_memory_than_it_may_take_says_so_in_the_web_ui_too(home: Settings, monkeypatch) -> None:
    land(home, "one", events=[])
    # Set through monkeypatch, which sets it back: the build puts its settings into the environment.
    monkeypatch.setenv("SHOPSIGHT_WAREHOUSE_MEMORY", "1MB")
    with pytest.raises(DbtError, match=r"(?s)Out of Memory.*SHOPSIGHT_WAREHOUSE_MEMORY"):
        build(home.model_copy(update={"warehouse_memory": "1MB"}))
