"""Keeps the rules in force that the shop's file has now, and the last good ones where the file is broken."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from models.recommender.catalogue import Catalogue
from serving.recommender.rules import RuleBook, RulesInForce, UnusableRulesError
from shopsight.whole_files import FileVersion, version_of

LOOK_AGAIN_SECONDS: Final = 1.0
"""How long a look at the file is good for."""


class RulesFile:
    """Called for the rules in force; a shop without a file has none, which is no failure."""

    def __init__(
        self, path: Path, catalogue: Callable[[], Catalogue], *, seconds_now: Callable[[], float] = time.monotonic
    ) -> None:
        """Make one; ``catalogue`` says which items there are now, and which of them a rule is about."""
        self.failure: str | None = None
        """Why the file as it is now is not in force, or None while it is."""
        self.warnings: list[str] = []
        """What the rules in force name that the catalogue has not, a sentence each."""
        self._path = path
        self._catalogue = catalogue
        self._seconds_now = seconds_now
        self._lock = threading.Lock()
        self._look_again = float("-inf")
        self._seen: FileVersion | None = None
        self._rules = RulesInForce(RuleBook(), catalogue())

    def __call__(self) -> RulesInForce:
        """Return the rules in force; the file is looked at once a second."""
        now = self._seconds_now()
        with self._lock:
            if now >= self._look_again:
                self._look_again = now + LOOK_AGAIN_SECONDS
                self._look()
            catalogue = self._catalogue()
            if catalogue is not self._rules.catalogue:
                self._take(self._rules.book, catalogue)
            return self._rules

    def _look(self) -> None:
        seen = version_of(self._path)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            book = RuleBook() if seen is None else RuleBook.read(self._path)
        except UnusableRulesError as error:
            self.failure = f"{error.what} The rules of before stay in force. {error.why}"
            return
        self.failure = None
        self._take(book, self._catalogue())

    def _take(self, book: RuleBook, catalogue: Catalogue) -> None:
        self._rules = RulesInForce(book, catalogue)
        self.warnings = self._rules.warnings
