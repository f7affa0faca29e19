"""One tiny demo, run once with the network refused, that every end-to-end test looks at."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest
from running import SHOPSIGHT, DemoRun, environment_of, settings_of

from shopsight.settings import Settings, tool_environment


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoRun]:
    folder = tmp_path_factory.mktemp("demo")
    settings = settings_of(folder / "home")
    environment = environment_of(settings, folder)
    finished = subprocess.run(
        [SHOPSIGHT, "demo", "--size", "tiny"], env=environment, capture_output=True, text=True, check=False, timeout=580
    )
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-6000:]
    log = folder / "refused.log"
    yield DemoRun(
        settings=settings,
        environment=environment,
        output=finished.stdout,
        refused=log.read_text().splitlines() if log.exists() else [],
    )
    shutil.rmtree(folder / "home", ignore_errors=True)


@pytest.fixture
def demo_home(demo: DemoRun, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The demo's settings, for what is asked of its home in this process: a command costs five seconds of imports."""
    for name, value in tool_environment(demo.settings).items():
        monkeypatch.setenv(name, value)
    return demo.settings
