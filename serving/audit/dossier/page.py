"""A dossier as one page of HTML that needs nothing beside it, prints well, and links each figure to its evidence."""

import json
from collections.abc import Iterator
from html import escape
from typing import Final

from serving.audit.dossier.document import Dossier, Section, Table
from serving.audit.dossier.wording import Figure, Parts, Words

META: Final = "shopsight-dossier"
"""Name of the element that says which document this is."""
STYLE: Final = """
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.7em; } h2 { font-size: 1.25em; margin-top: 2em; border-bottom: 1px solid #999; }
table { border-collapse: collapse; margin: .8em 0; width: 100%; }
th, td { border-bottom: 1px solid #ddd; padding: .25em .6em .25em 0; text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; }
a.figure { color: inherit; text-decoration: none; border-bottom: 1px dotted #36c; }
#evidence td { font-size: .85em; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } a.figure { border: 0; } }
@media print { tr { break-inside: avoid; } }
"""


def page(dossier: Dossier) -> str:
    """Return the document as HTML."""
    return "\n".join(_page(dossier, Words(dossier.language))) + "\n"


def _page(dossier: Dossier, words: Words) -> Iterator[str]:
    which = {name: getattr(dossier, name) for name in ("family", "version", "language", "head")}
    numbers: dict[tuple[str, str], int] = {}
    written = [_part(dossier.title, numbers)]
    body = [line for section in dossier.sections for line in _section(section, numbers)]
    yield f'<!doctype html>\n<html lang="{dossier.language}">\n<head>\n<meta charset="utf-8">'
    yield f'<meta name="{META}" content="{escape(json.dumps(which, sort_keys=True))}">'
    yield f"<title>{escape(''.join(_words_of(dossier.title)))}</title>\n<style>{STYLE}</style>\n</head>\n<body>"
    yield f"<h1>{written[0]}</h1>"
    yield from body
    yield f"<h2>{escape(words('section.index'))}</h2>\n<p>{escape(words('index_intro'))}</p>"
    yield '<table id="evidence">'
    yield _row("th", [escape(words("heading.evidence")), escape(words("heading.value"))])
    for (evidence, text), number in numbers.items():
        yield _row("td", [f"<code>{escape(evidence)}</code>", escape(text)], row_id=f"e{number}")
    yield "</table>\n</body>\n</html>"


def _section(section: Section, numbers: dict[tuple[str, str], int]) -> Iterator[str]:
    yield f"<section>\n<h2>{escape(section.title)}</h2>"
    for block in section.blocks:
        if isinstance(block, Table):
            yield "<table>"
            yield _row("th", [escape(heading) for heading in block.headings])
            for row in block.rows:
                yield _row("td", [_part(cell, numbers) for cell in row])
            yield "</table>"
        elif isinstance(block, list):
            yield "<ul>"
            yield from (f"<li>{_part(point, numbers)}</li>" for point in block)
            yield "</ul>"
        else:
            yield f"<p>{_part(block, numbers)}</p>"
    yield "</section>"


def _part(parts: Parts, numbers: dict[tuple[str, str], int]) -> str:
    return "".join(_figure(part, numbers) if isinstance(part, Figure) else escape(part) for part in parts)


def _figure(figure: Figure, numbers: dict[tuple[str, str], int]) -> str:
    number = numbers.setdefault((figure.evidence, figure.text), len(numbers) + 1)
    evidence, style = escape(figure.evidence), escape(figure.style)
    return (
        f'<a class="figure" href="#e{number}" title="{evidence}" data-evidence="{evidence}" data-style="{style}">'
        f"{escape(figure.text)}</a>"
    )


def _row(tag: str, cells: list[str], *, row_id: str = "") -> str:
    opening = f'<tr id="{row_id}">' if row_id else "<tr>"
    return opening + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"


def _words_of(parts: Parts) -> Iterator[str]:
    for part in parts:
        yield part.text if isinstance(part, Figure) else part
