"""Drawn pictures of what the sample shop sells: a plain shape for each shelf, in the colour of the item.

They are there so that a picture search has something to search. Items of one shelf and colour share a drawing, so they
say nothing of how well pictures of a real shop are told apart.
"""

import base64
import io
from functools import lru_cache
from typing import Any, Final

from shopsight.sample_shop import vocabulary as words
from shopsight.sample_shop.shelves import LEAVES

SIDE: Final = 240
COLOURS: Final = dict(
    zip(
        words.COLOURS,
        ("#222222", "#eeeeee", "#2b6cb0", "#2f855a", "#c53030", "#888888", "#1a365d", "#dd6b20", "#ed64a6", "#d6b98c"),
        strict=True,
    )
)
PACKED: Final = ("#7fa7c9", "#c9a17f", "#8fb996", "#b78fb9")
"""Of what comes in packs and no colour: one for each size of pack."""
INK: Final = "#444444"

# Noun | shapes on a field of 100 by 100: r a rectangle with round corners, e an ellipse, p a polygon, l a line. A plain
# one has the item's colour, one with - a darker and one with + a lighter tone, and one with o is a hole.
_SHAPES: Final = """
Running Shoes | p 8 62 22 40 40 46 58 40 90 60 92 72 8 72; r- 6 70 94 79; l+ 44 48 52 58; l+ 52 45 60 55
Running Socks | p 36 12 62 12 62 58 88 74 80 88 58 84 36 66; r- 36 12 62 22; p- 74 66 88 74 80 88 70 86
Sports Watch | r- 40 8 60 92; e 26 28 74 72; e+ 33 35 67 65; l- 50 50 50 38; l- 50 50 58 54
Hydration Vest | p 28 12 42 12 50 34 58 12 72 12 78 86 22 86; r- 34 54 46 76; r- 54 54 66 76; l+ 30 44 70 44
Smartphone | r 30 8 70 92; r+ 34 16 66 82; e- 46 84 54 90
Phone Case | r 28 8 72 92; r- 33 13 67 87; e+ 36 16 48 28; e+ 36 30 48 42
Screen Protector | r 30 8 70 92; r+ 32 10 68 90; l- 38 26 58 14; l- 38 40 64 22
Charger | r 28 34 72 78; r- 38 18 44 34; r- 56 18 62 34; l- 50 78 50 96
Laptop | r- 18 20 82 66; r+ 22 24 78 62; p 8 70 92 70 98 80 2 80
Laptop Sleeve | r 10 24 90 78; l- 12 34 88 34; e- 80 30 88 38
Wireless Mouse | e 30 12 70 90; l- 50 12 50 44; l- 32 44 68 44; r+ 47 22 53 36
Headphones | e- 18 14 82 92; eo 26 22 74 96; r 12 52 30 88; r 70 52 88 88
Headphone Case | e 12 16 88 84; l- 12 50 88 50; r- 44 46 56 56
Bluetooth Speaker | r 22 14 78 88; e- 34 44 66 76; e+ 43 53 57 67; e- 43 22 57 36
Espresso Machine | r 16 12 84 32; r 60 12 84 88; r- 16 80 84 90; r- 30 32 44 42; r+ 26 58 48 80
Coffee Beans | p 26 14 74 14 80 92 20 92; r- 26 14 74 24; e+ 36 44 64 76; l- 42 72 58 48
Coffee Mug | r 18 24 68 86; e- 60 36 92 70; eo 66 42 84 64; r 18 24 68 86; e- 18 18 68 32
Face Cleanser | r 34 34 66 92; r- 44 14 56 34; r- 44 10 74 18; r+ 38 52 62 76
Serum | r 32 46 68 92; r- 40 26 60 46; e- 42 6 58 28; r+ 36 58 64 80
Moisturiser | r 16 46 84 86; r- 14 30 86 48; r+ 26 56 74 76
Sunscreen | p 30 12 70 12 64 84 36 84; r- 38 84 62 94; e+ 38 30 62 54
Tent | p 50 14 96 84 4 84; p- 50 40 66 84 34 84; l+ 50 14 50 40
Sleeping Bag | r 32 6 68 94; e- 36 8 64 30; l- 66 34 66 92
Sleeping Mat | r 8 40 78 62; e- 66 34 94 68; e+ 74 42 86 60
Headlamp | e- 10 20 90 70; eo 18 28 82 74; r 36 44 64 78; e+ 42 52 58 70
Jacket | p 30 14 70 14 94 40 82 52 74 44 74 90 26 90 26 44 18 52 6 40; l- 50 16 50 90; p- 38 14 62 14 50 28
Jeans | p 30 8 70 8 78 94 56 94 50 36 44 94 22 94; r- 30 8 70 16; l- 50 16 50 36
Belt | r 4 42 96 58; r- 34 34 62 66; r+ 40 40 56 60
Dog Food | p 24 8 76 8 82 94 18 94; e+ 34 40 66 66; e+ 28 42 42 60; e+ 58 42 72 60
Dog Toy | r 30 42 70 58; e 12 28 38 52; e 12 50 38 74; e 62 28 88 52; e 62 50 88 74
Dog Lead | e 10 10 48 48; eo 17 17 41 41; l 44 44 86 88; l- 80 80 92 94
Plant Pot | p 24 42 76 42 66 92 34 92; r- 20 32 80 46; e+ 40 6 60 34
Potting Soil | p 20 14 80 14 86 92 14 92; e- 28 54 72 86; l+ 50 34 50 60; e+ 40 26 60 42
Seeds | r 26 10 74 90; r- 26 10 74 24; e+ 42 38 58 58; l+ 50 58 50 78
Building Set | r 12 52 48 84; r- 52 52 88 84; r+ 32 22 68 52; e- 38 14 48 24; e- 52 14 62 24
Board Game | r 10 10 90 90; r+ 18 18 48 48; r+ 52 52 82 82; e- 58 22 78 42; e- 24 58 44 78
Puzzle | r 14 24 76 86; e 36 8 58 32; e 68 44 92 66; e+ 34 76 56 96
"""


