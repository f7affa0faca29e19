"""How every benchmark gives its figures: as one JSON document, to standard output or into a file."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shopsight.whole_files import write_json

STANDARD_OUTPUT = "-"


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--json FILE``; a file that could not be written is refused now, not after an hour of measuring."""
    parser.add_argument(
        "--json",
        type=_writable,
        default=STANDARD_OUTPUT,
        metavar="FILE",
        help="where the figures go; - is standard output",
    )


def write_figures(figures: Mapping[str, Any], destination: str) -> None:
    """Write ``figures`` to where ``--json`` says; a file appears whole."""
    if destination == STANDARD_OUTPUT:
        sys.stdout.write(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    else:
        write_json(Path(destination), figures)


def _writable(destination: str) -> str:
    if destination != STANDARD_OUTPUT and not Path(destination).absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {Path(destination).absolute().parent}; make it first")
    return destination
