"""Each key has so many requests a second, and a client that heeds the headers is never refused twice."""

import random
from datetime import UTC, datetime

import httpx
import pytest

from serving.http.rates import RateLimits
from shopsight.api_keys import ApiKey


def key(name: str = "shop", rate: float | None = None) -> ApiKey:
    return ApiKey(name=name, scopes=("read",), hash="0" * 64, created=datetime(2026, 1, 1, tzinfo=UTC), rate=rate)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_rested_key_may_ask_for_two_seconds_at_once_and_then_at_its_rate(clock: Clock) -> None:
    limits = RateLimits(0, seconds_now=clock)
    took = [limits.take(key(rate=10)) for _ in range(21)]
    assert [one.remaining for one in took] == [*range(19, -1, -1), 0]
    assert [one.wait for one in took] == [None] * 20 + [1]
    assert (took[0].quota, took[0].refill, took[20].reset) == (20, 2, 2)
    clock.seconds += 0.1
    assert limits.take(key(rate=10)).wait is None
    assert limits.take(key(rate=10)).wait == 1


@pytest.mark.parametrize("rate", [0.05, 0.3, 1, 7, 333.3])
def test_over_any_time_a_key_gets_its_rate_and_one_burst_and_no_more(clock: Clock, rate: float) -> None:
    rng, limits, granted, start = random.Random(7), RateLimits(0, seconds_now=clock), 0, clock.seconds
    for _ in range(4000):
        granted += limits.take(key(rate=rate)).wait is None
        clock.seconds += rng.expovariate(4 * rate)
    elapsed = clock.seconds - start
    burst = max(1, int(rate * 2))
    # What runs over while nobody asks is lost, most of it from a bucket of one.
    assert 0.75 * elapsed * rate <= granted <= elapsed * rate + burst + 1


@pytest.mark.parametrize("rate", [0.05, 3, 250])
def test_who_waits_as_long_as_told_is_let_in(clock: Clock, rate: float) -> None:
    limits = RateLimits(rate, seconds_now=clock)
    while (wait := limits.take(key()).wait) is None:
        pass
    clock.seconds += wait
    assert limits.take(key()).wait is None


def test_a_key_has_its_own_rate_or_the_default_or_none(clock: Clock) -> None:
    limits = RateLimits(1, seconds_now=clock)
    assert limits.take(key("a")).quota == 2
    assert limits.take(key("b", rate=5)).quota == 10
    assert limits.take(key("c", rate=0)) is None
    assert RateLimits(0, seconds_now=clock).take(key("a")) is None
    for _ in range(2):
        limits.take(key("a"))
    assert limits.take(key("a")).wait is not None
    assert limits.take(key("b", rate=5)).wait is None  # one key's hurry is nobody else's
    assert limits.take(key("a", rate=50)).remaining == 99  # a rate that was changed begins anew


def test_a_service_answers_429_with_when_to_ask_again_and_says_what_is_left(start, home) -> None:
    from shopsight.api_keys import ApiKeys

    slow = ApiKeys(home).create("slow", ["read"], rate=1)
    quick = ApiKeys(home).create("quick", ["read"])
    service = start()

    def ask(secret: str, path: str = "/v1/models") -> httpx.Response:
        return service.ask(path=path, headers={"x-api-key": secret, "x-request-id": "r1"})

    first = ask(slow)
    assert first.status_code == 200
    assert first.headers["ratelimit-policy"] == '"key";q=2;w=2'
    assert first.headers["ratelimit"] == '"key";r=1;t=1'
    assert first.headers["x-request-id"] == "r1"
    assert ask(slow).status_code == 200
    refused = ask(slow)
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (429, "rate_limited", "1")
    assert refused.headers["ratelimit"] == '"key";r=0;t=2'
    assert "slow may make 2 requests at once" in refused.json()["detail"]
    assert ask(slow, "/metrics").status_code == ask(slow, "/readyz").status_code == 200  # health is not counted
    assert all(ask(quick).status_code == 200 for _ in range(10))
    assert "ratelimit" not in ask(quick).headers
    service.seconds += 1
    assert ask(slow).status_code == 200
