"""Random writes of one shopper's row, by materialisation and by pushes, in every order and at once."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, cast

from shopsight.feature_store import open_feature_store
from shopsight.feature_store.online_rows import CREATED_US, EVENT_US, MonotoneOnlineStore, OnlineRow
from shopsight.settings import Settings

VIEW: Final = "user_history"
WRITERS: Final = 3
KINDS: Final = ("newer", "rewrite", "push")
"""How a row is written: by a materialisation of what is new, by one of everything, and by an event."""

Outcome = tuple[str, OnlineRow | None]


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write of a row."""

    kind: str
    row: OnlineRow


def run(settings: Settings, *, count: int, seed: int, report: Callable[[int], None] = lambda _: None) -> list[str]:
    """Return what was wrong after each of ``count`` interleavings: nothing where the newest row always won.

    Half of them are in an order that is drawn, one write after the other; in the other half three writers race.

    Args:
        settings: of a home whose definitions were applied.
        count: how many interleavings.
        seed: of the writes and their orders.
        report: told how many are done, now and then.
    """
    rng, faults = random.Random(seed), list[str]()
    stores = [open_feature_store(settings, read_only=True) for _ in range(WRITERS)]
    view = stores[0].get_feature_view(VIEW)

    def write(store: Any, one: Write) -> None:
        online, key = cast(MonotoneOnlineStore, store.provider.online_store), one.row[0]
        if one.kind == "push":
            online.change_rows(store.config, [view], [key], lambda _, stored: [_not_older(one.row, stored[0])])
        else:
            online.write_rows(store.config, view, [one.row], rewrite=one.kind == "rewrite")

    def read(key: str) -> OnlineRow | None:
        seen: list[OnlineRow | None] = []
        online = cast(MonotoneOnlineStore, stores[0].provider.online_store)
        online.change_rows(stores[0].config, [view], [key], lambda _, stored: [seen.append(stored[0])])  # type: ignore[func-returns-value]
        return seen[-1]

    with ThreadPoolExecutor(WRITERS) as writers:
        for number in range(count):
            writes = list(_drawn(rng, key=f"u_{number}"))
            if number % 2:
                races = [writers.submit(_each, write, stores[n], writes[n::WRITERS]) for n in range(WRITERS)]
                for race in races:
                    race.result()
            else:
                for one in writes:
                    write(rng.choice(stores), one)
            fault = fault_of(writes, read(f"u_{number}"))
            if fault:
                faults.append(f"interleaving {number} of seed {seed}: {fault}")
            if number % 1_000 == 0:
                report(number)
    return faults


def fault_of(writes: Sequence[Write], stored: OnlineRow | None) -> str:
    """Return what is wrong with the row that is held after some writes; nothing where it is the newest of them."""
    newest = max(version(one.row) for one in writes)
    if stored is None:
        return "nothing is held"
    if version(stored) != newest:
        return f"{version(stored)} is held, and {newest} was written"
    if list(stored) not in [list(one.row) for one in writes]:
        return "what is held was never written: it is made of two rows"
    return ""


def version(row: OnlineRow) -> tuple[int, int]:
    """Return what makes a row newer than another."""
    return row[EVENT_US], row[CREATED_US]


def _drawn(rng: random.Random, *, key: str) -> Iterator[Write]:
    for number in range(rng.randint(2, 6)):
        event, arrived = rng.choice((1, 2, 3)), rng.choice((1, 2))
        items = [f"i_{number}"] * rng.randint(1, 3)
        row = (key, event, arrived, items, ["view_item"] * len(items))
        yield Write(kind=rng.choice(KINDS), row=row)


def _not_older(row: OnlineRow, stored: OnlineRow | None) -> OnlineRow | None:
    return row if stored is None or version(row) >= version(stored) else None


def _each(write: Callable[[Any, Write], None], store: Any, writes: Sequence[Write]) -> None:
    for one in writes:
        write(store, one)
