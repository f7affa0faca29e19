"""A file that the shop writes for its lists: read whole, every wrong line named, and again when it changes."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from shopsight.errors import ShopsightError
from shopsight.whole_files import FileVersion, version_of

Book = TypeVar("Book")
Model = TypeVar("Model", bound=BaseModel)

LOOK_AGAIN_SECONDS: Final = 1.0
"""How long a look at the file is good for."""


def read_book(book: type[Model], path: Path, *, what: str, page: str, error: type[ShopsightError]) -> Model:
    """Read a YAML file; an empty one is the book's defaults.

    Args:
        book: what the file is read as.
        path: the file.
        what: what it has, such as ``rules``.
        page: of the documents, which shows each kind of line.
        error: what is raised.

    Raises:
        ShopsightError: as ``error``; the file cannot be read, or is not valid.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as cause:
        fix = f"mend the file; {page} has one"
        raise error(f"The {what} in {path} cannot be read.", why=str(cause), fix=fix) from cause
    try:
        return book.model_validate(content if content is not None else {})
    except ValidationError as cause:
        wrong = "; ".join(f"{_where(one['loc'], content)}: {one['msg']}" for one in cause.errors())
        fix = f"mend these lines; {page} has each kind"
        raise error(f"The {what} in {path} are not valid.", why=wrong, fix=fix) from cause


def _where(place: Sequence[str | int], content: Any) -> str:
    """Return the place of an error with the names that people look for, such as a rule's, in place of numbers."""
    parts: list[str] = []
    for part in place:
        try:
            content = content[part]
        except (KeyError, TypeError, IndexError):
            content = None
        if isinstance(part, int) and not isinstance(content, str):
            kind = parts.pop().removesuffix("s") if parts else "line"
            name = content.get("name") if isinstance(content, dict) else None
            parts.append(f"{kind} {name!r}" if isinstance(name, str) else f"{kind} number {part + 1}")
        else:
            parts.append(str(part))
    return ".".join(parts) or "the file"


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
