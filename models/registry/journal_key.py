"""The key of the registry's journal: a setting, or a file that is made with the first record."""

from dataclasses import dataclass
from pathlib import Path

from shopsight.errors import ShopsightError
from shopsight.key_files import key_of


class JournalKeyError(ShopsightError):
    """The key of the journal is not there."""


@dataclass(frozen=True, kw_only=True)
class JournalKey:
    """Where the key is; whoever has it can write records, so the setting may keep it out of the home."""

    file: Path
    """Read where nothing was ``given``."""
    given: bytes | None = None

    def read(self) -> bytes | None:
        """Return the key, or None where there is none yet."""
        if self.given is not None:
            return self.given
        return self._read() if self.file.exists() else None

    def read_or_make(self, *, first: bool) -> bytes:
        """Return the key; one is made only for the ``first`` record that is written with it.

        Raises:
            JournalKeyError: it is gone, and the journal needs the one that it has.
        """
        key = self.read()
        if key is not None:
            return key
        if not first:
            raise self.missing()
        return self._read()

    def missing(self) -> JournalKeyError:
        """Return the error of a journal that was written with a key which is not there."""
        return self._unusable("it is not there, and the journal was written with it")

    def _read(self) -> bytes:
        try:
            return key_of(self.file)
        except OSError as error:
            raise self._unusable(str(error)) from error

    def _unusable(self, why: str) -> JournalKeyError:
        return JournalKeyError(
            f"Cannot read the key of the model registry, {self.file}.",
            why=why,
            fix="restore it from a backup, or set SHOPSIGHT_REGISTRY_KEY if that is where it was",
        )
