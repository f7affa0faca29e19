"""The API keys in force in this process: those of the file as it is now, or the last good ones where it is broken."""

import hmac
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from shopsight.api_keys import ApiKey, KeyUses, UnusableKeysError, hash_of, read_keys
from shopsight.clock import utc_now
from shopsight.settings import Settings
from shopsight.whole_files import FileVersion, version_of

LOOK_AGAIN_SECONDS: Final = 0.5
"""How long a look at the file is good for."""
NOTE_AGAIN_SECONDS: Final = 60.0
"""How often the last use of a key is written down."""


class KeyRing:
    """Knows whose key a request shows."""

    def __init__(self, settings: Settings, *, seconds_now: Callable[[], float] = time.monotonic) -> None:
        self.failure: str | None = None
        """Why the file as it is now is not in force, or None while it is."""
        self.uses_failure: str | None = None
        """Why the last uses cannot be written down, or None while they are."""
        self._path: Path = settings.api_keys_path
        self._uses = KeyUses(settings)
        self._seconds_now = seconds_now
        self._look_again = float("-inf")
        self._seen: FileVersion | None = None
        self._keys: tuple[tuple[bytes, ApiKey], ...] | None = None
        self._note_again: dict[str, float] = {}

    @property
    def in_force(self) -> bool:
        """Whether keys are asked for: from the moment on at which a file was there, whatever becomes of it."""
        return self._keys is not None or self.failure is not None

    @property
    def usable(self) -> bool:
        """Whether anything is known of the keys: a file that was broken from the start says nothing."""
        return self._keys is not None

    def look(self) -> None:
        """Take the file up where it has changed; it is looked at twice a second, however many ask."""
        now = self._seconds_now()
        if now < self._look_again:
            return
        self._look_again = now + LOOK_AGAIN_SECONDS
        try:
            seen = version_of(self._path)
        except OSError as error:
            self._fail(f"{self._path} cannot be looked at: {error.strerror or error}.")
            return
        if seen is None:
            if self.in_force:
                self._fail(f"{self._path} is missing.")
            return
        if seen == self._seen:
            return
        try:
            keys = read_keys(self._path)
        except UnusableKeysError as error:
            self._fail(f"{error.what}: {error.why}.")
            return
        self._keys = tuple((bytes.fromhex(key.hash), key) for key in keys)
        self._seen, self.failure = seen, None

    def holder(self, secret: str) -> ApiKey | None:
        """Return the stored key that a request shows, or None; every hash is compared, each in constant time."""
        digest = hash_of(secret)
        matches = [key for stored, key in self._keys or () if hmac.compare_digest(stored, digest)]
        return matches[0] if matches else None

    def note_use(self, key: ApiKey) -> None:
        """Write down that a key was used, once a minute at most; a failure costs no request."""
        now = self._seconds_now()
        if now < self._note_again.get(key.name, float("-inf")):
            return
        self._note_again[key.name] = now + NOTE_AGAIN_SECONDS
        try:
            self._uses.note(key.name, self._now())
        except OSError as error:
            self.uses_failure = f"last uses are not written down: {error.strerror or error}"
        else:
            self.uses_failure = None

    def notes(self) -> list[str]:
        """Return what is amiss, for ``/readyz``."""
        self.look()
        return [f"API keys: {note}" for note in (self.failure, self.uses_failure) if note is not None]

    @staticmethod
    def _now() -> datetime:
        return utc_now()

    def _fail(self, why: str) -> None:
        so = "The keys of before stay in force." if self.usable else "No request is answered until it is mended."
        self.failure = f"{why} {so}"
        self._seen = None  # it is read again at every look: a right that was given changes neither time nor size
