"""Charts of the pages: drawn by what draws the web UI's, and coloured by the pages' style."""

from collections.abc import Sequence
from datetime import date
from html import escape
from typing import Any, Final

from markupsafe import Markup

from shopsight.drawing import Axis, Drawing, bar_chart, line_chart

WIDE: Final = 720
LOW: Final = 260
MAX_TICKS: Final = 7

Days = Sequence[tuple[date, float]]


def day_line(days: Days, *, title: str, before: Sequence[float] = ()) -> Markup:
    """Return a line over days, beside a dashed one of the days before; nothing where there are fewer than two days.

    Args:
        days: each day with its value, in order.
        title: what the chart shows, for who hears the page.
        before: the values of as many days before, in order.
    """
    if len(days) < 2:
        return Markup("")
    top = max([value for _, value in days] + list(before)) or 1
    step = max(1, -(-len(days) // MAX_TICKS))
    places = range(0, len(days), step)
    x = Axis(
        label="",
        low=0,
        high=len(days) - 1,
        ticks=tuple(map(float, places)),
        names=tuple(days[place][0].strftime("%m-%d") for place in places),
    )
    ticks = (0.0, top / 2, top)
    y = Axis(label="", low=0, high=top * 1.05, ticks=ticks, names=tuple(_short(one) for one in ticks))
    points = [(float(place), float(value)) for place, (_, value) in enumerate(days)]
    reference = [(float(place), float(value)) for place, value in enumerate(before)]
    return svg(line_chart(points, x=x, y=y, reference=reference, width=WIDE, height=LOW), title)


def bars(rows: Sequence[tuple[str, Any, str]], *, title: str) -> Markup:
    """Return a horizontal bar a row: its name, its value and what stands at its end."""
    if not rows:
        return Markup("")
    return svg(bar_chart([(name, float(value or 0), words) for name, value, words in rows], width=WIDE), title)


def svg(drawing: Drawing, title: str) -> Markup:
    """Return a drawing as part of a page, as wide as there is room; ``title`` is read in its place."""
    return Markup(
        f"<svg class='chart' role='img' aria-label='{escape(title, quote=True)}' "
        f"viewBox='0 0 {drawing.width:g} {drawing.height:g}' font-size='13'>{drawing.svg}</svg>"
    )


def _short(value: float) -> str:
    if value >= 10_000:
        return f"{value / 1000:,.0f}k"
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
