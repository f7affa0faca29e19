"""The Dagster instance of a home: its runs, schedules and sensors live under its ``dagster/``, or in PostgreSQL."""

import importlib.util
from pathlib import Path
from typing import Final

import dagster as dg

from shopsight.errors import ShopsightError
from shopsight.settings import Settings, prepare_environment, without_password

TEMPLATE: Final = Path(__file__).with_name("dagster.yaml")
CONNECT_SECONDS: Final = 5

IN_POSTGRES: Final = """
storage:
  postgres:
    postgres_url:
      env: SHOPSIGHT_DAGSTER_POSTGRES_URL
"""
"""Where the settings name a database. The file has the variable's name alone: a password has no place in it."""

NO_OUTPUT_CAPTURED: Final = """
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""
"""How the command line opens the instance: what a step prints stays at the terminal, what it logs is kept.

Dagster would start four processes a step to copy output to a file and back to the terminal, and each of those in
Python prints a traceback of its own on Ctrl-C.
"""


class DagsterDatabaseError(ShopsightError):
    """The database that Dagster is to keep its runs in cannot be used."""


def prepare_dagster_home(settings: Settings) -> Path:
    """Create the Dagster home with its configuration; an existing one gets the present configuration."""
    prepare_environment(settings)
    settings.dagster_dir.mkdir(parents=True, exist_ok=True)
    (settings.dagster_dir / "dagster.yaml").write_text(_configuration(settings))
    return settings.dagster_dir


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Return the instance of the home as a process at a terminal uses it; the web UI and its daemon see its runs.

    Raises:
        DagsterDatabaseError: the runs are to be in a database that does not answer.
    """
    require_database(settings)
    folder = prepare_dagster_home(settings)
    (folder / "command_line.yaml").write_text(_configuration(settings) + NO_OUTPUT_CAPTURED)
    return dg.DagsterInstance.from_config(str(folder), "command_line.yaml")


def require_database(settings: Settings) -> None:
    """Prove that the database that the settings name, if any, answers.

    Raises:
        DagsterDatabaseError: it does not, or what speaks to it is not installed.
    """
    if settings.dagster_postgres_url is None:
        return
    url = settings.dagster_postgres_url.get_secret_value()
    if importlib.util.find_spec("dagster_postgres") is None:
        raise DagsterDatabaseError(
            "Dagster cannot keep its runs in PostgreSQL",
            why="the package dagster-postgres is not installed",
            fix="run `make setup`, or install shopsight with its extra `postgres`",
        )
    import psycopg2

    try:
        psycopg2.connect(url, connect_timeout=CONNECT_SECONDS).close()
    except psycopg2.Error as error:
        raise DagsterDatabaseError(
            f"Dagster's database {without_password(url)} does not answer",
            why=" ".join(str(error).split()),
            fix="start PostgreSQL and make the database; SHOPSIGHT_DAGSTER_POSTGRES_URL names it, unset it is SQLite",
        ) from error


def _configuration(settings: Settings) -> str:
    return TEMPLATE.read_text() + (IN_POSTGRES if settings.dagster_postgres_url is not None else "")
