"""How quickly the services answer, and how much they take, over HTTP on this machine.

    python -m benchmarks.serving --json -
    python -m benchmarks.serving --only events --json -

Client and server share the machine. Each block has ``p50_ms``, ``p99_ms``, ``rps`` and ``errors``.
"""

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Final

from benchmarks.output import add_json_option, write_figures
from benchmarks.serving import events, freshness, intents, recommendations

BLOCKS: Final[Mapping[str, Callable[..., dict[str, Any]]]] = {
    "recommendations": recommendations.measure,
    "intents": intents.measure,
    "events": events.measure,
    "freshness": freshness.measure,
}
"""What measures each block, given how many ``seconds`` a load lasts."""


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=BLOCKS, action="append", help="a block; may be given again; default: all")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each load lasts")
    add_json_option(parser)
    arguments = parser.parse_args()
    names = arguments.only or list(BLOCKS)
    figures = {name: BLOCKS[name](seconds=arguments.seconds) for name in names}
    write_figures({"benchmark": "serving", **figures}, arguments.json)


if __name__ == "__main__":
    main()
