"""One thread that does work for many callers at once: while it does what came, what comes next gathers."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

IDLE_SECONDS: Final = 1.0
"""How often it is looked whether something else is due, while nothing comes."""

Asked = TypeVar("Asked")
Given = TypeVar("Given")

log = logging.getLogger(__name__)


class GroupError(Exception):
    """Something that no member of a group is to blame for: all of them hear of it."""


class StoppedError(GroupError):
    """It was asked after the end."""


def do_nothing() -> None:
    """Do nothing."""


class Gathering(Generic[Asked, Given]):
    """Work whose cost hardly depends on how much of it is done at once."""

    def __init__(
        self,
        work: Callable[[Sequence[Asked]], Sequence[Given]],
        *,
        name: str,
        max_size: int,
        size_of: Callable[[Asked], int],
        now_and_then: Callable[[], None] = do_nothing,
    ) -> None:
        """Begin.

        Args:
            work: returns the result of each of a group. What it raises is a single member's fault, which is found by
                trying each alone, unless it is a :class:`GroupError`.
            name: of the thread.
            max_size: how much is done at once; a larger one is done alone.
            size_of: how much one is.
            now_and_then: called after each group, and every :data:`IDLE_SECONDS` without one.
        """
        self._work = work
        self._max_size = max_size
        self._size_of = size_of
        self._now_and_then = now_and_then
        self._waiting: deque[tuple[Asked, Future[Given]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def take(self, one: Asked) -> "Future[Given]":
        """Return what will be the result; a :class:`StoppedError` after the end."""
        taken: Future[Given] = Future()
        with self._changed:
            if self._closed:
                taken.set_exception(StoppedError("the collector has stopped"))
                return taken
            self._waiting.append((one, taken))
            self._changed.notify()
        return taken

    def close(self) -> None:
        """Do what was taken, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            group = self._next_group()
            if group is None:
                return
            if group:
                self._serve(group)
            self._now_and_then()

    def _next_group(self) -> "list[tuple[Asked, Future[Given]]] | None":
        """Return the next group, an empty one where nothing came for a while, or None at the end."""
        with self._changed:
            if not self._waiting and not self._closed:
                self._changed.wait(IDLE_SECONDS)
            group: list[tuple[Asked, Future[Given]]] = []
            size = 0
            while self._waiting and (not group or size + self._size_of(self._waiting[0][0]) <= self._max_size):
                one, taken = self._waiting.popleft()
                if taken.set_running_or_notify_cancel():  # else who asked has stopped waiting
                    group.append((one, taken))
                    size += self._size_of(one)
            return None if self._closed and not group and not self._waiting else group

    def _serve(self, group: "list[tuple[Asked, Future[Given]]]") -> None:
        try:
            results = self._work([one for one, _ in group])
        except GroupError as error:
            for _, taken in group:
                taken.set_exception(error)
            return
        except Exception as error:
            if len(group) > 1:  # whatever it is, the others must not pay for it
                for one in group:
                    self._serve([one])
                return
            log.exception("%s failed", self._thread.name)
            group[0][1].set_exception(error)
            return
        for (_, taken), result in zip(group, results, strict=True):
            taken.set_result(result)
