"""Curves of a candidate as pictures that the UI shows: SVG inside Markdown, drawn here, no plotting library."""

import base64
from collections.abc import Sequence
from html import escape

import dagster as dg

from models.evaluation.curves import Curves

WIDTH, HEIGHT, MARGIN = 420, 320, 48
Points = Sequence[tuple[float, float]]


def curves_metadata(curves: Curves | None) -> dict[str, dg.MarkdownMetadataValue]:
    """Return reliability, gain, lift and net benefit as pictures, numbers below; nothing where there are no curves."""
    if curves is None:
        return {}
    reliability = [(one.forecast, one.observed) for one in curves.reliability]
    top = max(max(point) for point in reliability)
    lifts = [(one.share, one.lift) for one in curves.gain]
    pictures = {
        "reliability": _picture(
            f"Reliability: {curves.outcome}",
            _chart(reliability, [(0.0, 0.0), (top, top)], x="forecast", y="observed", top=(top, top)),
            ("forecast", "observed", "share of rows"),
            [(one.forecast, one.observed, one.share) for one in curves.reliability],
        ),
        "gain and lift": _picture(
            f"Gain and lift: {curves.outcome}",
            _chart(
                [(0.0, 0.0), *((one.share, one.gain) for one in curves.gain)],
                [(0.0, 0.0), (1.0, 1.0)],
                x="share of rows, likeliest first",
                y="share of all outcomes",
                top=(1.0, 1.0),
            )
            + _chart(
                lifts,
                [(0.0, 1.0), (1.0, 1.0)],
                x="share of rows, likeliest first",
                y="lift",
                top=(1.0, max(lift for _, lift in lifts)),
            ),
            ("share of rows", "gain", "lift"),
            [(one.share, one.gain, one.lift) for one in curves.gain],
        ),
    }
    if curves.benefit:
        pictures["net benefit"] = _picture(
            f"Net benefit of acting where acting pays: {curves.outcome}",
            _chart(
                [(one.ratio, one.net) for one in curves.benefit],
                # The better of what needs no model: acting on every row, and on none.
                [(one.ratio, max(one.net_of_all, 0.0)) for one in curves.benefit],
                x="cost of an action / benefit = threshold",
                y="net benefit per row",
                top=(1.0, max(*(one.net for one in curves.benefit), 1e-9)),
            ),
            ("cost / benefit", "share of rows acted on", "net benefit", "of acting on all"),
            [(one.ratio, one.share, one.net, one.net_of_all) for one in curves.benefit],
        )
    return pictures


def _picture(
    title: str, charts: str, header: Sequence[str], rows: Sequence[Sequence[float]]
) -> dg.MarkdownMetadataValue:
    count = charts.count("<g>")
    placed = charts.replace("<g>", "<g transform='translate(0,0)'>", 1).replace(
        "<g>", f"<g transform='translate({WIDTH},0)'>"
    )
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH * count}' height='{HEIGHT}' font-family='sans-serif' "
        f"font-size='12'><rect width='100%' height='100%' fill='white'/>{placed}</svg>"
    )
    image = base64.b64encode(svg.encode()).decode()
    table = [f"| {' | '.join(header)} |", "|---:" * len(header) + "|"]
    table += [f"| {' | '.join(f'{value:.3f}' for value in row)} |" for row in rows]
    return dg.MetadataValue.md("\n".join([f"![{title}](data:image/svg+xml;base64,{image})", "", *table]))


def _chart(points: Points, reference: Points, *, x: str, y: str, top: tuple[float, float]) -> str:
    """Return a line with dots and a dashed reference, axes from 0 to ``top``."""

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return (
            MARGIN + point[0] / top[0] * (WIDTH - 1.5 * MARGIN),
            HEIGHT - MARGIN - point[1] / top[1] * (HEIGHT - 1.5 * MARGIN),
        )

    def path(line: Points) -> str:
        return " ".join(f"{across:.1f},{up:.1f}" for across, up in map(place, line))

    (left, bottom), (right, ceiling) = place((0.0, 0.0)), place(top)
    dots = "".join(
        f"<circle cx='{across:.1f}' cy='{up:.1f}' r='3' fill='#3b5bdb'/>" for across, up in map(place, points)
    )
    marks = "".join(
        f"<text x='{left + share * (right - left):.1f}' y='{bottom + 16:.1f}' text-anchor='middle'>"
        f"{share * top[0]:.2g}</text>"
        f"<text x='{left - 6:.1f}' y='{bottom - share * (bottom - ceiling) + 4:.1f}' text-anchor='end'>"
        f"{share * top[1]:.2g}</text>"
        for share in (0.0, 0.5, 1.0)
    )
    return (
        f"<g><path d='M{left:.1f},{ceiling:.1f} V{bottom:.1f} H{right:.1f}' fill='none' stroke='#495057'/>{marks}"
        f"<text x='{(left + right) / 2:.1f}' y='{HEIGHT - 10}' text-anchor='middle'>{escape(x)}</text>"
        f"<text x='12' y='{(bottom + ceiling) / 2:.1f}' text-anchor='middle' "
        f"transform='rotate(-90 12 {(bottom + ceiling) / 2:.1f})'>{escape(y)}</text>"
        f"<polyline points='{path(reference)}' fill='none' stroke='#adb5bd' stroke-dasharray='5 4'/>"
        f"<polyline points='{path(points)}' fill='none' stroke='#3b5bdb' stroke-width='2'/>{dots}</g>"
    )
