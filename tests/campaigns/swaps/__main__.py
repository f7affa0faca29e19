"""``make campaign-serving``: a hundred hot swaps and twenty bad models while a client asks, and nobody notices.

Every answer must be a 200 of one version that may serve, every rollback over within five seconds, and the prediction
log must have a row for each answer and no other.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from running import free_port

from shopsight.settings import Settings, prepare_environment
from swaps.campaign import faults_of, rollback_seconds, run
from swaps.toy import ToyProcess, package_toy


def main() -> None:
    """Run the campaign; end with 1 where a client could have noticed a swap."""
    parser = argparse.ArgumentParser(prog="swaps", description=__doc__)
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--bad", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--toy", action="store_true", help="serve this checkout's code: a Bento takes 5 s to build")
    parser.add_argument("--minutes", type=float, default=0.0, help="spread the steps over them, at 70%% of capacity")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="shopsight-swaps-") as folder:
        settings = Settings(home=Path(folder) / "home", recommendation_port=free_port())
        prepare_environment(settings)

        def report(line: str) -> None:
            print(line, flush=True)

        toy: Any = {"package": package_toy, "process": ToyProcess} if options.toy else {}
        campaign = run(
            settings,
            swaps=options.swaps,
            bad=options.bad,
            seed=options.seed,
            report=report,
            minutes=options.minutes,
            **toy,
        )
    kinds = Counter(decision.kind for decision in campaign.decisions)
    print(f"steps: {dict(kinds)}")
    print(f"requests: {dict(Counter(one.status for one in campaign.outcomes))}, rows: {len(campaign.rows):,}")
    slowest = sorted(one.ended - one.began for one in campaign.outcomes)
    print(f"an answer took {slowest[len(slowest) // 2] * 1000:.0f} ms (median), {slowest[-1] * 1000:.0f} ms (longest)")
    if campaign.capacity:
        took = campaign.outcomes[-1].ended - campaign.outcomes[0].began
        share = len(campaign.outcomes) / took / campaign.capacity
        print(
            f"{campaign.capacity:.0f} requests/s were possible; {share:.0%} of that was asked, {took / 60:.0f} minutes"
        )
    if seconds := rollback_seconds(campaign):
        print(f"a rollback took {sum(seconds) / len(seconds):.1f} s on average, {max(seconds):.1f} s at most")
    faults = faults_of(campaign)
    for fault in faults:
        print(f"WRONG: {fault}")
    print(f"{time.monotonic() - began:.0f} s, seed {options.seed}: {'FAILED' if faults else 'nobody noticed'}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
