"""From the bytes of a picture to its pixels, or to why not: in bounded time and memory, whatever the bytes are.

Nothing of the file goes further than its pixels: names, text and whatever stands behind the picture stay here.
"""

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shopsight.errors import ShopsightError

SIDE: Final = 224
"""Pixels on each side of what the encoder sees."""
MAX_BYTES: Final = 8_000_000
"""Largest file that is read."""
MAX_PIXELS: Final = 25_000_000
"""Most pixels that are decoded: some 200 MB while it is done."""
MIN_SIDE: Final = 16
"""Shortest side of a picture that shows anything."""
MAX_SIDE: Final = 16_384
MAX_SCANS: Final = 64
"""Passes of a progressive JPEG. Encoders write some ten; thousands in a small file take minutes to decode."""
FORMATS: Final = ("JPEG", "PNG", "WEBP")
FOREIGN: Final = (b"PK\x05\x06", b"%PDF-", b"<?php", b"<script", b"<html", b"<svg")
"""Marks of an archive, a document or a page: a file that is a picture and one of these, too, is an attack."""

_BROKEN: Final = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, OverflowError,
    MemoryError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow raises over broken files; its readers promise no one kind."""

Pixels = NDArray[np.uint8]


class PictureError(ShopsightError):
    """A picture that cannot be read."""

    def __init__(self, code: str, what: str, *, why: str, fix: str) -> None:
        super().__init__(what, why=why, fix=fix)
        self.code = code
        """``empty``, ``too_large``, ``unsupported_format``, ``foreign_content``, ``animated``, ``too_many_pixels``,
        ``too_small`` or ``broken``."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What is kept of a picture."""

    pixels: Pixels
    """RGB, shape (224, 224, 3); upright, on white where it was transparent or not square."""
    digest: str
    """SHA-256 of the pixels: the same for exact repeats, whatever their files are."""


def read_picture(data: bytes) -> Picture:
    """Return the picture in a file of JPEG, PNG or WebP.

    Rotation by EXIF is applied; CMYK, greys, palettes and 16 bits become RGB of 8 bits.

    Raises:
        PictureError: there is none, or it is not one to decode.
    """
    _refuse_by_bytes(data)
    pixels = _decoded(data)
    return Picture(pixels=pixels, digest=hashlib.sha256(pixels.tobytes()).hexdigest())


def thumbnail(picture: Picture) -> bytes:
    """Return the picture as a WebP file of 224 by 224, some 4 kB: pixels alone, whatever the file had beside them."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture.pixels).save(file, "WEBP", quality=82)
    return file.getvalue()


def _refuse_by_bytes(data: bytes) -> None:
    if not data:
        raise PictureError("empty", "there is no picture", why="the file has no bytes", fix="send the picture itself")
    if len(data) > MAX_BYTES:
        raise PictureError(
            "too_large",
            f"the picture has {len(data):,} bytes",
            why=f"more than {MAX_BYTES:,} are not read",
            fix="make it smaller: 224 pixels on the short side are enough",
        )
    if not (
        data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
    ):
        raise PictureError(
            "unsupported_format",
            "this is no picture that can be read",
            why="its first bytes are those of no JPEG, PNG or WebP",
            fix="save it as JPEG, PNG or WebP",
        )
    if any(mark in data for mark in FOREIGN):
        raise PictureError(
            "foreign_content",
            "this file is more than a picture",
            why="it carries an archive, a document or a page",
            fix="save the picture anew, without what was added",
        )
    if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > MAX_SCANS:
        raise _broken(f"it says that it comes in more than {MAX_SCANS} passes")


def _decoded(data: bytes) -> Pixels:
    from PIL import Image, ImageOps

    # Pillow's own limit counts, and is not only warned of, while it looks at the head of a file.
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _refuse_by_head(image)
            image.draft(image.mode, (2 * SIDE, 2 * SIDE))  # a JPEG is decoded at an eighth, where that is enough
            upright = ImageOps.exif_transpose(_eight_bits(image))
            return np.asarray(ImageOps.pad(_on_white(upright), (SIDE, SIDE), Image.Resampling.BICUBIC, (255, 255, 255)))
    except bombs as error:
        raise _too_many_pixels(str(error)) from error
    except _BROKEN as error:
        raise _broken(str(error) or repr(error)) from error


def _refuse_by_head(image: Any) -> None:
    """Refuse a picture by what its head says, before its pixels are decoded."""
    wide, high = image.size
    if wide * high > MAX_PIXELS or max(wide, high) > MAX_SIDE:
        raise _too_many_pixels(f"it is {wide} by {high}")
    if min(wide, high) < MIN_SIDE:
        raise PictureError(
            "too_small",
            f"the picture is {wide} by {high} pixels",
            why=f"below {MIN_SIDE} on a side it shows nothing",
            fix="send the picture in full",
        )
    # Phones write a JPEG with a second one behind it, as MPO; the first is the picture.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise PictureError(
            "animated",
            "the picture moves",
            why=f"it has {image.n_frames} frames, and it is not clear which one is meant",
            fix="send one frame",
        )


def _eight_bits(image: Any) -> Any:
    """Return a picture of 16-bit greys with 8 bits; any other as it is."""
    from PIL import Image

    if not image.mode.startswith("I"):
        return image
    eight = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    return eight


def _on_white(image: Any) -> Any:
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        over = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, (255, 255, 255, 255)), over).convert("RGB")
    return image.convert("RGB")


def _too_many_pixels(why: str) -> PictureError:
    return PictureError(
        "too_many_pixels",
        "the picture has too many pixels",
        why=f"{why}; {MAX_PIXELS:,} pixels and {MAX_SIDE:,} on a side are decoded",
        fix="make it smaller: 224 pixels on the short side are enough",
    )


def _broken(why: str) -> PictureError:
    return PictureError("broken", "the picture is broken", why=why, fix="save it anew, and send the whole file")
