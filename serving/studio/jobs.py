"""Answers that take longer than a page may: worked out one after the other beside the pages, and remembered."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

MAX_REMEMBERED: Final = 20
MAX_WAITING: Final = 5
"""How many may wait for their turn: one answer may take a processor for a minute."""


class TooManyJobsError(Exception):
    """So many answers are being worked out that another one has to wait."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """An answer that is being worked out, or is there."""

    future: "Future[Any]"
    started: float = field(default_factory=time.monotonic)

    @property
    def is_done(self) -> bool:
        """Whether the answer is there."""
        return self.future.done()

    @property
    def seconds(self) -> int:
        """How long ago it was asked for."""
        return int(time.monotonic() - self.started)


class Jobs:
    """Works answers out in one thread, so that two long ones do not take the machine from the services."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="studio-job")
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()
        self._lock = threading.Lock()

    def job(self, key: Hashable, work: Callable[[], Any]) -> Job:
        """Return the job of a key, begun where there is none yet.

        Args:
            key: names the answer and the data it is made of.
            work: works it out.

        Raises:
            TooManyJobsError: too many are waiting.
        """
        with self._lock:
            if key in self._jobs:
                self._jobs.move_to_end(key)
                return self._jobs[key]
            if sum(not job.is_done for job in self._jobs.values()) >= MAX_WAITING:
                raise TooManyJobsError
            job = self._jobs[key] = Job(future=self._worker.submit(work))
            for old in [one for one, job in self._jobs.items() if job.is_done][: -MAX_REMEMBERED or None]:
                if len(self._jobs) > MAX_REMEMBERED:
                    del self._jobs[old]
            return job
