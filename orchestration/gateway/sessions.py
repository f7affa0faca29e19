"""Signed cookies: who is logged in, until when, without the token itself."""

import hashlib
import hmac
import time
from typing import Final

from orchestration.gateway.people import People, Person
from shopsight.key_files import key_of
from shopsight.settings import Settings

DAYS: Final = 30
"""How long a browser stays logged in."""


class Sessions:
    """Makes and checks the cookie of a browser that showed a token once.

    It names the person by the hash of the token: whoever loses the token, or gets a new one, is logged out everywhere.
    """

    def __init__(self, settings: Settings, people: People) -> None:
        self._people = people
        self._key = key_of(settings.keys_dir / "signing.key")
        self.cookie: Final = f"shopsight_{settings.dagster_port}"
        """The cookie's name. Cookies are shared by all ports of a host, so the port is in it: one home, one login."""

    def begin(self, person: Person, now: float | None = None) -> str:
        """Return the value of the cookie of a person who showed a token; ``now`` is in seconds since 1970."""
        until = int((time.time() if now is None else now) + DAYS * 86_400)
        return f"{person.token_hash}.{until}.{self._signature(person.token_hash, until)}"

    def person(self, value: str, now: float | None = None) -> Person | None:
        """Return whose session this is, or ``None`` where it ended, was made up, or its token is gone."""
        token_hash, _, rest = value.partition(".")
        until, _, signature = rest.partition(".")
        if not until.isdecimal() or not until.isascii() or not signature.isascii():
            return None
        if not hmac.compare_digest(signature, self._signature(token_hash, int(until))):
            return None
        if int(until) < (time.time() if now is None else now):
            return None
        return next((person for person in self._people.everyone() if person.token_hash == token_hash), None)

    def _signature(self, token_hash: str, until: int) -> str:
        return hmac.new(self._key, f"session\0{token_hash}\0{until}".encode(), hashlib.sha256).hexdigest()
