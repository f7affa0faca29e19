"""A home for tests that run dbt on a log of their own."""

import shutil
from pathlib import Path

import pytest

from shopsight.settings import Settings, tool_environment


@pytest.fixture(scope="session")
def parsed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where dbt's parse of the project is kept between tests."""
    return tmp_path_factory.mktemp("parsed") / "partial_parse.msgpack"


@pytest.fixture
def dbt_home(parsed_project: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with an empty home, in which dbt finds the parse that an earlier test left: that takes it six seconds.

    dbt trusts a parse only where the environment is the same, and that names the home: so the path is, too.
    """
    monkeypatch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
    settings = Settings(home=parsed_project.with_name("home"), training_size="tiny", sample_size="tiny")
    for name, value in tool_environment(settings).items():
        monkeypatch.setenv(name, value)
    parsed = settings.warehouse_path.parent / "dbt_target" / parsed_project.name
    if parsed.exists():
        shutil.copy(parsed, parsed_project)
    shutil.rmtree(settings.home, ignore_errors=True)
    if parsed_project.exists():
        parsed.parent.mkdir(parents=True)
        shutil.copy(parsed_project, parsed)
    return settings
