"""The Dagster instance of a home: its runs, schedules and sensors live under ``$SHOPSIGHT_HOME/dagster``."""

import shutil
from pathlib import Path
from typing import Final

import dagster as dg

from shopsight.settings import Settings, prepare_environment

TEMPLATE: Final = Path(__file__).with_name("dagster.yaml")

NO_OUTPUT_CAPTURED: Final = """
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""
"""How the command line opens the instance: what a step prints stays at the terminal, what it logs is kept.

Dagster would start four processes a step to copy output to a file and back to the terminal, and each of those in
Python prints a traceback of its own on Ctrl-C.
"""


def prepare_dagster_home(settings: Settings) -> Path:
    """Create the Dagster home with its configuration; an existing one gets the present configuration."""
    prepare_environment(settings)
    settings.dagster_dir.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(TEMPLATE, settings.dagster_dir / "dagster.yaml")
    return settings.dagster_dir


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Return the instance of the home as a process at a terminal uses it; the web UI and its daemon see its runs."""
    folder = prepare_dagster_home(settings)
    (folder / "command_line.yaml").write_text(TEMPLATE.read_text() + NO_OUTPUT_CAPTURED)
    return dg.DagsterInstance.from_config(str(folder), "command_line.yaml")
