"""The block ``recommendations``: lists for known shoppers, with their features read through Feast."""

import itertools
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import psutil

from benchmarks.recommend_latency import percentiles, times_ms
from benchmarks.serving.bare import opened
from benchmarks.serving.home import SHOPPERS, ServedShop, free_port, served_shop
from benchmarks.serving.load import Answers, ask
from models.recommender.predict import HistoryEvent
from serving.recommender.desk import FAMILY
from shopsight.settings import child_environment

ROUTE: Final = "/v1/recommendations"
ITEMS: Final = 12_000
MANY_ITEMS: Final = 100_000
CLIENTS: Final = 16
LIST: Final = 10
ENDURANCE: Final = 50_000
"""Requests over which the memory of the service should stay flat."""
TURNS: Final = 4
"""That the service, the bare route and the bare model take."""
BARE_REQUESTS: Final = 250
"""Of the bare model, each turn."""


def measure(*, seconds: float) -> dict[str, Any]:
    """Return the figures of lists of ten for known shoppers.

    ``p50_ms`` and ``p99_ms`` are one client's, ``rps`` is of :data:`CLIENTS` clients. ``over_bare_model`` is the time
    that the service says it took over that of the bare feature read and model in this process; ``over_bare_http`` one
    client's time over that of the same desk behind a bare FastAPI route. Both ratios are of medians; the service, the
    bare route and the bare model take turns.

    Args:
        seconds: how long each load lasts.
    """
    with served_shop(items=ITEMS) as shop:
        port, warm = shop.settings.recommendation_port, min(seconds, 2.0)
        memory_before = _memory_mib(shop)
        _load(port, clients=2, seconds=warm)
        bare_model = _bare_model(shop)
        shoppers = np.random.default_rng(3).integers(SHOPPERS, size=(TURNS, BARE_REQUESTS)).tolist()
        took: list[float] = []
        ones, bares, bare_took = [], [], []
        with _bare_server(shop) as bare_port:
            _load(bare_port, clients=2, seconds=warm)
            for some in shoppers:
                ones.append(_load(port, clients=1, seconds=seconds / TURNS, server_ms=took))
                bares.append(_load(bare_port, clients=1, seconds=seconds / TURNS))
                bare_took += times_ms(bare_model, some)
        one, bare = _together(ones), _together(bares)
        server_ms, model_ms = percentiles(took), percentiles(bare_took)
        many = _load(port, clients=CLIENTS, seconds=seconds)
        memory_loaded = _memory_mib(shop)
        asked = 0
        while asked < ENDURANCE * min(seconds / 10.0, 1.0):
            asked += len(_load(port, clients=CLIENTS, seconds=seconds).took_ms)
        memory_after = _memory_mib(shop)
    with served_shop(items=MANY_ITEMS) as shop:
        port = shop.settings.recommendation_port
        _load(port, clients=2, seconds=warm)
        large = _load(port, clients=1, seconds=seconds)
    return {
        **one.figures(),
        "rps": many.figures()["rps"],
        "errors": one.errors + many.errors + large.errors,
        "items": ITEMS,
        "clients": CLIENTS,
        "many_clients": many.figures(),
        "server_ms": server_ms,
        "bare_model_ms": model_ms,
        "over_bare_model": round(server_ms["p50"] / model_ms["p50"], 2),
        "bare_http": bare.figures(),
        "over_bare_http": round(one.figures()["p50_ms"] / bare.figures()["p50_ms"], 2),
        "many_items": {"items": MANY_ITEMS, **large.figures()},
        "memory_mib": {"started": memory_before, "loaded": memory_loaded, "after": memory_after, "requests": asked},
    }


def _load(port: int, *, clients: int, seconds: float, server_ms: list[float] | None = None) -> Answers:
    """Ask; ``server_ms`` is given what the answers themselves say that they took."""

    def is_right(status: int, answer: bytes) -> bool:
        content = json.loads(answer)
        if server_ms is not None:
            server_ms.append(content["took_ms"])
        return status == 200 and content["user_known"] is True and len(content["items"]) == LIST

    return ask(port, ROUTE, clients=clients, seconds=seconds, body=_bodies(), is_right=is_right)


def _bodies() -> Callable[[], bytes]:
    shoppers = itertools.cycle(np.random.default_rng(2).permutation(SHOPPERS).tolist())
    return lambda: json.dumps({"user_id": f"shopper {next(shoppers)}", "num_results": LIST}).encode()


def _together(parts: list[Answers]) -> Answers:
    return Answers(
        seconds=sum(part.seconds for part in parts),
        took_ms=tuple(itertools.chain.from_iterable(part.took_ms for part in parts)),
        errors=sum(part.errors for part in parts),
    )


def _bare_model(shop: ServedShop) -> Callable[[int], None]:
    """Return what reads a shopper's features and asks the model, in this process."""
    desk = opened(shop.settings)
    recommender = desk.desk.recommender

    def work(shopper: int) -> None:
        user = desk.features.user(f"shopper {shopper}", FAMILY.feature_service)
        history = [
            HistoryEvent(item_id=item, event_name=name)
            for item, name in zip(user.item_ids, user.event_names, strict=True)
        ]
        recommender.recommend(history, num_results=LIST)

    return work


@contextmanager
def _bare_server(shop: ServedShop) -> Iterator[int]:
    port = free_port()
    environment = child_environment(shop.settings) | {"OPENBLAS_NUM_THREADS": "1"}
    server = subprocess.Popen([sys.executable, "-m", "benchmarks.serving.bare", str(port)], env=environment)
    try:
        deadline = time.monotonic() + 90
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the bare server did not start")
            time.sleep(0.2)
        yield port
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _memory_mib(shop: ServedShop) -> int:
    """Return the memory that is the service's alone, in MiB."""
    parent = psutil.Process(shop.recommender.process_id)
    processes = (parent, *parent.children(recursive=True))
    return round(sum(int(process.memory_full_info().uss) for process in processes) / 2**20)
