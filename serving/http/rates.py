"""How many requests each API key may make: a token bucket for each, in this process."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shopsight.api_keys import ApiKey

BURST_SECONDS: Final = 2.0
"""How long a key that has rested may ask at once for: so many seconds' worth of its rate, and one request at least."""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What a key has left after a request."""

    wait: int | None
    """Whole seconds until there is room for the request, or None where there was."""
    quota: int
    """Requests that a rested key may make at once."""
    remaining: int
    """Of these, how many are left."""
    refill: int
    """Whole seconds in which an empty bucket is full again."""
    reset: int
    """Whole seconds after which the bucket is full, if nothing is asked meanwhile."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return it as the headers of draft-ietf-httpapi-ratelimit-headers."""
        return [
            (b"ratelimit-policy", f'"key";q={self.quota};w={self.refill}'.encode()),
            (b"ratelimit", f'"key";r={self.remaining};t={self.reset}'.encode()),
        ]


class RateLimits:
    """The buckets of all keys; both keys of a name that is being rotated share one."""

    def __init__(self, default_rate: float, *, seconds_now: Callable[[], float] = time.monotonic) -> None:
        """Start with full buckets.

        Args:
            default_rate: requests a second of a key that names no rate itself; 0 is without a limit.
            seconds_now: a clock that only goes forward.
        """
        self._default_rate = default_rate
        self._seconds_now = seconds_now
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key: ApiKey) -> Allowance | None:
        """Count a request of a key and return what that leaves, or None where the key has no limit."""
        rate = self._default_rate if key.rate is None else key.rate
        if rate == 0:
            self._buckets.pop(key.name, None)
            return None
        now = self._seconds_now()
        bucket = self._buckets.get(key.name)
        if bucket is None or bucket.rate != rate:
            bucket = self._buckets[key.name] = _Bucket(rate, now)
        return bucket.take(now)


class _Bucket:
    """Fills at its rate and gives one request for each token."""

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._capacity = max(1.0, math.floor(rate * BURST_SECONDS))
        self._tokens = self._capacity
        self._filled_at = now

    def take(self, now: float) -> Allowance:
        """Take a token where there is a whole one."""
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        # A clock's fractions add up to one token short of a hair's breadth.
        has_room = self._tokens >= 1 - 1e-9
        if has_room:
            self._tokens = max(0.0, self._tokens - 1)
        return Allowance(
            wait=None if has_room else max(1, math.ceil((1 - self._tokens) / self.rate)),
            quota=int(self._capacity),
            remaining=int(self._tokens + 1e-9),
            refill=math.ceil(self._capacity / self.rate),
            reset=math.ceil((self._capacity - self._tokens) / self.rate),
        )
