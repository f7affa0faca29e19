"""How every benchmark gives its figures: as one JSON document, to standard output or into a file."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shopsight.code_version import git_commit
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
    """Write ``figures``, and under ``run`` how they came about, to where ``--json`` says; a file appears whole."""
    document = {**figures, "run": describe_run(sys.orig_argv)}
    if destination == STANDARD_OUTPUT:
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        write_json(Path(destination), document)


def describe_run(argv: list[str]) -> dict[str, Any]:
    """Return the command, day, commit and machine of this run, for ``docs/benchmarks.md`` to name.

    Args:
        argv: the interpreter's arguments; files are named without their folders, which are this machine's own.
    """
    return {
        "command": " ".join(["python", *(Path(word).name if "/" in word else word for word in argv[1:])]),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": git_commit(digits=7),
        "machine": {
            "cores": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "python": platform.python_version(),
            # Processes that wanted a core in the last five minutes: above `cores`, the benchmark waited for others.
            "load": round(os.getloadavg()[1], 1),
        },
    }


def _writable(destination: str) -> str:
    if destination != STANDARD_OUTPUT and not Path(destination).absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {Path(destination).absolute().parent}; make it first")
    return destination
