"""How a webhook of shopsight is signed, whatever it brings: notices of decisions, lists of campaigns, triggers."""

import hashlib
import hmac
from typing import Final

SIGNATURE: Final = "X-Shopsight-Signature"
"""The header that has it."""


def signature(secret: str, body: bytes, *, at: int) -> str:
    """Return ``t=SECONDS,v1=HEX``: the HMAC-SHA256 of the time and the body, so that an old message can be told."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"
