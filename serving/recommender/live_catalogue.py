"""The champion's catalogue as the shop has it now: stock, prices and names of the warehouse's newest export.

A model knows its items as they were when it was trained. The warehouse writes the mart ``items`` after every build, by
one rename, so that a running service takes the new state up whole and needs no training for it.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from models.recommender.catalogue import ITEM_STATE, Catalogue
from shopsight.marts import mart_file
from shopsight.whole_files import FileVersion, version_of

LOOK_AGAIN_SECONDS: Final = 1.0
"""How long a look at the file is good for."""


class LiveCatalogue:
    """Called for the catalogue as it is now; the last state that could be read stays where a later one cannot."""

    def __init__(self, trained: Catalogue, path: Path, *, seconds_now: Callable[[], float] = time.monotonic) -> None:
        """Make one; ``trained`` is the model's own catalogue, ``path`` the name of the mart ``items``."""
        self.failure: str | None = None
        """Why the state is not that of the export as it is now, or None while it is."""
        self._catalogue = trained
        self._path = path
        self._seconds_now = seconds_now
        self._lock = threading.Lock()
        self._look_again = float("-inf")
        self._read: FileVersion | None = None

    def __call__(self) -> Catalogue:
        """Return the catalogue; the file is looked at once a second, by one request while the others go on."""
        if self._seconds_now() >= self._look_again and self._lock.acquire(blocking=False):
            try:
                self._look()
                self._look_again = self._seconds_now() + LOOK_AGAIN_SECONDS
            finally:
                self._lock.release()
        return self._catalogue

    def _look(self) -> None:
        try:
            path = mart_file(self._path)
        except (OSError, ValueError, KeyError) as error:
            self.failure = f"{self._path} cannot be read; the stock and prices of before stay in force: {error}"
            return
        seen = version_of(path)
        if seen is None:
            self.failure = f"{self._path} is missing; stock and prices are those of the last one, or of the training"
            return
        if seen == self._read:
            self.failure = None
            return
        try:
            # Not read_table: it imports pandas where that is installed, and the Bento need not carry it.
            items = pq.ParquetFile(path).read(columns=["item_id", *ITEM_STATE])
            catalogue = self._catalogue.with_items(items)
        except (OSError, KeyError, pa.ArrowException) as error:
            self.failure = f"{self._path} cannot be read; the stock and prices of before stay in force: {error}"
            return
        if len(catalogue) and not catalogue.listed.any():
            self.failure = f"{self._path} has none of the model's items; the stock and prices of before stay in force"
            return
        self._catalogue, self._read, self.failure = catalogue, seen, None
