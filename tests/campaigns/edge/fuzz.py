"""Sends what :mod:`edge.requests` draws over sockets, and judges each connection by what came back."""

import asyncio
import contextlib
import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from edge.requests import Attempt, draw

PATIENCE_SECONDS: Final = 25.0
"""A service gives up after 10 s of waiting and, in turn, 10 s of work."""
QUIET_SECONDS: Final = 1.0
"""A whole request's connection that says nothing more for so long has been answered, or never will be."""
CLIENTS: Final = 96
"""At once; most of them wait for what never comes, so that a service seldom need refuse."""
STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n")
FINAL_LINE: Final = re.compile(rb"HTTP/1\.[01] [2-5]\d{2} [^\r\n]*\r\n")
"""An answer follows on ``100 Continue``, however long that takes."""


@dataclass(kw_only=True)
class Findings:
    """What came of many attempts."""

    statuses: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[Attempt]] = field(default_factory=dict)
    """What is wrong, and which attempts it met."""

    def note(self, attempt: Attempt, statuses: list[str], faults: list[str]) -> None:
        """Count one attempt."""
        self.statuses.update(statuses)
        for fault in faults:
            self.faults.setdefault(fault, []).append(attempt)


async def fuzz(
    port: int,
    family: str | None,
    *,
    seed: int,
    count: int,
    marker: str = "",
    token: str = "",
    patience: float = PATIENCE_SECONDS,
) -> Findings:
    """Try ``count`` attempts, each from its own number and ``seed``.

    Args:
        port: of this machine.
        family: whose service listens there; None of a port that is no service's: its errors need be no problem
            documents.
        seed: attempt ``n`` is drawn from ``seed`` and ``n`` alone.
        count: how many.
        marker: name of a planted defect to ask for.
        token: what logs in to the pages of a port that is no service's.
        patience: seconds after which a connection without a word counts as left alone.
    """
    findings = Findings()
    places = asyncio.Semaphore(CLIENTS)

    async def one(number: int) -> None:
        attempt = draw(random.Random(f"{seed} {family} {number}"), family, marker, token)
        async with places:
            answer, ended = await _exchange(port, attempt, patience)
        statuses = [status.decode() for status in STATUS_LINE.findall(answer)]
        findings.note(
            attempt, statuses or ["closed" if ended else "silence"], faults_of(attempt, answer, ended, family)
        )

    await asyncio.gather(*(one(number) for number in range(count)))
    return findings


def faults_of(attempt: Attempt, answer: bytes, ended: bool, family: str | None) -> list[str]:
    """Return what is wrong with what one attempt got."""
    faults = []
    statuses = [int(status) for status in STATUS_LINE.findall(answer)]
    final = [status for status in statuses if status >= 200]
    if not final and not ended:
        faults.append("a connection without an answer")
    if any(status >= 500 for status in statuses):
        faults.append("an answer of 5xx")
    if b"Traceback (most recent call last)" in answer:
        faults.append("a traceback")
    if re.search(rb"\r\naccess-control-allow-origin:", answer, re.IGNORECASE):
        faults.append("open to other origins")
    if b"\r\nx-injected:" in answer.lower():
        faults.append("an injected header")
    if family is not None and attempt.parts[0][:5] != b"HEAD " and final[-1:] and final[-1] >= 400:
        faults += [] if _is_problem(answer) else ["an error that is no problem document"]
    return faults


def _is_problem(answer: bytes) -> bool:
    """Whether the last answer is a problem document."""
    last = answer[[match.start() for match in STATUS_LINE.finditer(answer)][-1] :]
    head, _, body = last.partition(b"\r\n\r\n")
    try:
        document = json.loads(body)
    except ValueError:
        return False
    return b"application/problem+json" in head.lower() and {"code", "detail", "request_id"} <= document.keys()


async def _exchange(port: int, attempt: Attempt, patience: float) -> tuple[bytes, bool]:
    """Return what was answered, and whether the server ended the connection."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return b"", False
    answer = b""
    try:
        with contextlib.suppress(ConnectionError):
            for part in attempt.parts:
                writer.write(part)
                await writer.drain()
                if len(attempt.parts) > 1:
                    await asyncio.sleep(0.02)
        while True:
            final = FINAL_LINE.search(answer)
            wait = QUIET_SECONDS if final and b"\r\n\r\n" in answer[final.start() :] else patience
            received = await asyncio.wait_for(reader.read(65536), wait)
            if not received:
                return answer, True
            answer += received
    except TimeoutError:
        return answer, False
    except ConnectionError:
        return answer, True
    finally:
        writer.close()
