"""What the end-to-end tests share: a finished demo, and the environment of a user who may reach this machine only."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from cli.app import app
from shopsight.settings import Settings, tool_environment

SHOPSIGHT = str(Path(sys.executable).with_name("shopsight"))


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    """A finished ``shopsight demo --size tiny``."""

    settings: Settings
    environment: dict[str, str]
    output: str
    refused: list[str]
    """Addresses outside this machine that some process tried to reach."""
    untouched: Path
    """A copy of the home as the demo left it, without training sets: other tests may be changing the home itself."""

    def call(self, *arguments: str, **overrides: str) -> subprocess.CompletedProcess[str]:
        """Run another command on the demo's home, in this process, with some variables changed."""
        return call(self.environment | overrides, *arguments)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command on the demo's home as its user does: in a process of its own."""
        return run(self.environment, *arguments)


def finished_demo(folder: Path) -> DemoRun:
    """Return the tiny demo that was run in ``folder``, after running it where it was not."""
    record = folder / "finished.json"
    if not record.exists():
        environment = environment_of(settings_of(folder / "home"), folder)
        finished = run(environment, "demo", "--size", "tiny")
        assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-6000:]
        shutil.copytree(folder / "home", folder / "untouched", ignore=shutil.ignore_patterns("training"))
        log = folder / "refused.log"
        refused = log.read_text().splitlines() if log.exists() else []
        record.write_text(json.dumps({"environment": environment, "output": finished.stdout, "refused": refused}))
    demo = json.loads(record.read_text())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in demo["environment"].items():
            patch.setenv(name, value)
        return DemoRun(settings=Settings(), untouched=folder / "untouched", **demo)


def call(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a ``shopsight`` command in this process: one of its own costs five seconds of imports."""
    done = CliRunner().invoke(app, arguments, env=environment, catch_exceptions=False)
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def run(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a ``shopsight`` command in a process of its own."""
    return subprocess.run(
        [SHOPSIGHT, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=580
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment_of(settings: Settings, folder: Path) -> dict[str, str]:
    """Return the environment of a user who set nothing but shopsight's own variables.

    Every Python process that inherits it may reach this machine only, and notes what else it tried in
    ``folder/refused.log``.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SHOPSIGHT_", "DAGSTER_", "BENTOML_"))
    }
    # Outside the checkout, or services, which are kept from importing it, would lose the guard, too.
    guard = shutil.copytree(Path(__file__).with_name("loopback_only"), folder / "loopback_only", dirs_exist_ok=True)
    # A wide terminal keeps tables on one line.
    return (
        environment
        | tool_environment(settings)
        | {"PYTHONPATH": str(guard), "LOOPBACK_ONLY_LOG": str(folder / "refused.log"), "COLUMNS": "200"}
    )


def settings_of(home: Path) -> Settings:
    """Return the settings of a tiny shop whose services listen where nothing else does."""
    settings = Settings(
        home=home,
        training_size="tiny",
        sample_size="tiny",
        pseudonym_key=SecretStr("a key for tests only"),
    )
    return settings.model_copy(update={name: free_port() for name in Settings.model_fields if name.endswith("_port")})
