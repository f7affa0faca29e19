"""How far a journal goes, and the witness beside its key: the head of the journal when its last record was written.

A journal whose end was cut off is intact by itself. The witness lies in another folder and is sealed with the
journal's key, so that the journal alone cannot be set back.
"""

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from shopsight.whole_files import replaced


@dataclass(frozen=True)
class JournalHead:
    """What stands for a whole journal: its length and the hash of its last record."""

    records: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> "JournalHead":
        """Return the head that :meth:`__str__` wrote.

        Raises:
            ValueError: it did not.
        """
        records, colon, last = text.partition(":")
        if not colon:
            raise ValueError(f"{text!r} is no head of a journal")
        return cls(int(records), last)

    def __str__(self) -> str:
        """Return it as one word."""
        return f"{self.records}:{self.hash}"


@dataclass(frozen=True)
class JournalWitness:
    """The file with the head; a journal that was not written to since there are witnesses has none."""

    file: Path

    def read(self) -> bytes | None:
        """Return what the file says, unproved, or None where there is none.

        It is read before the journal: a record of the meantime then only makes the journal longer.
        """
        try:
            return self.file.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, head: JournalHead, key: bytes) -> None:
        """Note how far the journal goes now; a writer that is killed before leaves an earlier head, which holds too."""
        with replaced(self.file) as staging:
            staging.write_bytes(_sealed(head, key))


def proved_head(content: bytes, key: bytes) -> JournalHead | None:
    """Return the head that a witness holds, or None where it is not what was written with this key."""
    try:
        head = JournalHead.parse(content.decode("ascii").partition(" ")[0])
    except ValueError:
        return None
    return head if hmac.compare_digest(_sealed(head, key), content) else None


def _sealed(head: JournalHead, key: bytes) -> bytes:
    seal = hmac.new(key, f"the journal's head is {head}".encode(), hashlib.sha256).hexdigest()
    return f"{head} {seal}\n".encode()
