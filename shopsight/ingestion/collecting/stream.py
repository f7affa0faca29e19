"""NATS JetStream in the place of a journal: several collectors publish, and one landing reads.

A record is a message; it is acknowledged by the stream, on its disk, before its senders are answered. How far the
stream has landed stands in the event log itself, in the manifests of the batches that were made of it: so a landing
that is killed anywhere neither loses nor repeats a message.
"""

import asyncio
import secrets
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from shopsight.errors import ShopsightError
from shopsight.ingestion.collecting.records import Record, decode, encode
from shopsight.settings import without_password

STREAM: Final = "shopsight_events"
SUBJECT: Final = "shopsight.events"
SECONDS: Final = 5.0
"""Longest wait for an answer of the server; a record that is not acknowledged by then is published once more."""
SAME_MESSAGE_SECONDS: Final = 120.0
"""How long the server knows the id of a message, and so that it has it already."""

Result = TypeVar("Result")


class StreamUnavailableError(ShopsightError):
    """The server of the stream does not answer, or has no JetStream."""


@dataclass(frozen=True, kw_only=True)
class StreamState:
    """What a stream holds."""

    created: datetime
    """When it was made: one that is made anew counts from 1 again."""
    first: int
    """Number of the oldest message."""
    last: int
    """Number of the newest there ever was."""
    messages: int
    size: int
    """Bytes of all messages."""


class EventStream:
    """A connection to the stream, for code that is not asynchronous."""

    def __init__(self, url: str, *, name: str = STREAM, subject: str = SUBJECT) -> None:
        """Connect, and make the stream where it is missing.

        Raises:
            StreamUnavailableError: the server does not answer, or has no JetStream.
        """
        self._url = url
        self._name = name
        self._subject = subject
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="event stream", daemon=True)
        self._thread.start()
        try:
            self._client, self._stream = self._run(self._open())
        except (OSError, NatsError, TimeoutError) as error:
            self._end()
            raise self._unavailable(error) from error

    def publish(self, data: bytes, *, message_id: str) -> None:
        """Return once the server has a message on its disk; a message of the same id is taken once.

        Raises:
            OSError: it did not say so.
        """
        headers = {"Nats-Msg-Id": message_id}
        for attempt in (1, 2):
            try:
                self._run(self._stream.publish(self._subject, data, timeout=SECONDS, headers=headers))
            except (NatsError, TimeoutError, OSError) as error:
                if attempt == 2:
                    address = without_password(self._url)  # a service's `/readyz` notes it, for everybody
                    raise OSError(f"{address} did not take the events: {error or type(error).__name__}") from error
            else:
                return

    def __enter__(self) -> "EventStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def max_bytes(self) -> int:
        """Largest message that the server takes."""
        return int(self._client.max_payload)

    def state(self) -> StreamState:
        """Return what the stream holds.

        Raises:
            StreamUnavailableError: the server does not answer.
        """
        with self._explained():
            info = self._run(self._stream.stream_info(self._name))
        assert info.created is not None
        state = info.state
        return StreamState(
            created=info.created,
            first=state.first_seq,
            last=state.last_seq,
            messages=state.messages,
            size=state.bytes,
        )

    def record(self, number: int) -> Record | None:
        """Return the record of a message, or None where somebody has taken the message out.

        Raises:
            StreamUnavailableError: the server does not answer.
            ValueError: the message is no record.
        """
        with self._explained():
            try:
                message = self._run(self._stream.get_msg(self._name, seq=number))
            except NotFoundError:
                return None
        decoded = decode(memoryview(message.data or b""))
        if decoded is None:
            raise ValueError(f"message {number} of {self._name} is no record of a collector")
        return decoded[0]

    def arrival(self, number: int) -> datetime | None:
        """Return when a message reached the server, or None where it is not there any more.

        Raises:
            StreamUnavailableError: the server does not answer.
        """
        with self._explained():
            try:
                return self._run(self._stream.get_msg(self._name, seq=number)).time
            except NotFoundError:
                return None

    def forget_until(self, number: int) -> None:
        """Take out the messages up to a number."""
        with self._explained():
            self._run(self._stream.purge_stream(self._name, seq=number + 1))

    def close(self) -> None:
        """End the connection."""
        try:
            self._run(self._client.close())
        finally:
            self._end()

    async def _open(self) -> tuple[Client, JetStreamContext]:
        client = await nats.connect(self._url, connect_timeout=SECONDS, allow_reconnect=True, max_reconnect_attempts=-1)
        stream = client.jetstream(timeout=SECONDS)
        try:
            await stream.stream_info(self._name)
        except NotFoundError:
            await stream.add_stream(
                StreamConfig(
                    name=self._name,
                    subjects=[self._subject],
                    retention=RetentionPolicy.LIMITS,
                    storage=StorageType.FILE,
                    duplicate_window=SAME_MESSAGE_SECONDS,
                )
            )
        return client, stream

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (NatsError, TimeoutError, OSError) as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: BaseException) -> StreamUnavailableError:
        return StreamUnavailableError(
            f"the event stream {without_password(self._url)} does not answer",
            why=str(error) or type(error).__name__,
            fix="start the NATS server with JetStream (nats-server -js), or mend SHOPSIGHT_EVENT_STREAM",
        )

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(4 * SECONDS)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class StreamKeeper:
    """A :class:`~shopsight.ingestion.collecting.group_commit.Keeper` that publishes."""

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream

    def append(self, record: Record) -> None:
        """Publish a record, in parts where it is larger than a message may be."""
        data = encode(record)
        if len(data) > self._stream.max_bytes - 1024:  # beside its headers
            for part in _parts(record):
                self.append(part)
            return
        self._stream.publish(data, message_id=secrets.token_hex(16))

    def seal_if_old(self) -> None:
        """Do nothing: what is published can land at once."""

    def close(self) -> None:
        """End the connection."""
        self._stream.close()


def _parts(record: Record) -> list[Record]:
    """Return a record as several smaller ones.

    Raises:
        OSError: it holds one thing alone, which is larger than a message may be.
    """
    counts = (record.accepted.num_rows, record.refused.num_rows, len(record.items))
    if sum(counts) < 2:
        raise OSError("an event is larger than a message of the event stream may be; raise max_payload of the server")
    if max(counts) < sum(counts):
        accepted = Record(accepted=record.accepted, duplicates=record.duplicates)
        return [one for one in (accepted, Record(refused=record.refused), Record(items=record.items)) if one.size]
    half = sum(counts) // 2
    first = Record(
        accepted=record.accepted.slice(0, half),
        refused=record.refused.slice(0, half),
        items=record.items[:half],
        duplicates=record.duplicates,
    )
    second = Record(accepted=record.accepted.slice(half), refused=record.refused.slice(half), items=record.items[half:])
    return [first, second]
