"""The last part of ``make campaign-serving``: 10,000 interleavings of writes of the online store."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from interleavings.campaign import run
from shopsight.feature_store import apply_definitions
from shopsight.settings import Settings, prepare_environment


def main() -> None:
    """Run the campaign; end with 1 where an older row won."""
    parser = argparse.ArgumentParser(prog="interleavings", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", default="sqlite", help="`sqlite`, or the URL of an empty database of a Redis")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="shopsight-interleavings-") as folder:
        settings = Settings(home=Path(folder) / "home", online_store=options.store)
        prepare_environment(settings)
        apply_definitions(settings)
        faults = run(
            settings, count=options.count, seed=options.seed, report=lambda done: print(f"{done:,}", flush=True)
        )
    for fault in faults[:20]:
        print(f"WRONG: {fault}")
    verdict = f"{len(faults)} FAILED" if faults else "the newest row always won"
    print(f"{options.count:,} interleavings in {time.monotonic() - began:.0f} s, seed {options.seed}: {verdict}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
