"""``python -m canaries``: fifty bad versions and fifty good ones are released while shoppers ask.

Every bad one must be stopped within five seconds of the answer that proves it, two good ones at most, no request may
fail while a version is beside the champion, and the prediction log must say of each row whether somebody saw it.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from running import free_port

from canaries.campaign import faults_of, rollback_seconds, run
from shopsight.settings import Settings, prepare_environment


def main() -> None:
    """Run the campaign; end with 1 where a client could have noticed, or a version was judged wrongly."""
    parser = argparse.ArgumentParser(prog="canaries", description=__doc__)
    parser.add_argument("--bad", type=int, default=50)
    parser.add_argument("--good", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="shopsight-canaries-") as folder:
        settings = Settings(home=Path(folder) / "home", recommendation_port=free_port())
        prepare_environment(settings)
        campaign = run(
            settings, bad=options.bad, good=options.good, seed=options.seed, report=lambda line: print(line, flush=True)
        )
    bad = [one for one in campaign.releases if one.is_bad]
    good = [one for one in campaign.releases if not one.is_bad]
    print(f"{sum(one.was_stopped for one in bad)} of {len(bad)} bad versions were stopped, ", end="")
    print(f"{sum(one.was_stopped for one in good)} of {len(good)} good ones")
    if seconds := sorted(rollback_seconds(one, campaign.outcomes) for one in bad if one.was_stopped):
        print(f"from the proof until nobody got its answers: {seconds[len(seconds) // 2]:.1f} s (median), ", end="")
        print(f"{seconds[-1]:.1f} s (longest)")
    if spans := sorted(one.ended - one.first_bad for one in bad if one.was_stopped):
        print(f"from its first bad answer: {spans[len(spans) // 2]:.1f} s (median), {spans[-1]:.1f} s (longest)")
    statuses = Counter(one.status for one in campaign.outcomes)
    roles = Counter(role or "champion" for _, role in campaign.rows.values())
    print(f"requests: {dict(statuses)}; rows: {dict(roles)}")
    faults = faults_of(campaign)
    for fault in faults:
        print(f"WRONG: {fault}")
    print(f"{time.monotonic() - began:.0f} s, seed {options.seed}: {'FAILED' if faults else 'as it should be'}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
