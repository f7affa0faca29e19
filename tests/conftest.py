"""Fixtures shared by every test."""

from pathlib import Path

import pytest

from shopsight.settings import REPO_ROOT, Settings, tool_environment


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
