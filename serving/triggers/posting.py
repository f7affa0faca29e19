"""Posts firings to the shop's webhook: signed, several at a time, and none of them twice."""

import json
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Literal

from shopsight.settings import Settings
from shopsight.webhook_signature import SIGNATURE, signature

SECONDS: Final = 5.0
"""How long the webhook may take for one step."""
POSTERS: Final = 16
"""Posts that are under way at once."""
NOT_NOW: Final = (429, 503)
"""Answers by which a server says that it did not take a post, and may take it later."""

Delivery = Literal["delivered", "refused", "unconfirmed", "waiting"]


@dataclass(frozen=True)
class Outcome:
    """What became of one post."""

    delivery: Delivery
    """``waiting``: surely not taken, so that it may be posted again; ``unconfirmed``: nobody knows, so it may not."""
    answer: str


class Poster:
    """Posts to one address."""

    def __init__(self, settings: Settings, url: str) -> None:
        import httpx

        self._url = url
        self._secret = settings.notify_webhook_secret
        # A connection for each: of one that the server has just closed nobody could say whether the post was taken.
        self._client = httpx.Client(
            timeout=SECONDS, trust_env=False, follow_redirects=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self._pool = ThreadPoolExecutor(POSTERS, thread_name_prefix="posting triggers")

    def post(self, message: Mapping[str, Any]) -> "Future[Outcome]":
        """Return what will become of a message."""
        return self._pool.submit(self._post, message)

    def close(self) -> None:
        """Wait for what is under way, and end."""
        self._pool.shutdown(wait=True)
        self._client.close()

    def _post(self, message: Mapping[str, Any]) -> Outcome:
        import httpx

        body = json.dumps(message, sort_keys=True).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "shopsight",
            "X-Shopsight-Firing": str(message["id"]),
        }
        if self._secret is not None:
            headers[SIGNATURE] = signature(self._secret.get_secret_value(), body, at=int(time.time()))
        try:
            # What the answer says beside its status changes nothing, and it may never end.
            with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
                status = answer.status_code
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Outcome("waiting", f"not reached: {type(error).__name__}")
        except httpx.HTTPError as error:
            return Outcome("unconfirmed", f"no answer: {type(error).__name__}")
        if 200 <= status < 300:
            return Outcome("delivered", str(status))
        return Outcome("waiting" if status in NOT_NOW else "refused", str(status))
