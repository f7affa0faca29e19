"""Who looks at a page, and the token that proves that one of our own forms was sent."""

import hashlib
import hmac
from dataclasses import dataclass

from shopsight.key_files import key_of
from shopsight.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Somebody whom the door let in."""

    name: str
    """As the login has it: a decision is recorded under it, and no form can say another."""
    may_act: bool
    """Whether the person may do more than look."""


class FormTokens:
    """Makes and checks the token of forms: each person has one, which no other site's page can read."""

    def __init__(self, settings: Settings) -> None:
        self._key = key_of(settings.keys_dir / "signing.key")

    def of(self, visitor: Visitor) -> str:
        """Return the token that a person's forms carry."""
        return hmac.new(self._key, f"studio form\0{visitor.name}".encode(), hashlib.sha256).hexdigest()

    def proves(self, visitor: Visitor, token: str) -> bool:
        """Return whether a form with this token is the person's."""
        return hmac.compare_digest(self.of(visitor).encode(), token.encode())