@lru_cache(maxsize=1_000)
def drawn_address(noun: str, look: str) -> str:
    """Return the drawing of :func:`draw` as an address that holds it, so that no server is asked."""
    return f"data:image/png;base64,{base64.b64encode(draw(noun, look)).decode()}"


@lru_cache(maxsize=1)
def _shapes() -> dict[str, tuple[tuple[str, str, tuple[int, ...]], ...]]:
    """Return the shapes of each noun: kind, tone and coordinates."""
    lines = (line.split(" | ") for line in _SHAPES.strip().splitlines())
    return {
        noun: tuple(
            (word[0], word[1:], tuple(map(int, numbers)))
            for word, *numbers in (shape.split() for shape in shapes.split("; "))
        )
        for noun, shapes in lines
    }


def draw(noun: str, look: str) -> bytes:
    """Return the drawing of a shelf's goods as a PNG of 240 by 240, some 1 kB.

    Args:
        noun: of the shelf, as :class:`~shopsight.sample_shop.shelves.Leaf` has it.
        look: colour of the item, or the size of its pack.
    """
    from PIL import Image, ImageDraw

    packs = next(leaf.packs for leaf in LEAVES if leaf.noun == noun)
    colour = COLOURS[look] if look in COLOURS else PACKED[packs.index(look)]
    tones = {"": colour, "-": _mixed(colour, "#000000"), "+": _mixed(colour, "#ffffff"), "o": "#ffffff"}
    image = Image.new("RGB", (SIDE, SIDE), "#ffffff")
    pen = ImageDraw.Draw(image)
    for kind, tone, numbers in _shapes()[noun]:
        _draw_shape(pen, kind, tones[tone], [number * SIDE / 100 for number in numbers])
    file = io.BytesIO()
    image.quantize(16).save(file, "PNG")
    return file.getvalue()


def _draw_shape(pen: Any, kind: str, fill: str, places: list[float]) -> None:
    match kind:
        case "r":
            pen.rounded_rectangle(places, radius=8, fill=fill, outline=INK)
        case "e":
            pen.ellipse(places, fill=fill, outline=INK)
        case "p":
            pen.polygon(places, fill=fill, outline=INK)
        case _:
            pen.line(places, fill=fill, width=6)


def _mixed(colour: str, other: str) -> str:
    """Return a colour with 0.35 of another one in it."""
    own, its = (bytes.fromhex(one[1:]) for one in (colour, other))
    return "#" + bytes(round(0.65 * mine + 0.35 * yours) for mine, yours in zip(own, its, strict=True)).hex()
