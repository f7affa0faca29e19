"""Finds out how text is encoded, and turns it into UTF-8 with line feeds while it is read.

UTF-8 and UTF-16 tell themselves, and so does a page of Chinese in GB18030. Western encodings of one byte a sign
(cp1252, cp1250, ISO 8859) cannot be told from each other, nor a few words of GB18030 from them: those are asked for.
"""

import codecs
import io
import re
from dataclasses import dataclass
from typing import BinaryIO, Final

from shopsight.errors import ShopsightError

HEAD_BYTES: Final = 1024 * 1024
"""How much of a file is looked at; what comes later is judged line by line as it is read."""
MIN_PAIRS: Final = 40
"""Chinese signs below which a text may be another by chance."""
MAX_FOREIGN_SHARE: Final = 0.01
"""Share of lines that no UTF-8 reads: above it the file has another encoding, below it a few lines are damaged."""
MIN_FOREIGN_LETTERS: Final = 2
"""One odd byte alone is damage; several that another encoding reads are another encoding."""
BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAY_WHICH: Final = (
    "say which in the mapping (encoding: gb18030 for Chinese, cp1252 for Western Europe), "
    "or save it in UTF-8: iconv -f GB18030 -t UTF-8 FILE"
)


class UnknownEncodingError(ShopsightError):
    """Nothing tells how a text is encoded."""


@dataclass(frozen=True, kw_only=True)
class TextEncoding:
    """How a file's text is written."""

    name: str
    """As Python's codecs name it."""
    ends_in_cr: bool = False
    """Whether lines end in a carriage return alone, as old Macs wrote them."""

    @property
    def is_plain(self) -> bool:
        """Whether the bytes can be read as they are."""
        return self.name == "utf-8" and not self.ends_in_cr


@dataclass(kw_only=True)
class LineCount:
    """What the lines of a file say about its encoding, as they are read."""

    lines: int = 0
    """All of them."""
    utf8: int = 0
    """Those with letters beyond ASCII that UTF-8 reads."""
    foreign: int = 0
    """Those that UTF-8 does not read, but another encoding does."""
    letters: int = 0
    """Bytes beyond ASCII in them."""

    def note(self, block: bytes, undecodable: list[bytes]) -> None:
        """Add a block of lines, of which some are not UTF-8."""
        self.lines += block.count(b"\n") + 1
        foreign = [line for line in undecodable if _is_foreign(line)]
        self.foreign += len(foreign)
        self.letters += sum(byte >= 0x80 for line in foreign for byte in line)
        if self.foreign:
            bad = set(undecodable)
            self.utf8 += sum(not line.isascii() and line.rstrip(b"\r") not in bad for line in block.split(b"\n"))

    @property
    def is_foreign(self) -> bool:
        """Whether the file has another encoding, rather than a few damaged lines."""
        are_many = self.foreign > max(self.utf8, MAX_FOREIGN_SHARE * self.lines)
        return are_many and self.letters >= MIN_FOREIGN_LETTERS


def encoding_of(head: bytes, *, encoding: str | None = None) -> TextEncoding:
    """Return how a text is encoded that begins so.

    Args:
        head: its first bytes, up to :data:`HEAD_BYTES`.
        encoding: what its owner says; None where nobody said.

    Raises:
        UnknownEncodingError: it is not UTF-8, and may be several others; or no codec has the name that was given.
    """
    name = _known(encoding) if encoding else _found(head)
    text = head.decode(name, errors="replace") if name.startswith(("utf-16", "utf-32")) else head.decode("latin-1")
    return TextEncoding(name=name, ends_in_cr=_ends_in_cr(text))


def _ends_in_cr(text: str) -> bool:
    """Return whether lines end in a carriage return alone, whatever breaks a quoted field holds."""
    if "\r" not in text or re.search(r"[\r\n]", text.rstrip("\r")) is None:
        return False
    outside = re.sub(r'"[^"]*("|$)', "", text) if "\n" in text else text
    return "\r" in outside.rstrip("\r") and "\n" not in outside


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise UnknownEncodingError(
            f"cannot read the encoding {encoding}", why=f"no encoding is named {encoding}", fix=SAY_WHICH
        ) from error


def _found(head: bytes) -> str:
    for bom, name in BOMS:
        if head.startswith(bom):
            return name
    if unmarked := _utf16_without_mark(head):
        return unmarked
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    count = LineCount()
    undecodable = [line.rstrip(b"\r") for line in head.split(b"\n") if not _reads(line, "utf-8")]
    count.note(head, undecodable)
    if not count.is_foreign:
        return "utf-8"
    if _is_chinese(head):
        return "gb18030"
    raise UnknownEncodingError(
        "cannot tell how a file is encoded",
        why=f"it is not UTF-8 but may be {' or '.join(_candidates(b' '.join(undecodable)))}: see {_shown(undecodable)}",
        fix=SAY_WHICH,
    )


def _utf16_without_mark(head: bytes) -> str | None:
    """Return UTF-16 where every other byte is zero, as in a text that is mostly ASCII."""
    some = head[: len(head[:4096]) // 2 * 2]
    if len(some) < 8:
        return None
    for zeros, others, name in ((some[1::2], some[::2], "utf-16-le"), (some[::2], some[1::2], "utf-16-be")):
        if zeros.count(0) > 0.7 * len(zeros) and not others.count(0):
            return name
    return None


def _is_chinese(head: bytes) -> bool:
    """Return whether the signs are common Chinese: pairs of the first plane of GB 2312, among them its later half.

    Korean (EUC-KR) has pairs too, but only in the first half, and a Western letter stands between ASCII ones.
    """
    runs = re.findall(rb"[\x80-\xff]+", head[: head.rfind(b"\n") + 1] or head)
    pairs = [run[i : i + 2] for run in runs for i in range(0, len(run), 2)]
    common = [pair for pair in pairs if 0xB0 <= pair[0] <= 0xD7 and pair[-1] >= 0xA1 and len(pair) == 2]
    later = [pair for pair in common if pair[0] > 0xC8]
    return len(pairs) >= MIN_PAIRS and len(common) > 0.8 * len(pairs) and len(later) > 0.15 * len(pairs)


def _candidates(text: bytes) -> list[str]:
    named = [name for name in ("gb18030", "cp1252", "cp1251", "shift_jis", "big5") if _reads(text, name)]
    return named or ["damaged"]


def _shown(lines: list[bytes]) -> str:
    return repr(lines[0][:60])


def _is_foreign(line: bytes) -> bool:
    # 0xFF begins no sign of GB18030 and is no letter that a Western text would have.
    return b"\xff" not in line and b"\x00" not in line and (_reads(line, "gb18030") or _reads(line, "cp1252"))


def _reads(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


class Recoded(io.RawIOBase):
    """A text of another encoding, read as UTF-8."""

    def __init__(self, file: BinaryIO, encoding: str, *, ends_in_cr: bool) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ends_in_cr = ends_in_cr
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with UTF-8.

        Raises:
            UnicodeDecodeError: the file is not in its encoding.
        """
        while not self._ready and not self._ended:
            fresh = self._file.read(len(buffer))
            self._ended = not fresh
            text = self._decoder.decode(fresh, final=self._ended)
            self._ready = (text.replace("\r", "\n") if self._ends_in_cr else text).encode()
        some = self._ready[: len(buffer)]
        buffer[: len(some)] = some
        self._ready = self._ready[len(some) :]
        return len(some)
