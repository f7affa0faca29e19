"""What stands before a merge is one list: `make lint`, the commit hooks and the workflow run the same tools."""

import re
import tomllib
from typing import Any, Final

import pytest
import yaml

from shopsight.settings import REPO_ROOT

LINTERS: Final = ("ruff check", "ruff format", "mypy", "lint-imports", "sqlfluff lint", "codespell")


def project() -> dict[str, Any]:
    return tomllib.loads((REPO_ROOT / "pyproject.toml").read_text())


def read_yaml(path: str) -> Any:
    return yaml.safe_load((REPO_ROOT / path).read_text())


@pytest.mark.parametrize("linter", LINTERS)
def test_make_lint_runs_every_linter(linter: str) -> None:
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (REPO_ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert recipe is not None
    assert f"$(BIN)/{linter}" in recipe[1]


def test_every_hook_before_a_commit_is_local_and_runs_what_the_lock_file_pins() -> None:
    repositories = read_yaml(".pre-commit-config.yaml")["repos"]
    assert [one["repo"] for one in repositories] == ["local"], "no hook is fetched from another repository"
    own = [hook for hook in repositories[0]["hooks"] if hook["language"] == "system"]
    tools = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in own}
    assert tools == {"ruff", "mypy", "sqlfluff", "codespell"}
    assert tools <= {re.split(r"[<>=]", name)[0] for name in project()["project"]["optional-dependencies"]["dev"]}


def test_the_workflow_runs_the_whole_check_on_every_python_that_is_promised() -> None:
    job = read_yaml(".github/workflows/ci.yml")["jobs"]["check"]
    assert any(step.get("run") == ".ci/run" for step in job["steps"])
    promised = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project()["project"]["requires-python"])
    assert promised is not None
    first, beyond = int(promised[1]), int(promised[2])
    assert job["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(first, beyond)]


def test_a_warning_fails_a_test_and_each_exception_says_what_it_is_and_where_it_comes_from() -> None:
    first, *rules = project()["tool"]["pytest"]["ini_options"]["filterwarnings"]
    assert first == "error"
    named = re.compile(r"ignore:[^:]+:[\w.]+:[\w.]+")
    # A file that was left open is reported from wherever the collector runs: there is no module to name.
    left_open = re.compile(r"default::ResourceWarning|ignore:unclosed file [^:]+:ResourceWarning")
    assert [rule for rule in rules if not named.fullmatch(rule) and not left_open.fullmatch(rule)] == []


def test_mypy_reads_every_folder_of_python() -> None:
    folders = {path.parent.relative_to(REPO_ROOT).parts[0] for path in REPO_ROOT.glob("[a-z]*/**/*.py")}
    # dbt_project has stand-ins for sqlfluff, docs the hooks of its site; the others are built.
    assert folders - {"dbt_project", "docs", "site", "build", "dist"} == set(project()["tool"]["mypy"]["files"])
