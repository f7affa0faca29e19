"""The block ``intents``: what short texts want."""

import itertools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.intent_speed import TEXTS, prepared
from benchmarks.serving.home import free_port, packaged
from benchmarks.serving.load import Answers, ask
from shopsight.settings import Settings

ROUTE: Final = "/v1/intents"
CLIENTS: Final = 16


def measure(*, seconds: float) -> dict[str, Any]:
    """Return the figures of texts of three to eight words.

    ``p50_ms`` and ``p99_ms`` are one client's, of one text; ``rps`` is of :data:`CLIENTS` clients of one text each;
    ``texts_per_second`` of four clients that send sixteen at a time.

    Args:
        seconds: how long each load lasts.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), intent_port=free_port())
        artefact = Path(folder) / "drawn"
        artefact.mkdir()
        prepared(artefact)
        service = packaged(settings, "intent", artefact)
        service.start()
        try:
            service.wait_until_ready()
            port = settings.intent_port
            _load(port, 1, clients=2, seconds=min(seconds, 2.0))  # warm
            one = _load(port, 1, clients=1, seconds=seconds)
            many = _load(port, 1, clients=CLIENTS, seconds=seconds)
            batches = _load(port, len(TEXTS), clients=4, seconds=seconds)
        finally:
            service.stop()
    return {
        **one.figures(),
        "rps": many.figures()["rps"],
        "errors": one.errors + many.errors + batches.errors,
        "clients": CLIENTS,
        "many_clients": many.figures(),
        "batches": {"texts": len(TEXTS), **batches.figures()},
        "texts_per_second": round(len(TEXTS) * len(batches.took_ms) / batches.seconds),
    }


def _load(port: int, texts: int, *, clients: int, seconds: float) -> Answers:
    def is_right(status: int, answer: bytes) -> bool:
        return status == 200 and len(json.loads(answer)["intents"]) == texts

    return ask(port, ROUTE, clients=clients, seconds=seconds, body=_bodies(texts), is_right=is_right)


def _bodies(texts: int) -> Callable[[], bytes]:
    cycle = itertools.cycle(TEXTS)
    return lambda: json.dumps({"texts": list(itertools.islice(cycle, texts))}).encode()
