"""How good and how fast search is.

python -m benchmarks.search --json -                       # the sample shop's planted relevance
python -m benchmarks.search --judged FILE --json -         # judged pairs: search_term, product_title, relevance
python -m benchmarks.search --clicks FILE… --products FILE --json -   # search sessions, and what was clicked
python -m benchmarks.search --speed 100000 --json -        # a catalogue of so many items, one core
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.output import add_json_option, write_figures
from shopsight.errors import ShopsightError


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--judged", type=Path, metavar="FILE", help="CSV(.gz) of judged queries, split by query")
    which.add_argument("--clicks", type=Path, nargs="+", metavar="FILE", help="CSV(.gz) of search sessions with clicks")
    which.add_argument("--speed", type=int, metavar="ITEMS", help="time queries to a catalogue of so many items")
    parser.add_argument("--products", type=Path, metavar="FILE", help="catalogue of --clicks: CSV(.gz) or TAR(.gz)")
    parser.add_argument("--encoder", default="use", help="sentence encoder: use, e5, minilm, a folder or an id")
    parser.add_argument("--size", default="small", choices=("tiny", "small", "medium"), help="of the sample shop")
    parser.add_argument("--seed", type=int, default=7)
    add_json_option(parser)
    asked = parser.parse_args()
    if asked.clicks is not None and asked.products is None:
        parser.error("--clicks needs --products: the catalogue that the sessions are about")
    try:
        figures = _measured(asked)
    except ShopsightError as error:
        sys.exit(f"error: {error}")
    write_figures(figures, asked.json)


def _measured(asked: argparse.Namespace) -> dict[str, Any]:
    if asked.judged is not None:
        from benchmarks.search.judged import measure as of_judged

        figures = of_judged(asked.judged, encoder=asked.encoder, seed=asked.seed)
    elif asked.clicks is not None:
        from benchmarks.search.clicked import measure as of_clicked

        figures = of_clicked(asked.clicks, asked.products, seed=asked.seed)
    elif asked.speed is not None:
        from benchmarks.search.speed import measure as of_speed

        figures = of_speed(asked.speed, seed=asked.seed)
    else:
        from benchmarks.search.planted import measure as of_planted

        figures = of_planted(size=asked.size, seed=asked.seed)
    return figures


if __name__ == "__main__":
    main()
