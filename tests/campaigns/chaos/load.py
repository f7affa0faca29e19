"""Clients that ask each service without a pause, and note every answer."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from cli.demo import first_call
from shopsight.families import FAMILIES
from shopsight.settings import Settings

PAUSE_SECONDS = 0.1


@dataclass
class Load:
    """One client per family; :meth:`stop` ends them all."""

    settings: Settings
    shopper: str
    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: {family: Counter() for family in FAMILIES})
    """By family: how often each status came, or the name of the error where no answer did."""
    answered: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: {family: [] for family in FAMILIES})
    """By family: when each 200 came, on the clock of the wall, and the id that the prediction log has of it."""

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(family,), daemon=True) for family in FAMILIES]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the requests in flight end."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, family: str) -> None:
        call = first_call(self.settings, FAMILIES[family], self.shopper)
        with httpx.Client(timeout=15) as client:
            while not self._stopping.wait(PAUSE_SECONDS):
                try:
                    answer = client.post(call.url, json=call.body)
                except httpx.HTTPError as error:
                    self.outcomes[family][type(error).__name__] += 1
                    continue
                self.outcomes[family][str(answer.status_code)] += 1
                if answer.status_code == 200:
                    document = answer.json()
                    id_ = document.get("prediction_id") or document.get("recommendation_id")
                    self.answered[family].append((time.time(), id_))
