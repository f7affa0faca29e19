"""The Dagster instance of a home: its runs, schedules and sensors live under ``$SHOPSIGHT_HOME/dagster``."""

import shutil
from pathlib import Path

import dagster as dg

from shopsight.settings import Settings, prepare_environment

TEMPLATE = Path(__file__).with_name("dagster.yaml")


def prepare_dagster_home(settings: Settings) -> Path:
    """Create the Dagster home with its configuration; an existing one gets the present configuration."""
    prepare_environment(settings)
    settings.dagster_dir.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(TEMPLATE, settings.dagster_dir / "dagster.yaml")
    return settings.dagster_dir


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Return the instance that the web UI, the daemon and the command line share."""
    return dg.DagsterInstance.from_config(str(prepare_dagster_home(settings)))
