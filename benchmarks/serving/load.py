"""Clients that each ask again as soon as they are answered, over connections that stay open."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What some clients saw."""

    seconds: float
    """How long they asked."""
    took_ms: tuple[float, ...]
    """Of each answer."""
    errors: int
    """Answers that were not as expected."""

    def figures(self) -> dict[str, float]:
        """Return ``p50_ms``, ``p99_ms``, ``rps`` and ``errors``."""
        p50, p99 = np.percentile(self.took_ms, [50, 99])
        return {
            "p50_ms": round(float(p50), 2),
            "p99_ms": round(float(p99), 2),
            "rps": round(len(self.took_ms) / self.seconds, 1),
            "errors": self.errors,
        }


def ask(
    port: int,
    route: str,
    *,
    clients: int,
    seconds: float,
    body: Callable[[], bytes],
    is_right: Callable[[int, bytes], bool],
) -> Answers:
    """Have clients of this process post to a route of a service on this machine.

    Args:
        port: of the service.
        route: path of the request.
        clients: how many at once.
        seconds: how long.
        body: makes the next request's JSON; outside the time that is measured.
        is_right: judges the status and the body of an answer.
    """

    async def everybody() -> Answers:
        took: list[float] = []
        wrong = [0]
        began = time.perf_counter()

        async def one() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            while time.perf_counter() < began + seconds:
                content = body()
                started = time.perf_counter()
                writer.write(_head(route, len(content)) + content)
                status, answer = await _answer(reader)
                took.append(1_000 * (time.perf_counter() - started))
                wrong[0] += not is_right(status, answer)
            writer.close()

        await asyncio.gather(*(one() for _ in range(clients)))
        return Answers(seconds=time.perf_counter() - began, took_ms=tuple(took), errors=wrong[0])

    return asyncio.run(everybody())


def _head(route: str, length: int) -> bytes:
    fields = f"host: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}"
    return f"POST {route} HTTP/1.1\r\n{fields}\r\n\r\n".encode()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    return int(head[0].split()[1]), await reader.readexactly(int(fields["content-length"]))
