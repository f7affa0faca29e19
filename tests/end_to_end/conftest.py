"""One tiny demo a test run, with the network refused, that every end-to-end test looks at or copies."""

import os

import pytest
from filelock import FileLock
from running import DemoRun, finished_demo

from shopsight.settings import Settings, tool_environment


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """The demo, run by the worker that asks first; the others wait for it. Every test run makes it anew.

    A test that changes the home for good takes a copy.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo"
    folder.mkdir(exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        return finished_demo(folder)


@pytest.fixture
def demo_home(demo: DemoRun, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The demo's settings, for what is asked of its home without a command."""
    for name, value in tool_environment(demo.settings).items():
        monkeypatch.setenv(name, value)
    return demo.settings
