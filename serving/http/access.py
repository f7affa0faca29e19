"""Who may ask for what: each address of a service has a scope, and a request shows a key that has it."""

import base64
import binascii
import functools
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from serving.http.headers import HEALTH_PATHS
from serving.http.key_ring import KeyRing
from serving.http.problems import ProblemError
from serving.http.rates import RateLimits
from shopsight.api_keys import ApiKey, Scope
from shopsight.clock import rfc3339, utc_now
from shopsight.settings import Settings

LOGGER: Final = logging.getLogger("shopsight.access")
LOG_SECONDS: Final = 1.0
"""One refusal is logged in so many seconds; of the others the next line says how many there were."""
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

KEYLESS: Final = ("/livez", "/readyz", "/healthz", "/docs.json", "/static_content")
"""What says nothing of the shop: whether the service lives, and the description of its interface, which anybody can
read in the project. A browser sends no key with the address of a page, and the page is where one is typed in."""
WRITES: Final = ("/v1/events", "/v1/items")
"""Where events and items are sent; to ask there takes ``read``."""
READS: Final = (
    *("/v1/recommendations", "/v1/rankings", "/v1/search", "/v1/intents", "/v1/predictions"),
    "/v1/assistant",
)
"""Where predictions and answers are asked for by POST."""


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """What a service says of its own addresses, beside those above; each stands for all below it, too."""

    keyless: Sequence[str] = ()
    """Answered without a key: what proves its sender in another way, as a signed webhook does, or is public."""
    writes: Sequence[str] = ()
    reads: Sequence[str] = ()
    profiles: re.Pattern[str] | None = None
    """What the whole address is like where all that is known of a shopper is told: it takes the scope ``profiles``."""
    uploads: Mapping[str, int] = field(default_factory=dict)
    """Addresses whose bodies are files, not JSON, and how many bytes each takes; these alone, nothing below them."""

    def scope_of(self, method: str, path: str) -> Scope | None:
        """Return the scope that a request needs, or None where it needs no key.

        What is in no list takes ``read`` to look at and ``admin`` to ask for in any other way: a new route is closed
        until somebody says who may use it.
        """
        is_safe = method in SAFE
        if _below(path, self.keyless) or (is_safe and (path == "/" or _below(path, KEYLESS))):
            return None
        if is_safe:
            return "profiles" if self.profiles is not None and self.profiles.fullmatch(path) else "read"
        if _below(path, WRITES) or _below(path, self.writes):
            return "write"
        return "read" if method == "POST" and (_below(path, READS) or _below(path, self.reads)) else "admin"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a request may go on, and what its answer says of the key's rate."""

    problem: ProblemError | None = None
    headers: Sequence[tuple[bytes, bytes]] = ()
    scopes: Sequence[Scope] | None = None
    """Of the key that the request shows; None where none is asked for."""


