"""``make campaign-collector``: kills in full, then each planted defect, which must be seen."""

import argparse
import tempfile
from pathlib import Path

from collector_kills.campaign import campaign
from collector_kills.victims import DEFECTS


def main() -> None:
    """Run the campaign; end with 1 where a row was lost or doubled, or a planted defect was not seen."""
    parser = argparse.ArgumentParser(prog="collector_kills", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="collectors to kill")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = campaign(Path(folder), kills=options.count, seed=options.seed)
    print(tally)
    failed = not tally.is_right
    for defect in DEFECTS:
        with tempfile.TemporaryDirectory() as folder:
            tally = campaign(Path(folder), kills=12, seed=options.seed, defect=defect)
        print(f"planted: {defect}: {'not seen' if tally.is_right else 'seen'}; {tally}")
        failed |= tally.is_right
    raise SystemExit(int(failed))


if __name__ == "__main__":
    main()
