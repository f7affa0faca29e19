"""Keeps people out of the data: ids become keyed pseudonyms, mails and phone numbers leave the texts."""

import hashlib
import hmac
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopsight.errors import ShopsightError
from shopsight.identity import clean_id
from shopsight.key_files import key_of
from shopsight.settings import Settings

EMAIL: Final = r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}"
PHONE: Final = "|".join(
    (
        r"\+\d[\d ().\-/]{6,18}\d",  # +49 171 1234567
        r"\b00[1-9]\d{0,2}([ .\-]?\d{2,4}){2,4}\b",  # 0044 20 7946 0958
        r"\(0\d{1,4}\)[ .\-/]?\d{3,4}[ .\-]?\d{3,6}\b",  # (020) 7946 0958
        r"\b0\d{1,4}[ .\-/]?\d{3,4}[ .\-]?\d{3,6}\b",  # 030/1234567
        r"\b0\d([ .\-]?\d{2}){4}\b",  # 06 12 34 56 78
        r"\(\d{3}\)[ .\-]?\d{3}[ .\-]\d{4}\b",  # (555) 867-5309
        r"\b\d{3}[ .\-]\d{3}[ .\-]\d{4}\b",  # 555-867-5309
        r"\b1[3-9]\d{9}\b",  # Chinese mobile numbers
    )
)
"""Shapes of phone numbers. A bare run of digits that starts with 2 to 9 stays: in a
shop's search box it is an EAN or an article number."""

PSEUDONYM_LENGTH: Final = 16
"""Base32 characters kept of the HMAC: 80 bits, so that 100 million people collide with probability 4e-9."""

REMEMBERED: Final = 500_000
"""Pseudonyms of each kind that are kept for the next chunk, some 100 MB."""

BASE32: Final = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", np.uint8)


class PseudonymKeyError(ShopsightError):
    """The pseudonym key cannot be read or does not belong to this event log."""


class Pseudonymiser:
    """Turns raw ids into pseudonyms that only the holder of the key can recompute (HMAC-SHA256, RFC 2104)."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:
            raise PseudonymKeyError(
                f"the pseudonym key has {len(key)} bytes",
                why="a key under 16 bytes can be guessed, and every pseudonym with it",
                fix="set SHOPSIGHT_PSEUDONYM_KEY to 16 characters or more, or unset it to have a key made",
            )
        # Copying a keyed HMAC costs a fifth of making one; unique ids are the slowest part of an import.
        self._domains: dict[str, hmac.HMAC] = {
            prefix: hmac.new(key, domain, hashlib.sha256)
            for prefix, domain in {"u_": b"user\x00", "a_": b"anonymous\x00"}.items()
        }
        self._cache: dict[str, dict[str, str]] = {prefix: {} for prefix in self._domains}
        self.key_id = hmac.new(key, b"shopsight.key_id", hashlib.sha256).hexdigest()[:12]
        """Names the key without giving it away: batches record which key they were written with."""

    @classmethod
    def from_settings(cls, settings: Settings) -> "Pseudonymiser":
        """Use ``SHOPSIGHT_PSEUDONYM_KEY``, else the key under ``keys_dir``, which is made on first use."""
        if settings.pseudonym_key is not None:
            return cls(settings.pseudonym_key.get_secret_value().encode())
        return cls(_read_or_make_key(settings.keys_dir / "pseudonym.key"))

    def user(self, raw: str) -> str:
        """Pseudonym of a ``user_id``, in whichever spelling: ``u_`` and 16 base32 characters.

        A word for nobody gets the pseudonym of the empty text, under which imports keep nobody.
        """
        return self._pseudonyms("u_", [clean_id(raw, "user_id") or ""])[0]

    def anonymous(self, raw: str) -> str:
        """Pseudonym of an ``anonymous_id``; never equal to the same text's pseudonym as a user."""
        return self._pseudonyms("a_", [clean_id(raw, "anonymous_id") or ""])[0]

    def users(self, column: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
        """Pseudonymise a column of clean ids; each distinct id is hashed once, nulls stay null."""
        return self._column("u_", column)

    def anonymous_ids(self, column: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
        """As :meth:`users`, for ``anonymous_id``."""
        return self._column("a_", column)

    def _column(self, prefix: str, column: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
        distinct = pc.drop_null(pc.unique(column))
        pseudonyms = pa.array(self._pseudonyms(prefix, distinct.to_pylist()), pa.string())
        return pa.chunked_array([pseudonyms.take(pc.index_in(chunk, value_set=distinct)) for chunk in _chunks(column)])

    def _pseudonyms(self, prefix: str, raws: list[str]) -> list[str]:
        pseudonyms = self._cache[prefix]
        fresh = [raw for raw in raws if raw not in pseudonyms]
        if fresh:
            if len(pseudonyms) + len(fresh) > REMEMBERED:
                pseudonyms.clear()
                fresh = raws
            pseudonyms.update(zip(fresh, _base32(prefix, [self._hash(prefix, raw) for raw in fresh]), strict=True))
        return [pseudonyms[raw] for raw in raws]

    def _hash(self, prefix: str, raw: str) -> bytes:
        code = self._domains[prefix].copy()
        code.update(raw.encode())
        return code.digest()[: PSEUDONYM_LENGTH * 5 // 8]


def redact(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Replace e-mail addresses by ``[email]`` and phone numbers by ``[phone]`` in a text column."""
    if column.null_count == len(column):
        return column
    without_mails = pc.replace_substring_regex(column, pattern=EMAIL, replacement="[email]")
    return pc.replace_substring_regex(without_mails, pattern=PHONE, replacement="[phone]")


def redact_text(text: str) -> str:
    """Replace e-mail addresses and phone numbers in one text, as :func:`redact` does in a column."""
    return str(redact(pa.array([text], pa.string()))[0].as_py())


def _base32(prefix: str, digests: list[bytes]) -> list[str]:
    """Write digests of whole 5-bit groups as base32 (RFC 4648, lower case); ``base64`` takes 5 µs for each."""
    bits = np.unpackbits(np.frombuffer(b"".join(digests), np.uint8)).reshape(len(digests), -1, 5)
    text = BASE32[bits @ np.array([16, 8, 4, 2, 1], np.uint8)].tobytes().decode()
    return [prefix + text[i : i + PSEUDONYM_LENGTH] for i in range(0, len(text), PSEUDONYM_LENGTH)]


def _chunks(column: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def _read_or_make_key(path: Path) -> bytes:
    try:
        return key_of(path)
    except OSError as error:
        raise PseudonymKeyError(
            f"cannot read the pseudonym key {path}",
            why=str(error),
            fix="make the file readable for the user who runs shopsight; without it no id can be recomputed",
        ) from error
