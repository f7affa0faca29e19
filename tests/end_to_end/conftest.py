"""One tiny demo a test run, with the network refused, that every end-to-end test looks at or copies."""

import os
from pathlib import Path

import pytest
from filelock import FileLock
from running import DemoRun, finished_demo

from shopsight.settings import Settings, tool_environment


@pytest.fixture(scope="session")
def demo() -> DemoRun:
    """The demo, run by the worker that asks first; the others wait for it. Every test run makes it anew.

    A test that changes the home for good takes a copy.
    """
    folder = Path(os.environ["DEMO_OF_THIS_TEST_RUN"])
    with FileLock(folder / "running.lock"):
        return finished_demo(folder)


@pytest.fixture
def demo_home(demo: DemoRun, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The demo's settings, for what is asked of its home without a command."""
    for name, value in tool_environment(demo.settings).items():
        monkeypatch.setenv(name, value)
    return demo.settings
