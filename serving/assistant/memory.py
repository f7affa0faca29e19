"""Where each talk stands, on disk, so that a restart forgets nothing; it holds what is wished, and no text."""

import json
import logging
import sqlite3
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from models.assistant.state import Talk

MAX_TALKS: Final = 100_000
"""Talks on disk; those that were silent longest go first."""
MAX_IN_MEMORY: Final = 2_000
"""Talks whose last messages are at hand for a person who takes over, and whose state outlives a disk that is full."""
MAX_MESSAGES: Final = 10
TALK_SECONDS: Final = 30 * 86_400.0
"""How long a talk may be silent."""
TIDY_EVERY: Final = 1_000
"""Messages between two looks for talks that have to go."""

log = logging.getLogger(__name__)


class TalkMemory:
    """Talks by the conversation's id and who speaks: another user's talk is another talk."""

    def __init__(self, path: Path, *, seconds_now: Callable[[], float] = time.time) -> None:
        """Open the file, or make it."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = threading.Lock()
        self._seconds_now = seconds_now
        self._talks: OrderedDict[tuple[str, str], Talk] = OrderedDict()
        self._messages: dict[tuple[str, str], deque[tuple[str, str]]] = {}
        self._writes = 0
        self.failure: str | None = None
        """Why talks are not on disk at the moment; None while they are."""
        self._connection = sqlite3.connect(path, check_same_thread=False, timeout=1.0)
        path.chmod(0o600)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute(
            "create table if not exists talks "
            "(conversation text, shopper text, state text, spoke real, primary key (conversation, shopper))"
        )
        self._connection.commit()

    def talk(self, conversation_id: str, shopper: str) -> Talk:
        """Return where a talk stands; a talk that nobody began, or of another version, begins."""
        with self._lock:
            try:
                row = self._connection.execute(
                    "select state from talks where conversation = ? and shopper = ? and spoke > ?",
                    (conversation_id, shopper, self._seconds_now() - TALK_SECONDS),
                ).fetchone()
            except sqlite3.Error as error:
                self.failure = str(error)
                return self._talks.get((conversation_id, shopper), Talk())
        try:
            return (
                self._talks.get((conversation_id, shopper), Talk()) if row is None else Talk.of_json(json.loads(row[0]))
            )
        except (KeyError, TypeError, ValueError):
            return Talk()

    def keep(self, conversation_id: str, shopper: str, talk: Talk, *, said: tuple[str, str]) -> None:
        """Write where a talk stands after a message and its answer, which stay in memory alone."""
        key = (conversation_id, shopper)
        with self._lock:
            self._messages.setdefault(key, deque(maxlen=MAX_MESSAGES)).append(said)
            self._talks[key] = talk
            self._talks.move_to_end(key)
            while len(self._talks) > MAX_IN_MEMORY:
                gone, _ = self._talks.popitem(last=False)
                self._messages.pop(gone, None)
            try:
                self._write(key, talk)
                self.failure = None
            except sqlite3.Error as error:
                if self.failure is None:
                    log.warning("talks stay in memory: %s", error)
                self.failure = str(error)

    def messages(self, conversation_id: str, shopper: str) -> list[tuple[str, str]]:
        """Return the last messages of a talk with their answers, the oldest first."""
        return list(self._messages.get((conversation_id, shopper), ()))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _write(self, key: tuple[str, str], talk: Talk) -> None:
        now = self._seconds_now()
        with self._connection:
            self._connection.execute(
                "insert or replace into talks values (?, ?, ?, ?)", (*key, json.dumps(talk.as_json()), now)
            )
            self._writes += 1
            if self._writes % TIDY_EVERY == 1:
                self._connection.execute("delete from talks where spoke <= ?", (now - TALK_SECONDS,))
                self._connection.execute(
                    "delete from talks where rowid in (select rowid from talks order by spoke desc limit -1 offset ?)",
                    (MAX_TALKS,),
                )
