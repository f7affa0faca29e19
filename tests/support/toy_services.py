"""The services over real sockets, each family's around a small model: all of a Bento's worker but the Bento.

``python tests/support/toy_services.py SERVICE HOME PORT`` serves one until it is told to stop.
"""

import contextlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from approved_toys import toys
from running import free_port

from shopsight.settings import REPO_ROOT, Settings, child_environment

ALL: Final = ("recommender", "intent", "purchase_intent", "churn", "search", "next_best_action", "collector")
START_SECONDS: Final = 90


@contextlib.contextmanager
def toy_services(home: Path, names: Sequence[str] = ALL) -> Iterator[dict[str, int]]:
    """Serve some services out of ``home``; yield their ports.

    Each has the defects of :mod:`edge.defects` in it, which act where a request asks for one.

    Args:
        home: an empty folder.
        names: of families, and the collector; all of them start at once.
    """
    settings = Settings(home=home)
    environment = child_environment(settings) | {"SHOPSIGHT_PSEUDONYM_KEY": "a key for tests only"}
    environment["PROMETHEUS_MULTIPROC_DIR"] = str(home)  # BentoML's supervisor sets it
    environment["PYTHONPATH"] = ":".join(str(REPO_ROOT / "tests" / part) for part in ("support", "campaigns"))
    ports = {name: free_port() for name in names}
    with contextlib.ExitStack() as stack:
        for name, port in ports.items():
            command = [sys.executable, __file__, name, str(home), str(port)]
            log = stack.enter_context((home / f"{name}.log").open("wb"))
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
        for name, port in ports.items():
            _wait_until_ready(port, home / f"{name}.log")
        yield ports


def _wait_until_ready(port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.1)


def _serve(name: str, home: Path, port: int) -> None:
    import uvicorn
    from edge.defects import planted

    from serving import app
    from shopsight import families

    if name in families.FAMILIES:
        folder = home / "toys" / name
        getattr(toys(), f"write_{name}")(folder)
        model = toys().served(name, folder)
        app.champion = lambda: model
    served = families.resolve(families.SERVICES[name].service).to_asgi()
    uvicorn.run(planted(served), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    _serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
