"""What the check of an API key costs a request.

    python -m benchmarks.api_keys --json -

The services' own check (`serving.http.access.Access.verdict`), called as the request guard calls it, in microseconds
of CPU: without a file of keys, and with 1, 10, 100 and 1,000 keys, shown as `X-API-Key`, of which each is limited to a
rate that it never reaches. Each figure is the median of eleven rounds; every round asks with each key in turn.
"""

import argparse
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.output import add_json_option, write_figures
from serving.http.access import Access
from shopsight.api_keys import ApiKey, hash_of, write_keys
from shopsight.clock import utc_now
from shopsight.settings import Settings

COUNTS: Final = (0, 1, 10, 100, 1_000)
ROUNDS: Final = 11
RATE: Final = 1e9


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5_000, help="timed checks a round")
    add_json_option(parser)
    arguments = parser.parse_args()
    checks = [{"keys": count, "cpu_us": round(measure(count, requests=arguments.requests), 2)} for count in COUNTS]
    write_figures({"benchmark": "api_keys", "requests": arguments.requests, "checks": checks}, arguments.json)


def measure(count: int, *, requests: int) -> float:
    """Return the microseconds of CPU that one check takes where ``count`` keys are stored."""
    scope = {"method": "POST", "path": "/v1/recommendations", "server": ("127.0.0.1", 3002), "client": ("127.0.0.1", 1)}
    secrets = [f"shopsight_{number:043d}" for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), api_key_rate=RATE)
        if count:
            write_keys(settings.api_keys_path, [_stored(key) for key in secrets])
        access = Access(settings)
        headers: list[dict[bytes, bytes]] = [{b"x-api-key": key.encode()} for key in secrets] or [{}]
        asked: list[Any] = [headers[number % len(headers)] for number in range(requests)]
        if any(access.verdict(scope, one, "r").problem for one in headers):
            raise RuntimeError("a key that was made for this was refused")
        rounds = []
        for _ in range(ROUNDS):
            start = time.process_time()
            for one in asked:
                access.verdict(scope, one, "r")
            rounds.append((time.process_time() - start) / requests)
    return statistics.median(rounds) * 1e6


def _stored(key: str) -> ApiKey:
    now = utc_now()
    return ApiKey(name=key, scopes=("read",), hash=hash_of(key).hex(), created=now, expires=now + timedelta(days=1))


if __name__ == "__main__":
    main()
