"""Proves that a webhook comes from the shop system that it names: by a secret that both know."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from serving.http.problems import ProblemError
from shopsight.settings import Settings

SIGNATURE_HEADERS: Final = {"shopify": "x-shopify-hmac-sha256", "woocommerce": "x-wc-webhook-signature"}
"""Where each system puts the HMAC-SHA256 of the body, in base64."""
TOPIC_HEADERS: Final = {"shopify": "x-shopify-topic", "woocommerce": "x-wc-webhook-topic"}
"""Where each system says what a webhook is about."""


def require_signature(settings: Settings, system: str, headers: Mapping[str, str], body: bytes) -> None:
    """Return where a webhook is signed with the secret of its shop system.

    Args:
        settings: hold the secrets.
        system: one of :data:`SIGNATURE_HEADERS`.
        headers: of the request, by names in small letters.
        body: as it came.

    Raises:
        ProblemError: no secret is known (404), or the signature is none of the body (401).
    """
    secret = settings.webhook_secret(system)
    if secret is None:
        setting = f"SHOPSIGHT_{system.upper()}_WEBHOOK_SECRET"
        raise ProblemError(
            404, f"Webhooks of {system} are not taken: set {setting} to their secret.", code="not_configured"
        )
    signature = base64.b64encode(hmac.digest(secret, body, hashlib.sha256))
    given = headers.get(SIGNATURE_HEADERS[system], "").encode("latin-1", errors="replace")
    if not hmac.compare_digest(signature, given):
        raise ProblemError(401, f"The signature in {SIGNATURE_HEADERS[system]} is not that of this body.")
