"""dbt as Dagster runs it: the project, its command, and a manifest that is never older than its files.

There is one other way to run dbt, :func:`shopsight.warehouse.run_dbt`, for whoever has no Dagster run: in this process,
in one call. The warehouse asset cannot take it without a loss: dagster-dbt reads the log of a dbt command as it is
written, and makes a materialisation, a check or an observation of each line, while the build goes on. Both have the
project's folder, the profiles and the words of a failure in common, and the manifest comes through ``run_dbt``.
"""

import importlib.metadata
import os
import sys
import tempfile
from functools import cached_property
from pathlib import Path

from dagster_dbt import DbtCliResource, DbtProject
from packaging.version import Version

from shopsight.locking import exclusive
from shopsight.settings import Settings
from shopsight.warehouse import DBT_PROJECT_DIR, run_dbt

DBT_EXECUTABLE = str(Path(sys.executable).with_name("dbt"))
"""The environment's own dbt, also where the environment was not activated."""

DBT_PROJECT = DbtProject(project_dir=DBT_PROJECT_DIR, profiles_dir=DBT_PROJECT_DIR)


class OfflineDbtCliResource(DbtCliResource):
    """The dbt command without the question that ``dbt --version`` asks the package index.

    dagster-dbt asks for the version before every run of dbt, and that command looks for updates each time (and takes
    as long as importing dbt). The installed package knows its version.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(importlib.metadata.version("dbt-core"))


def ensure_manifest() -> Path:
    """Return dbt's manifest, parsing the project first where a file is newer than it.

    Of several processes that start in a fresh checkout one parses and the others wait; none reads half a manifest.

    Raises:
        DbtError: dbt could not parse the project.
    """
    manifest = DBT_PROJECT.manifest_path
    if _is_current(manifest):
        return manifest
    with exclusive(manifest.parent / ".parsing.lock", what="dbt's manifest", wait_seconds=180):
        if not _is_current(manifest):
            _parse(manifest.parent)
    return manifest


def _is_current(manifest: Path) -> bool:
    return manifest.exists() and manifest.stat().st_mtime >= _newest_file(DBT_PROJECT.project_dir)


def _parse(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target, prefix=".parsing-") as folder:
        run_dbt(Settings(), "parse", target_path=Path(folder))
        # What speeds up the next parse goes first: the manifest says that all is there.
        for name in ("partial_parse.msgpack", "manifest.json"):
            os.replace(Path(folder, name), target / name)


def _newest_file(folder: Path) -> float:
    sources = [folder / "dbt_project.yml", folder / "profiles.yml"]
    sources += [path for name in ("models", "macros", "tests") for path in (folder / name).rglob("*") if path.is_file()]
    return max(path.stat().st_mtime for path in sources if path.exists())
