"""What agents do in the shop, as events of a channel of their own.

An agent's visit is never the shopper's: it says what a program looked at, and no list is to be learnt from it. Its
events have the channel ``agent``, an id of the agent's own and the consent ``analytics_only``, so that they are in
sessions, funnels and texts, and in no model of a person.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from serving.agents.services import RefusedError, Services
from serving.prediction_log import new_id
from shopsight.clock import rfc3339
from shopsight.consent import CONSENTS

CHANNEL: Final = "agent"
CONSENT: Final = CONSENTS[1]
"""``analytics_only``: in figures of many, and in no list, audience or model of a person."""
LOGGER: Final = logging.getLogger("shopsight.agents")

Door = Literal["mcp", "ucp"]


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A program that asks, and what its API key may."""

    id: str
    """The agent's own id, the same for the calls of one visit."""
    scopes: Sequence[str] | None
    """Of its API key; None where the services ask for none."""
    door: Door
    """How it came in."""

    @property
    def may_see_orders(self) -> bool:
        """Whether it may be told of shoppers' orders."""
        return self.scopes is None or not {"orders", "admin"}.isdisjoint(self.scopes)


def visit_id(*signs: str) -> str:
    """Return an agent's id from what it shows of itself, such as its session, or its address and its name."""
    return "agent-" + hashlib.sha256("\n".join(signs).encode()).hexdigest()[:24]


class Visits:
    """Sends events to the collector beside the answers; one that cannot be sent costs no agent its answer."""

    def __init__(self, services: Services, *, clock: Callable[[], datetime]) -> None:
        self.failure: str | None = None
        """Why the last events were not taken; None while they are."""
        self._services, self._clock = services, clock
        self._sending: set[asyncio.Task[None]] = set()

    def searched(self, visitor: Visitor, query: str, *, results: int) -> None:
        """Note that an agent searched."""
        self._send([self._event(visitor, "search", query=query, properties={"results": results})])

    def looked(self, visitor: Visitor, item_ids: Sequence[str]) -> None:
        """Note that an agent looked at items."""
        self._send([self._event(visitor, "view_item", item_id=item_id) for item_id in item_ids])

    def was_shown(self, visitor: Visitor, placement: str) -> None:
        """Note that an agent was given a list."""
        self._send([self._event(visitor, "view_item_list", placement=placement)])

    async def settle(self) -> None:
        """Wait until everything is sent."""
        await asyncio.gather(*self._sending)

    def _event(self, visitor: Visitor, name: str, **columns: Any) -> dict[str, Any]:
        return {
            "event_id": new_id(),
            "event_name": name,
            "event_timestamp": rfc3339(self._clock()),
            "anonymous_id": visitor.id,
            "session_id": visitor.id,
            "channel": CHANNEL,
            "platform": visitor.door,
            "consent": CONSENT,
            **columns,
        }

    def _send(self, events: list[Mapping[str, Any]]) -> None:
        if not events:
            return
        task = asyncio.get_running_loop().create_task(self._collect([dict(event) for event in events]))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _collect(self, events: list[dict[str, Any]]) -> None:
        try:
            answer = await self._services.collect(events)
        except RefusedError as error:
            failure: str | None = error.words
        else:
            wrong = answer.get("errors") or []
            failure = f"the collector refuses events of agents: {wrong[0]['msg']}" if wrong else None
        if failure is not None and failure != self.failure:
            LOGGER.warning("events of agents are lost: %s", failure)
        self.failure = failure
