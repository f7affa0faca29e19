"""A picture becomes pixels, and whatever is none gets an error, in bounded time and memory."""

import contextlib
import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from models.pictures.reading import MAX_BYTES, SIDE, PictureError, read_picture

RED = (200, 30, 40)


def saved(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of_size(wide: int, high: int) -> bytes:
    """A small file whose head promises a picture of this size, all zeros."""
    rows = zlib.compress(bytes(min(high * (wide * 3 + 1), 50_000_000)), 9)
    head = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_each_format_becomes_a_square_of_rgb(form: str) -> None:
    picture = read_picture(saved(Image.new("RGB", (300, 300), RED), form))
    assert picture.pixels.shape == (SIDE, SIDE, 3)
    assert picture.pixels.dtype == np.uint8
    assert np.abs(picture.pixels.reshape(-1, 3).mean(axis=0) - RED).max() < 4


def test_the_same_pixels_are_the_same_picture_whatever_the_file() -> None:
    image = Image.effect_mandelbrot((SIDE, SIDE), (-2, -1.5, 1, 1.5), 20).convert("RGB")
    assert read_picture(saved(image)).digest == read_picture(saved(image, "WEBP", lossless=True)).digest
    assert read_picture(saved(image)).digest != read_picture(saved(image.rotate(90))).digest


def test_a_wide_picture_stands_on_white() -> None:
    pixels = read_picture(saved(Image.new("RGB", (400, 200), RED))).pixels
    assert pixels[0, 112].tolist() == [255, 255, 255]
    assert pixels[112, 112].tolist() == list(RED)


def test_what_is_transparent_is_white() -> None:
    pixels = read_picture(saved(Image.new("RGBA", (64, 64), (0, 0, 0, 0)))).pixels
    assert (pixels == 255).all()


def test_cmyk_becomes_rgb() -> None:
    pixels = read_picture(saved(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG")).pixels
    assert np.abs(pixels.reshape(-1, 3).mean(axis=0) - (255, 0, 0)).max() < 12


def test_sixteen_bits_become_eight() -> None:
    grey = Image.fromarray(np.full((64, 64), 32768, dtype=np.uint16))
    assert np.unique(read_picture(saved(grey)).pixels).tolist() == [128]


def test_a_picture_that_was_taken_sideways_is_turned() -> None:
    image = Image.new("RGB", (64, 64), (255, 255, 255))
    image.paste(RED, (0, 0, 64, 16))  # a bar on top, which orientation 6 turns to the right
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = read_picture(saved(image, "PNG", exif=exif)).pixels
    assert pixels[112, 215].tolist() == list(RED)
    assert pixels[5, 50].tolist() == [255, 255, 255]


GIF = saved(Image.new("P", (32, 32)), "GIF")
BMP = saved(Image.new("RGB", (32, 32)), "BMP")
WHOLE = saved(Image.effect_noise((256, 256), 80).convert("RGB"), "JPEG")
FRAMES = [Image.new("RGB", (32, 32), (value, 0, 0)) for value in (0, 255)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"\xff\xd8\xff" + bytes(MAX_BYTES), "too_large"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_format"),
        (b"%PDF-1.7", "unsupported_format"),
        (GIF, "unsupported_format"),
        (BMP, "unsupported_format"),
        (bytes(100), "unsupported_format"),
        (WHOLE + b"PK\x05\x06" + bytes(18), "foreign_content"),
        (WHOLE + b"<script>alert(1)</script>", "foreign_content"),
        (WHOLE[: len(WHOLE) // 2], "broken"),
        (WHOLE[:20], "broken"),
        (b"\x89PNG\r\n\x1a\n", "broken"),
        (b"RIFF\x00\x00\x00\x00WEBP", "broken"),
        (saved(Image.new("RGB", (64, 64)))[:-30], "broken"),
        (WHOLE[:-2] + b"\xff\xda\x00\x02" * 100, "broken"),
        (saved(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]), "animated"),
        (saved(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]), "animated"),
        (saved(Image.new("RGB", (300, 4))), "too_small"),
        (png_of_size(20_000, 20_000), "too_many_pixels"),
        (png_of_size(6_000, 6_000), "too_many_pixels"),
        (png_of_size(2**31 - 1, 2**31 - 1), "too_many_pixels"),
        (png_of_size(1_000_000, 20), "too_many_pixels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_picture_to_read_gets_an_error_at_once(data: bytes, code: str) -> None:
    started = time.process_time()
    with pytest.raises(PictureError) as caught:
        read_picture(data)
    assert caught.value.code == code
    assert caught.value.fix
    assert time.process_time() - started < 1


def test_bytes_that_are_broken_anywhere_never_escape_as_another_error() -> None:
    rng = np.random.default_rng(3)
    noise = Image.effect_noise((48, 48), 60).convert("RGB")
    for form in ("JPEG", "PNG", "WEBP"):
        whole = saved(noise, form)
        for _ in range(60):
            data = bytearray(whole)
            for place in rng.integers(0, len(data), 3):
                data[place] = rng.integers(256)
            with contextlib.suppress(PictureError):
                assert read_picture(bytes(data)).pixels.shape == (SIDE, SIDE, 3)
