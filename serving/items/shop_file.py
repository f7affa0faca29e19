"""A file that the shop writes for its lists: read again when it changes; where it is wrong, what was in force stays."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from shopsight.errors import ShopsightError
from shopsight.whole_files import FileVersion, version_of

Book = TypeVar("Book")

LOOK_AGAIN_SECONDS: Final = 1.0
"""How long a look at the file is good for."""


class ShopFile(Generic[Book]):
    """Called for what the file says now, or said last where it is broken; a shop need not have the file."""

    def __init__(
        self,
        path: Path,
        read: Callable[[Path], Book],
        *,
        what: str,
        absent: Book,
        seconds_now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make one.

        Args:
            path: the file.
            read: reads it, and raises a :class:`ShopsightError` where it is not valid.
            what: what it has, such as ``rules``.
            absent: what is in force where there is no file.
            seconds_now: a clock that only goes on.
        """
        self.failure: str | None = None
        """Why the file as it is now is not in force, or None while it is."""
        self._path = path
        self._read = read
        self._what = what
        self._absent = absent
        self._seconds_now = seconds_now
        self._lock = threading.Lock()
        self._look_again = float("-inf")
        self._seen: FileVersion | None = None
        self._book = absent

    def __call__(self) -> Book:
        """Return what is in force; the file is looked at once a second."""
        with self._lock:
            now = self._seconds_now()
            if now >= self._look_again:
                self._look_again = now + LOOK_AGAIN_SECONDS
                self._look()
            return self._book

    def _look(self) -> None:
        seen = version_of(self._path)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._book = self._absent if seen is None else self._read(self._path)
        except ShopsightError as error:
            self.failure = f"{error.what} The {self._what} of before stay in force. {error.why}"
            return
        self.failure = None
