"""What the end-to-end tests share: a finished demo, and the environment of a user who may reach this machine only."""

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

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

    def call(self, *arguments: str, **overrides: str) -> subprocess.CompletedProcess[str]:
        """Run another ``shopsight`` command on the demo's home, with some variables changed."""
        environment = self.environment | overrides
        return subprocess.run(
            [SHOPSIGHT, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=300
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
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("SHOPSIGHT_", "DAGSTER_", "BENTOML_"))
    }
    # Outside the checkout, or services, which are kept from importing it, would lose the guard, too.
    guard = shutil.copytree(Path(__file__).with_name("loopback_only"), folder / "loopback_only", dirs_exist_ok=True)
    # A wide terminal keeps tables on one line.
    return (
        kept
        | tool_environment(settings)
        | {"PYTHONPATH": str(guard), "LOOPBACK_ONLY_LOG": str(folder / "refused.log"), "COLUMNS": "200"}
    )


def settings_of(home: Path) -> Settings:
    return Settings(
        home=home,
        training_size="tiny",
        sample_size="tiny",
        pseudonym_key=SecretStr("a key for tests only"),
        dagster_port=free_port(),
        intent_port=free_port(),
        recommendation_port=free_port(),
        propensity_port=free_port(),
        reports_port=free_port(),
    )
