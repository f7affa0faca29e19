"""The process of a toy that may have a defect."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from swaps.toy import ToyProcess

from shopsight.settings import Settings, child_environment

NURSERY = Path(__file__).with_name("nursery.py")
OPEN_SECONDS = 180.0


@contextmanager
def nursery(settings: Settings) -> Iterator[type["CanaryProcess"]]:
    """Keep a nursery for the processes of a home, and yield what makes them."""
    path = settings.home / "nursery.sock"
    path.parent.mkdir(parents=True, exist_ok=True)
    environment = child_environment(settings) | {"OPENBLAS_NUM_THREADS": "1", "OTEL_SDK_DISABLED": "true"}
    keeper = subprocess.Popen([sys.executable, str(NURSERY), str(path)], env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + OPEN_SECONDS
        while not path.exists():
            assert keeper.poll() is None, "the nursery ended"
            assert time.monotonic() < deadline, "the nursery did not open"
            time.sleep(0.1)
        yield type("BornHere", (CanaryProcess,), {"nursery_path": str(path)})
    finally:
        keeper.kill()
        keeper.wait()


class CanaryProcess(ToyProcess):
    """Serves such a toy, out of a nursery."""

    nursery_path = ""

    def command(self, descriptor: int) -> list[str]:
        """Return the command that serves the model on a socket."""
        model = self.settings.bentoml_dir / "models" / self.bento.family / self.bento.path.name
        return [sys.executable, "-S", "-E", str(NURSERY), self.nursery_path, str(model), str(descriptor)]
