"""Fixtures shared by every test."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from shopsight.settings import REPO_ROOT, Settings, tool_environment

TESTS = Path(__file__).parent
HANDED_OUT_FIRST = (
    "end_to_end/test_demo.py",
    "integration/test_dbt_incremental.py",
    "integration/test_recommender_training.py",
    "integration/test_dbt_analytics.py",
    "end_to_end/test_web_ui.py",
    "end_to_end",
    "integration",
)
"""What the workers begin with: the demo, on which others wait, then the longest files; unit tests fill up the end."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of this run's demo; workers inherit the variable that names it."""
    if not hasattr(config, "workerinput"):
        os.environ["DEMO_OF_THIS_TEST_RUN"] = tempfile.mkdtemp(prefix="shopsight-demo-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove it once every worker is done: some 200 MB."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop("DEMO_OF_THIS_TEST_RUN"), ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order whole files, so that no worker is left alone with a long one at the end."""

    def place(item: pytest.Item) -> int:
        file = item.path.relative_to(TESTS).as_posix()
        return next((n for n, begin in enumerate(HANDED_OUT_FIRST) if file.startswith(begin)), len(HANDED_OUT_FIRST))

    items.sort(key=place)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a fresh, empty home; every tool below is pointed at it."""
    monkeypatch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
    settings = Settings(home=tmp_path / "home", training_size="tiny", sample_size="tiny")
    for name, value in tool_environment(settings).items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; tests that need it are skipped where it is absent."""
    folder = REPO_ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real data: the folder ../shared/data beside the checkout is absent")
    return folder


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """The folder of cases with known answers beside the checkout; tests that need it are skipped where it is absent."""
    folder = REPO_ROOT.parent / "shared" / "cases" / "data"
    if not folder.is_dir():
        pytest.skip("no cases: the folder ../shared/cases/data beside the checkout is absent")
    return folder
