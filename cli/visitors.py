"""``shopsight visitors``: made-up visitors of the shop, for experiments and releases to be tried with."""

import asyncio
import time
from typing import TYPE_CHECKING, Final

import httpx

from cli.console import err, out
from shopsight.settings import Settings

if TYPE_CHECKING:
    from serving.storefront.visitors import Tally

TIMEOUT_SECONDS: Final = 30.0
"""Longest wait for an answer of the shop."""


def send_visitors(count: int, *, minutes: float, seed: int) -> None:
    """Have visitors come to the shop that ``shopsight shop`` serves, and print what they were shown and did.

    Raises:
        ShopsightError: the shop does not answer.
    """
    settings = Settings()
    out.print(f"{count:,} visitors come within {minutes:g} minutes; Ctrl-C sends the others home", soft_wrap=True)
    tally = asyncio.run(_come(settings, count, seconds=minutes * 60, seed=seed))
    out.print(f"{tally.visits:,} visits, {tally.events:,} events")
    for arm, lists in sorted(tally.lists.items()):
        out.print(f"  {arm}: {lists:,} lists, {tally.clicked[arm] / lists:.1%} of them clicked")
    versions = ", ".join(f"{version} {lists:,}" for version, lists in sorted(tally.versions.items()))
    out.print(f"  lists by version: {versions}")
    for problem, times in tally.failed.most_common():
        err.print(f"[yellow]{times:,} visits ended early[/]: {problem}", soft_wrap=True)


async def _come(settings: Settings, count: int, *, seconds: float, seed: int) -> "Tally":
    from serving.storefront.app import HOST
    from serving.storefront.visitors import Visitors

    address = f"http://{HOST}:{settings.shop_port}"
    async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT_SECONDS) as client:
        visitors = Visitors(client, prefix=f"visitor-{int(time.time()):x}", seed=seed)
        return await visitors.come(count, seconds=seconds)
