"""``make campaign-governance``: 2,000 random sequences of decisions, and 10,000 mutations of what they wrote."""

import argparse
import json
import sys
import time

from governance.campaign import Tally, campaign
from governance.defects import DEFECTS, planted


def main() -> None:
    """Run the campaign; end with 1 where a state was illegal, or a mutation went unnoticed."""
    parser = argparse.ArgumentParser(prog="governance", description=__doc__)
    parser.add_argument("--sequences", type=int, default=2_000)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--defect", choices=DEFECTS, help="plant this one first: the campaign has to end with 1")
    options = parser.parse_args()
    began = time.monotonic()
    with planted(options.defect):
        tally = campaign(
            sequences=options.sequences,
            mutations=options.mutations,
            seed=options.seed,
            report=lambda text: print(text, file=sys.stderr, flush=True),
        )
    _show(tally)
    print(json.dumps(tally.as_document() | {"seed": options.seed, "seconds": round(time.monotonic() - began)}))
    sys.exit(0 if tally.is_right else 1)


def _show(tally: Tally) -> None:
    print(f"{tally.sequences:,} sequences, {sum(tally.actions.values()):,} actions:")
    for action, count in sorted(tally.actions.items()):
        print(f"  {action:<24}{count:>9,}")
    print(f"{sum(tally.mutations.values()):,} mutations, {sum(tally.noticed.values()):,} noticed:")
    for kind, count in sorted(tally.mutations.items()):
        print(f"  {kind:<24}{count:>9,}{tally.noticed[kind]:>9,}")
    for fault in tally.faults:
        print(f"WRONG: {fault}")
    print("no illegal state, and every mutation was noticed" if tally.is_right else "FAILED")


if __name__ == "__main__":
    main()
