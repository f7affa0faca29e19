"""Keeps the rules in force that the shop's file has now, over the items that there are now."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from models.catalogue import Catalogue
from serving.items.rules import RuleBook, RulesInForce
from serving.items.shop_file import ShopFile


class RulesFile:
    """Called for the rules in force; a shop without a file has none, which is no failure."""

    def __init__(
        self, path: Path, catalogue: Callable[[], Catalogue], *, seconds_now: Callable[[], float] = time.monotonic
    ) -> None:
        """Make one; ``catalogue`` says which items there are now, and which of them a rule is about."""
        self._book = ShopFile(path, RuleBook.read, what="rules", absent=RuleBook(), seconds_now=seconds_now)
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._rules = RulesInForce(RuleBook(), catalogue())

    def __call__(self) -> RulesInForce:
        """Return the rules in force; the file is looked at once a second."""
        with self._lock:
            book, catalogue = self._book(), self._catalogue()
            if book is not self._rules.book or catalogue is not self._rules.catalogue:
                self._rules = RulesInForce(book, catalogue)
            return self._rules

    @property
    def failure(self) -> str | None:
        """Why the file as it is now is not in force, or None while it is."""
        return self._book.failure

    @property
    def warnings(self) -> list[str]:
        """What the rules in force name that the catalogue has not, a sentence each."""
        return self._rules.warnings