class Access:
    """Lets a request in, or says why not."""

    def __init__(
        self,
        settings: Settings,
        addresses: Addresses | None = None,
        *,
        seconds_now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keys = KeyRing(settings, seconds_now=seconds_now)
        self.rates = RateLimits(settings.api_key_rate, seconds_now=seconds_now)
        self.addresses = addresses or Addresses()
        self._seconds_now = seconds_now
        self._log_again = float("-inf")
        self._unlogged = 0

    def verdict(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes], request_id: str) -> Verdict:
        """Return whether a request may go on.

        Args:
            scope: the request, as ASGI has it.
            headers: the request's, by their names in lower case.
            request_id: what the log names it by.
        """
        needed = self.addresses.scope_of(scope["method"], scope["path"])
        if needed is None:
            return OPEN
        self.keys.look()
        if not self.keys.in_force and not _over_a_network(scope, headers):
            return OPEN
        key, verdict = self._judged(needed, scope["path"], headers)
        if verdict.problem is not None:
            self._log(scope, verdict.problem, key, request_id)
        return verdict

    def notes(self) -> list[str]:
        """Return what is amiss, for ``/readyz``."""
        return self.keys.notes()

    def _judged(self, needed: Scope, path: str, headers: Mapping[bytes, bytes]) -> tuple[ApiKey | None, Verdict]:
        """Return whose key a request shows, and whether it may go on."""
        if (problem := self._without_keys()) is not None:
            return None, Verdict(problem=problem)
        secret = _secret_in(headers)
        key = None if secret is None else self.keys.holder(secret)
        if key is None:
            return None, Verdict(problem=NO_KEY if secret is None else UNKNOWN_KEY)
        if (problem := _lacking(key, needed)) is not None:
            return key, Verdict(problem=problem)
        self.keys.note_use(key)
        if path in HEALTH_PATHS:
            return key, OPEN
        return key, replace(self._within_rate(key), scopes=key.scopes)

    def _without_keys(self) -> ProblemError | None:
        """Return what is said where keys are asked for, and there are none to compare with."""
        if not self.keys.in_force:
            return ProblemError(
                401,
                "This service was reached over a network and has no API keys, so it answers nobody. "
                "Where it runs, `shopsight keys create NAME --scope read` makes one.",
                code="keys_required",
            )
        if not self.keys.usable:
            return ProblemError(
                503,
                "The service cannot read its API keys, so it answers nobody; its /readyz says why.",
                code="keys_unusable",
                retry_after=1,
            )
        return None

    def _within_rate(self, key: ApiKey) -> Verdict:
        allowance = self.rates.take(key)
        if allowance is None:
            return OPEN
        if allowance.wait is None:
            return Verdict(headers=allowance.headers())
        problem = ProblemError(
            429,
            f"The API key of {key.name} may make {allowance.quota} requests at once, and as many again every "
            f"{allowance.refill} s.",
            code="rate_limited",
            retry_after=allowance.wait,
        )
        return Verdict(problem=problem, headers=allowance.headers())

    def _log(self, scope: Mapping[str, Any], problem: ProblemError, key: ApiKey | None, request_id: str) -> None:
        """Say who was refused, without the address: it may name a shopper."""
        now = self._seconds_now()
        if now < self._log_again:
            self._unlogged += 1
            return
        self._log_again = now + LOG_SECONDS
        client = (scope.get("client") or ("unknown",))[0]
        more = f"; {self._unlogged} more since the last line" if self._unlogged else ""
        self._unlogged = 0
        LOGGER.warning(
            "%d %s for %r, key of %s, request %s%s",
            problem.status,
            problem.code,
            client,
            "-" if key is None else key.name,
            request_id,
            more,
        )


OPEN: Final = Verdict()
NO_KEY: Final = ProblemError(
    401, "Send an API key, as `X-API-Key: KEY` or `Authorization: Bearer KEY`.", code="key_missing"
)
UNKNOWN_KEY: Final = ProblemError(401, "This API key opens nothing here.", code="key_unknown")


def _lacking(key: ApiKey, needed: Scope) -> ProblemError | None:
    """Return what a key lacks for a scope."""
    if key.expires is not None and key.expired(utc_now()):
        return ProblemError(401, f"This API key of {key.name} expired at {rfc3339(key.expires)}.", code="key_expired")
    if needed not in key.scopes and "admin" not in key.scopes:
        has = " and ".join(key.scopes)
        return ProblemError(
            403, f"This takes the scope {needed}; the API key of {key.name} has {has}.", code="scope_missing"
        )
    return None


def _below(path: str, tops: Sequence[str]) -> bool:
    return f"{path}/".startswith(_with_slashes(tuple(tops)))


@functools.cache
def _with_slashes(tops: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{top}/" for top in tops)


def _secret_in(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the key that a request shows.

    ``Authorization: Basic`` has it where a name would be, as the libraries of Segment send theirs.
    """
    own = headers.get(b"x-api-key")
    if own is not None:
        return own.decode("latin-1").strip()
    kind, _, value = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() == b"bearer":
        return value.decode("latin-1").strip()
    if kind.lower() == b"basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode("latin-1").partition(":")[0]
        except binascii.Error:
            return ""
    return None


def _over_a_network(scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> bool:
    """Whether other machines could have sent a request, whatever the settings say.

    It reached this process at an address that they reach, or through a proxy, which may stand on this machine.
    """
    return (
        b"x-forwarded-for" in headers or b"forwarded" in headers or _is_of_a_network((scope.get("server") or ("",))[0])
    )


@functools.lru_cache(maxsize=64)
def _is_of_a_network(name: str) -> bool:
    try:
        address = ip_address(name)
    except ValueError:  # a Unix socket, or no socket at all: servers name the address that was reached
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return not (mapped or address).is_loopback
