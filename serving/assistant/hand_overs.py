"""What the assistant hands over to people of the shop: a line in a file that they read, and a call of their webhook."""

import json
import logging
import os
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from shopsight.clock import rfc3339
from shopsight.settings import Settings

SECONDS = 5.0
"""Longest wait for the shop's webhook, beside the answer."""

log = logging.getLogger(__name__)


class HandOvers:
    """Writes them down before the shopper hears of it."""

    def __init__(self, settings: Settings) -> None:
        self.path: Path = settings.assistant_dir / "hand_overs.jsonl"
        self._webhook = settings.hand_over_webhook.get_secret_value() if settings.hand_over_webhook else None
        self._lock = threading.Lock()
        self.failure: str | None = None
        """Why the newest one was not written, or not told to the webhook; None where it was."""

    def write(
        self,
        hand_over_id: str,
        *,
        at: datetime,
        conversation_id: str,
        user_id: str | None,
        reason: str,
        language: str,
        messages: Sequence[tuple[str, str]],
    ) -> None:
        """Write one with the last messages and answers of its talk; its owner alone may read the file.

        Raises:
            OSError: it could not be written, so nobody may say that a person will read it.
        """
        row = {
            "hand_over_id": hand_over_id,
            "at": rfc3339(at),
            "conversation_id": conversation_id,
            "user_id": user_id,
            "reason": reason,
            "language": language,
            "messages": [{"shopper": text, "assistant": answer} for text, answer in messages],
        }
        line = json.dumps(row, ensure_ascii=False) + "\n"
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        if self._webhook is not None:
            threading.Thread(target=self._tell, args=(row,), name="handing over", daemon=True).start()

    def _tell(self, row: dict[str, Any]) -> None:
        assert self._webhook is not None
        try:
            httpx.post(self._webhook, json=row, timeout=SECONDS).raise_for_status()
        except httpx.HTTPError as error:
            self.failure = f"the webhook was not told of {row['hand_over_id']}: {type(error).__name__}"
            log.warning("%s", self.failure)  # the row is in the file all the same
        else:
            self.failure = None
