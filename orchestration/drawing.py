"""Charts inside Markdown, which the web UI shows without a script or a request: docs/adr/0018."""

import base64
from collections.abc import Sequence

import dagster as dg

from shopsight.drawing import Drawing, as_svg


def picture(
    title: str, drawings: Sequence[Drawing], header: Sequence[str], rows: Sequence[Sequence[str]]
) -> dg.MarkdownMetadataValue:
    """Return drawings side by side as one image, with their numbers as a table below."""
    image = base64.b64encode(as_svg(drawings).encode()).decode()
    table = [f"| {' | '.join(header)} |", "|---:" * len(header) + "|", *(f"| {' | '.join(row)} |" for row in rows)]
    return dg.MetadataValue.md("\n".join([f"![{title}](data:image/svg+xml;base64,{image})", "", *table]))
