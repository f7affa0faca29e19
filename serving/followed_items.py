"""What a service makes of the shop's items, kept up with the export and with what the shop says in between."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Generic, TypeVar

import pyarrow as pa

from shopsight.live_items import LiveItem, LiveItems
from shopsight.marts import mart_file
from shopsight.whole_files import FileVersion, version_of

LOOK_AGAIN_SECONDS: Final = 1.0
"""How often it is looked whether there is another export, while requests come."""

Made = TypeVar("Made")


class FollowedItems(Generic[Made]):
    """Called for what is made of the items as they are now.

    Another export is read beside the requests, for it may take a second. What was said since is taken up by the request
    that comes next; it stays in its file for a minute after an export has it.
    """

    def __init__(
        self,
        export: Path,
        live: Path,
        *,
        read: Callable[[Path | None], Made],
        over: Callable[[Made, Mapping[str, LiveItem]], Made],
        seconds_now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the export; one that cannot be read is as none, and stands in :attr:`failure`.

        Args:
            export: the name of the mart ``items``, which need not be there.
            live: the file of live items, which need not be there.
            read: makes something of an export, or of none.
            over: returns what was made with live items put over it.
            seconds_now: a clock that nobody sets.
        """
        self.failure: str | None = None
        """Why the export as it is now is not in use, or None while it is."""
        self._export = export
        self._live = LiveItems(live)
        self._live_items: Mapping[str, LiveItem] = {}
        self._read_export = read
        self._over = over
        self._seconds_now = seconds_now
        self._lock = threading.Lock()
        self._look_again = self._seconds_now() + LOOK_AGAIN_SECONDS
        self._seen: FileVersion | None = None
        self._exported = self._made = read(None)
        self._in_force: FileVersion | None = None
        self.look()

    def __call__(self) -> Made:
        """Return what is made of the items."""
        if self._live.version() != self._in_force:
            with self._lock:
                if self._live.version() != self._in_force:
                    self._compose()
        now = self._seconds_now()
        if now >= self._look_again:
            self._look_again = now + LOOK_AGAIN_SECONDS
            threading.Thread(target=self.look, name="reading items", daemon=True).start()
        return self._made

    def look(self) -> None:
        """Read the export where there is another one."""
        try:
            path = mart_file(self._export)
            seen = version_of(path)
            if seen == self._seen:
                return
            exported = self._read_export(None if seen is None else path)
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            self.failure = f"{self._export} cannot be read; the items of before stay in use: {error}"
            return
        with self._lock:
            self._exported, self._seen, self.failure = exported, seen, None
            self._compose()

    def _compose(self) -> None:
        seen = self._live.version()
        try:
            self._live_items, self._in_force = self._live.read(), seen
        except OSError as error:
            self.failure = f"live items cannot be read, those of before stay in use: {error}"
        self._made = self._over(self._exported, self._live_items)
