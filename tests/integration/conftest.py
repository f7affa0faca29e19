"""A home for tests that run dbt on a log of their own."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shopsight.settings import Settings, tool_environment


@pytest.fixture(scope="session")
def parsed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where dbt's parse of the project is kept between tests."""
    return tmp_path_factory.mktemp("parsed") / "partial_parse.msgpack"


@pytest.fixture(scope="session")
def emptied_home(parsed_project: Path) -> Callable[..., Settings]:
    """A function of a monkeypatch and settings that empties a home, in which dbt finds what an earlier test parsed.

    A parse takes dbt six seconds. It trusts one only where the environment is the same, and that names the home: so the
    path is always the same, too.
    """

    def emptied(patch: pytest.MonkeyPatch, **values: Any) -> Settings:
        patch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
        settings = Settings(home=parsed_project.with_name("home"), training_size="tiny", sample_size="tiny", **values)
        for name, value in tool_environment(settings).items():
            patch.setenv(name, value)
        parsed = settings.warehouse_path.parent / "dbt_target" / parsed_project.name
        if parsed.exists():
            shutil.copy(parsed, parsed_project)
        shutil.rmtree(settings.home, ignore_errors=True)
        if parsed_project.exists():
            parsed.parent.mkdir(parents=True)
            shutil.copy(parsed_project, parsed)
        return settings

    return emptied


@pytest.fixture
def dbt_home(emptied_home: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with an empty home that dbt does not have to parse the project anew for."""
    return emptied_home(monkeypatch)
