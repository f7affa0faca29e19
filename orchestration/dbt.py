"""Where the dbt project is, and a manifest that is never older than its files."""

import importlib.metadata
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from dagster_dbt import DbtCliResource, DbtProject
from packaging.version import Version

from shopsight.errors import ShopsightError
from shopsight.settings import REPO_ROOT, Settings, prepare_environment

DBT_EXECUTABLE = str(Path(sys.executable).with_name("dbt"))
"""The environment's own dbt, also where the environment was not activated."""

DBT_PROJECT = DbtProject(project_dir=REPO_ROOT / "dbt_project", profiles_dir=REPO_ROOT / "dbt_project")


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

    Raises:
        ShopsightError: dbt could not parse the project.
    """
    manifest = DBT_PROJECT.manifest_path
    if not manifest.exists() or manifest.stat().st_mtime < _newest_file(DBT_PROJECT.project_dir):
        prepare_environment(Settings())
        parse = subprocess.run(
            [DBT_EXECUTABLE, "parse", "--quiet"],
            cwd=DBT_PROJECT.project_dir,
            capture_output=True,
            text=True,
            check=False,
        )
        if parse.returncode != 0:
            raise ShopsightError(
                "dbt could not parse the warehouse project",
                why=(parse.stdout + parse.stderr).strip()[-2000:],
                fix="mend the file that dbt names, or run `make setup` again",
            )
    return manifest


def _newest_file(folder: Path) -> float:
    sources = [folder / "dbt_project.yml", folder / "profiles.yml"]
    sources += [path for name in ("models", "macros", "tests") for path in (folder / name).rglob("*") if path.is_file()]
    return max(path.stat().st_mtime for path in sources if path.exists())
