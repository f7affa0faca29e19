"""The Dagster code location: everything under ``defs/``, and nothing else."""

from pathlib import Path

import dagster as dg

from shopsight.settings import Settings, prepare_environment


@dg.definitions
def defs() -> dg.Definitions:
    """Load every definition below ``orchestration/defs``."""
    prepare_environment(Settings())
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
