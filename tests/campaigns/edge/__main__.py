"""``make campaign-edge``: what strangers may do to every port, with the defects that prove each check can fail.

It serves small models of its own. With ``--running`` it attacks what ``shopsight up`` serves by the settings of this
environment: the services, and every other port that answers.
"""

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table
from toy_services import toy_services

from edge.described import client_of, schemathesis
from edge.fuzz import fuzz
from edge.load import capacity, overload
from edge.poison import BATCHES, poisoned_batches
from edge.requests import draw_honest
from orchestration.gateway.people import People
from shopsight.families import SERVICES
from shopsight.ports import why_taken
from shopsight.settings import Settings

FLOOR: Final = 0.8
"""Of its capacity, what a service answers under three times that."""
MAX_SHOWN: Final = 3


def main() -> None:
    """Run the campaign; end with 1 where anything was found that should not be, or a planted defect was not."""
    parser = argparse.ArgumentParser(prog="edge", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--count", type=int, default=10_000, help="requests of the fuzz, over all ports")
    parser.add_argument("--batches", type=int, default=30, help="of each of the 20 poisons, over all services")
    parser.add_argument("--seconds", type=int, default=300, help="of three times the load")
    parser.add_argument("--running", action="store_true", help="attack what `shopsight up` serves")
    parser.add_argument("--ports", type=int, nargs="*", default=[], help="further ports to fuzz")
    options = parser.parse_args()
    console = Console()
    table = Table("check", "port", "tried", "outcome", "")
    failed = False
    with _targets(running=options.running) as (services, others):
        others |= {f"port {port}": port for port in options.ports}
        ports = {**services, **others}
        console.print("attacked:", ", ".join(f"{name} on {port}" for name, port in ports.items()))
        for check in (_fuzz, _poison, _description, _overload):
            for row in check(services, others, options):
                failed |= not row[-1]
                table.add_row(*map(str, row[:-1]), "[green]✓[/]" if row[-1] else "[red]wrong[/]")
                console.print(" ".join(map(str, row)), highlight=False, markup=False)
    if not options.running:
        with tempfile.TemporaryDirectory() as folder, toy_services(Path(folder), ["intent"]) as planted:
            for row in _planted(planted["intent"], options.seed):
                failed |= not row[-1]
                table.add_row(*map(str, row[:-1]), "[green]✓[/]" if row[-1] else "[red]not seen[/]")
    console.print(table)
    raise SystemExit(int(failed))


@contextlib.contextmanager
def _targets(*, running: bool) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    """Yield the ports of the services by family, and of whatever else is served by its setting."""
    if not running:
        with tempfile.TemporaryDirectory() as folder, toy_services(Path(folder)) as ports:
            yield ports, {}
        return
    settings = Settings()
    of_services = {service.port_setting: name for name, service in SERVICES.items()}
    ports = {name: getattr(settings, name) for name in Settings.model_fields if name.endswith("_port")}
    taken = {name: port for name, port in ports.items() if why_taken(settings.host, port)}
    yield (
        {of_services[name]: port for name, port in taken.items() if name in of_services},
        {name: port for name, port in taken.items() if name not in of_services},
    )


Row = tuple[str, int, str, str, bool]


def _fuzz(services: Mapping[str, int], others: Mapping[str, int], options: argparse.Namespace) -> Iterator[Row]:
    ports = [(family, port) for family, port in services.items()] + [(None, port) for port in others.values()]
    token = People(Settings()).own_token() if others else ""
    for family, port in ports:
        count = options.count // len(ports)
        findings = asyncio.run(fuzz(port, family, seed=options.seed, count=count, token=token))
        outcome = ", ".join(f"{status} {n:,}" for status, n in sorted(findings.statuses.items()))
        for fault, attempts in findings.faults.items():
            kinds = sorted({attempt.kind for attempt in attempts})
            outcome += f"; {fault}: {len(attempts)} ({', '.join(kinds)})"
            for attempt in attempts[:MAX_SHOWN]:
                outcome += f"\n  {attempt.parts[0][:300]!r}"
        yield "fuzz", port, f"{count:,}", outcome, not findings.faults


def _poison(services: Mapping[str, int], _: Mapping[str, int], options: argparse.Namespace) -> Iterator[Row]:
    # Search answers one query at a time: it has no batch of which one element could be bad.
    for family, port in [(name, port) for name, port in services.items() if name in BATCHES]:
        tally = poisoned_batches(port, family, seed=options.seed, count=-(-options.batches // len(services)))
        outcome = f"{tally['spoilt']} of {tally['good elements']:,} good elements spoilt"
        yield "poisoned batches", port, f"{tally['batches']:,}", outcome, tally["spoilt"] == 0


def _description(services: Mapping[str, int], _: Mapping[str, int], options: argparse.Namespace) -> Iterator[Row]:
    seconds = max(10, min(120, options.seconds // 2))
    with tempfile.TemporaryDirectory() as folder:
        for family, port in services.items():
            report = schemathesis(port, seconds=seconds, seed=options.seed)
            yield "schemathesis, all checks", port, f"{seconds} s", report or "nothing wrong", not report
            wrong = client_of(port, family, Path(folder))
            yield "a generated client", port, "1 call", wrong or "answers as the service does", not wrong


def _overload(services: Mapping[str, int], _: Mapping[str, int], options: argparse.Namespace) -> Iterator[Row]:
    for family in [name for name in ("recommender", "intent", "collector") if name in services]:
        yield _overloaded(services[family], family, seconds=options.seconds / 3)


def _overloaded(port: int, family: str, *, seconds: float, marker: str = "") -> Row:
    """Alternate capacity and three times of it, so that what else the machine does counts in both."""
    request = draw_honest(family, marker)
    rounds = max(2, round(seconds / 20))

    async def measured() -> tuple[float, float, float, set[str]]:
        capable = offered = good = 0.0
        statuses: set[str] = set()
        for _ in range(rounds):
            before = await capacity(port, request, seconds=seconds / rounds / 3)
            under = await overload(port, request, per_second=3 * before.goodput, seconds=seconds / rounds)
            after = await capacity(port, request, seconds=seconds / rounds / 3)
            capable += (before.goodput + after.goodput) / 2 / rounds
            offered += under.offered / rounds
            good += under.goodput / rounds
            statuses |= under.statuses.keys()
        return capable, offered, good, statuses

    began = time.monotonic()
    capable, offered, good, statuses = uvloop.run(measured())
    outcome = f"{good:.0f} of {capable:.0f} answers/s ({good / capable:.0%}) at {offered:.0f} requests/s"
    outcome += f"; answers: {', '.join(sorted(statuses))}"
    is_right = good >= FLOOR * capable and statuses <= {"200", "202", "429"}
    return "three times the load", port, f"{time.monotonic() - began:.0f} s", outcome, is_right


def _planted(port: int, seed: int) -> Iterator[Row]:
    """Yield for each defect whether its check sees it."""
    expected = {
        "server errors": "an answer of 5xx",
        "silence": "a connection without an answer",
        "plain errors": "an error that is no problem document",
    }
    for marker, fault in expected.items():
        findings = asyncio.run(fuzz(port, "intent", seed=seed, count=40, marker=marker, patience=3))
        seen = len(findings.faults.get(fault, ()))
        yield f"planted: {marker}", port, "40", f"{fault}: {seen}", seen > 0
    spoilt = poisoned_batches(port, "intent", seed=seed, count=1, marker="whole batches")["spoilt"]
    yield "planted: whole batches", port, "20", f"{spoilt} good elements spoilt", spoilt > 0
    report = schemathesis(port, seconds=10, seed=seed, marker="plain errors")
    yield "planted: plain errors", port, "10 s", "seen by schemathesis" if report else "", bool(report)
    *_, outcome, is_right = _overloaded(port, "intent", seconds=6, marker="collapse")
    yield "planted: collapse", port, "6 s", outcome, not is_right


if __name__ == "__main__":
    main()
