"""The text model's learning curves and its confusions, as pictures that the UI shows: SVG inside Markdown."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

import dagster as dg

PANEL, MARGIN, CELL, LABELS = 300, 48, 72, 130


def intent_pictures(
    epochs: Sequence[Mapping[str, float]], confusion: Mapping[str, Mapping[str, int]]
) -> dict[str, dg.MarkdownMetadataValue]:
    """Return both pictures, each with its numbers below; no confusions where the test split was too small to judge.

    Args:
        epochs: rows with ``epoch`` and figures, as in the card; epoch 0 is the probe on the frozen encoder.
        confusion: ``confusion[truth][prediction]``, counts on the test split.
    """
    names = sorted({name for row in epochs for name in row} - {"epoch"})
    panels = "".join(
        f"<g transform='translate({place * PANEL},0)'>"
        + _panel(name, [(row["epoch"], row[name]) for row in epochs if name in row])
        + "</g>"
        for place, name in enumerate(names)
    )
    rows = [[f"{row['epoch']:.0f}", *(f"{row[name]:.3f}" if name in row else "–" for name in names)] for row in epochs]
    pictures = {"learning curves": _picture(panels, (PANEL * len(names), PANEL), ("epoch", *names), rows)}
    if confusion:
        labels = list(confusion)
        counts = [[truth, *(str(confusion[truth][guess]) for guess in labels)] for truth in labels]
        size = LABELS + CELL * len(labels) + 10
        pictures["confusion"] = _picture(_matrix(confusion), (size, size), ("truth \\ prediction", *labels), counts)
    return pictures


def _panel(name: str, points: Sequence[tuple[float, float]]) -> str:
    """Return one line over the epochs; the axis reaches a little beyond what it shows."""
    last = max(1.0, max(x for x, _ in points))
    low, high = min(y for _, y in points), max(y for _, y in points)
    spare = (high - low) / 10 or abs(high) / 10 or 1.0
    low, high = low - spare, high + spare

    def place(x: float, y: float) -> tuple[float, float]:
        span = PANEL - 2 * MARGIN
        return MARGIN + x / last * span, PANEL - MARGIN - (y - low) / (high - low) * span

    left, bottom = place(0.0, low)
    right, ceiling = place(last, high)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
    dots = "".join(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='#3b5bdb'/>" for x, y in (place(*p) for p in points))
    return (
        f"<text x='{PANEL / 2}' y='20' text-anchor='middle'>{escape(name.replace('_', ' '))}</text>"
        f"<path d='M{left:.1f},{ceiling:.1f} V{bottom:.1f} H{right:.1f}' fill='none' stroke='#495057'/>"
        f"<text x='{left - 6:.1f}' y='{bottom:.1f}' text-anchor='end'>{low:.3f}</text>"
        f"<text x='{left - 6:.1f}' y='{ceiling + 4:.1f}' text-anchor='end'>{high:.3f}</text>"
        f"<text x='{left:.1f}' y='{bottom + 16:.1f}' text-anchor='middle'>0</text>"
        f"<text x='{right:.1f}' y='{bottom + 16:.1f}' text-anchor='middle'>{last:.0f}</text>"
        f"<text x='{PANEL / 2}' y='{PANEL - 10}' text-anchor='middle'>epoch</text>"
        f"<polyline points='{line}' fill='none' stroke='#3b5bdb' stroke-width='2'/>{dots}"
    )


def _matrix(confusion: Mapping[str, Mapping[str, int]]) -> str:
    """Return a cell per truth (down) and prediction (across), the darker the larger its share of the truth."""
    labels = list(confusion)
    cells = []
    for down, truth in enumerate(labels):
        total = max(1, sum(confusion[truth].values()))
        middle = LABELS + (down + 0.5) * CELL
        cells.append(f"<text x='{LABELS - 8}' y='{middle + 4}' text-anchor='end'>{escape(truth)}</text>")
        cells.append(
            f"<text transform='translate({middle},{LABELS - 8}) rotate(-35)' text-anchor='start'>{escape(truth)}</text>"
        )
        for across, guess in enumerate(labels):
            share, x = confusion[truth][guess] / total, LABELS + across * CELL
            ink = "white" if share > 0.5 else "#212529"
            cells.append(
                f"<rect x='{x}' y='{LABELS + down * CELL}' width='{CELL - 2}' height='{CELL - 2}' "
                f"fill='#3b5bdb' fill-opacity='{share:.3f}' stroke='#ced4da'/>"
                f"<text x='{x + CELL / 2}' y='{middle + 4}' text-anchor='middle' fill='{ink}'>"
                f"{confusion[truth][guess]}</text>"
            )
    return "".join(cells)


def _picture(
    shapes: str, size: tuple[float, float], header: Sequence[str], rows: Sequence[Sequence[str]]
) -> dg.MarkdownMetadataValue:
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{size[0] + 90:.0f}' height='{size[1]:.0f}' "
        f"font-family='sans-serif' font-size='12'><rect width='100%' height='100%' fill='white'/>{shapes}</svg>"
    )
    image = base64.b64encode(svg.encode()).decode()
    table = [f"| {' | '.join(header)} |", "|---" + "|---:" * (len(header) - 1) + "|"]
    table += [f"| {' | '.join(row)} |" for row in rows]
    return dg.MetadataValue.md("\n".join([f"![{header[0]}](data:image/svg+xml;base64,{image})", "", *table]))
