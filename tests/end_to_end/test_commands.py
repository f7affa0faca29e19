"""What a command says when something is in its way: what, why and the fix, never a traceback."""

import os
import subprocess
from pathlib import Path

import pytest

from shopsight.settings import REPO_ROOT

SHOPSIGHT = REPO_ROOT / ".venv" / "bin" / "shopsight"

pytestmark = pytest.mark.skipif(not SHOPSIGHT.exists(), reason="the command is not installed in .venv")


def call(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SHOPSIGHT_")}
    command, environment = [str(SHOPSIGHT), *arguments], environment | variables
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_home_is_the_working_folders_where_it_has_one(tmp_path: Path) -> None:
    (tmp_path / ".shopsight").mkdir()
    assert f"home      {tmp_path / '.shopsight'}" in call("status", folder=tmp_path).stdout
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert f"home      {REPO_ROOT / '.shopsight'}" in call("status", folder=elsewhere).stdout


def test_a_home_that_cannot_be_made_is_an_error_with_a_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = call("run", folder=tmp_path, SHOPSIGHT_HOME=str(tmp_path / "file" / "home"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "why" in done.stderr
    assert "fix" in done.stderr
    assert str(tmp_path / "file") in done.stderr


def test_a_bad_setting_is_one_line(tmp_path: Path) -> None:
    done = call("status", folder=tmp_path, SHOPSIGHT_INTENT_PORT="0")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "SHOPSIGHT_INTENT_PORT" in done.stderr


def test_the_fix_of_an_error_names_the_command_as_it_was_called(tmp_path: Path) -> None:
    done = call("approve", "churn", "--by", "Ada", "--reason", "a test", folder=tmp_path, SHOPSIGHT_HOME=str(tmp_path))
    assert done.returncode == 1
    assert f"`{SHOPSIGHT} run`" in done.stderr
