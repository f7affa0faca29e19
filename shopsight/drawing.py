"""Lines, bars and tables of cells as SVG, which any page shows without a script or a request.

Drawn here because the plotting libraries draw ten times as much text, or a script: docs/adr/0018. Each shape has its
colour as an attribute, for a picture by itself, and a class, so that a page's own style can give it another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, MARGIN = 420, 320, 52
CELL, LABELS, BAR = 72, 130, 30
LINE, INK, GREY = "#3b5bdb", "#495057", "#adb5bd"

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis of a chart."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]
    """Where a number stands."""
    number_format: str = ".2g"
    names: tuple[str, ...] = ()
    """What stands at each tick in place of its number."""

    def words(self) -> list[tuple[float, str]]:
        """Return each tick with what stands there."""
        return list(zip(self.ticks, self.names or (f"{tick:{self.number_format}}" for tick in self.ticks), strict=True))

    def share(self, value: float) -> float:
        """Return how far along the axis a value lies, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A piece of SVG and its size in pixels."""

    svg: str
    width: float
    height: float


def line_chart(
    points: Points,
    *,
    x: Axis,
    y: Axis,
    title: str = "",
    reference: Points = (),
    width: float = WIDTH,
    height: float = HEIGHT,
) -> Drawing:
    """Return a line with a dot for every point, and a dashed reference line where there is one."""

    def place(point: tuple[float, float]) -> tuple[float, float]:
        across = MARGIN + x.share(point[0]) * (width - 1.5 * MARGIN)
        return across, height - MARGIN - y.share(point[1]) * (height - 1.5 * MARGIN)

    def path(line: Points) -> str:
        return " ".join(f"{across:.1f},{down:.1f}" for across, down in map(place, line))

    (left, bottom), (right, top) = place((x.low, y.low)), place((x.high, y.high))
    middle = (bottom + top) / 2
    shapes = [
        _text(title, x=width / 2, y=16),
        f"<path class='axis' d='M{left:.1f},{top:.1f} V{bottom:.1f} H{right:.1f}' fill='none' stroke='{INK}'/>",
        *(_text(words, x=place((tick, y.low))[0], y=bottom + 16) for tick, words in x.words()),
        *(_text(words, x=left - 6, y=place((x.low, tick))[1] + 4, anchor="end") for tick, words in y.words()),
        _text(x.label, x=(left + right) / 2, y=height - 10),
        _text(y.label, x=12, y=middle, turn=f" transform='rotate(-90 12 {middle:.1f})'"),
    ]
    if reference:
        dashed = f"fill='none' stroke='{GREY}' stroke-dasharray='5 4'"
        shapes.append(f"<polyline class='reference' points='{path(reference)}' {dashed}/>")
    shapes.append(f"<polyline class='line' points='{path(points)}' fill='none' stroke='{LINE}' stroke-width='2'/>")
    shapes += [
        f"<circle class='dot' cx='{across:.1f}' cy='{down:.1f}' r='3' fill='{LINE}'/>"
        for across, down in map(place, points)
    ]
    return Drawing(svg="".join(shapes), width=width, height=height)


def bar_chart(bars: Sequence[tuple[str, float, str]], *, width: float = WIDTH) -> Drawing:
    """Return a horizontal bar for each name and value, as long as its share of the largest, with words at its end."""
    largest = max((value for _, value, _ in bars), default=0) or 1
    room = width - LABELS - 150  # at the end of the longest bar, for its words
    shapes = []
    for row, (name, value, words) in enumerate(bars):
        top, length = row * BAR, max(1.0, room * value / largest)
        shapes.append(_text(name, x=LABELS - 8, y=top + 19, anchor="end"))
        shapes.append(
            f"<rect class='bar' x='{LABELS}' y='{top + 4}' width='{length:.1f}' height='{BAR - 8}' fill='{LINE}'/>"
        )
        shapes.append(_text(words, x=LABELS + length + 8, y=top + 19, anchor="start"))
    return Drawing(svg="".join(shapes), width=width, height=BAR * max(1, len(bars)))


def cell_chart(names: Sequence[str], counts: Sequence[Sequence[int]]) -> Drawing:
    """Return a cell per row and column, the darker the larger its share of the row; names label both."""
    shapes = []
    for row, name in enumerate(names):
        total, middle = max(1, sum(counts[row])), LABELS + (row + 0.5) * CELL
        shapes.append(_text(name, x=LABELS - 8, y=middle + 4, anchor="end"))
        shapes.append(
            f"<text transform='translate({middle},{LABELS - 8}) rotate(-35)' text-anchor='start'>{escape(name)}</text>"
        )
        for column, count in enumerate(counts[row]):
            share, left = count / total, LABELS + column * CELL
            shapes.append(
                f"<rect x='{left}' y='{LABELS + row * CELL}' width='{CELL - 2}' height='{CELL - 2}' "
                f"fill='{LINE}' fill-opacity='{share:.3f}' stroke='#ced4da'/>"
            )
            shapes.append(_text(str(count), x=left + CELL / 2, y=middle + 4, ink="white" if share > 0.5 else "#212529"))
    size = LABELS + CELL * len(names) + 10
    # The names above the cells lean to the right, beyond the last one.
    return Drawing(svg="".join(shapes), width=size + 90, height=size)


def as_svg(drawings: Sequence[Drawing]) -> str:
    """Return drawings side by side as one picture on white."""
    placed, left = [], 0.0
    for drawing in drawings:
        placed.append(f"<g transform='translate({left:g},0)'>{drawing.svg}</g>")
        left += drawing.width
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{left:g}' height='{max(one.height for one in drawings):g}' "
        "font-family='sans-serif' font-size='12'><rect width='100%' height='100%' fill='white'/>"
        f"{''.join(placed)}</svg>"
    )


def _text(text: str, *, x: float, y: float, anchor: str = "middle", ink: str = "black", turn: str = "") -> str:
    if not text:
        return ""
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' fill='{ink}'{turn}>{escape(text)}</text>"
