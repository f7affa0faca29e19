"""The collector: HTTP around :class:`shopsight.ingestion.collecting.group_commit.GroupCommit`.

It has no model and so no Bento: it is served from where shopsight is installed, and it runs whatever is approved.
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import bentoml
from fastapi import Path
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from serving import tracing
from serving.app import SERVICE_OPTIONS, JsonAnswer, guarded, service_app, settle_memory, settle_server
from serving.collector.desk import collected, collected_items, not_kept, unreadable
from serving.collector.following import Follower
from serving.collector.schemas import (
    MAX_EVENTS,
    AvailabilityRequest,
    Collected,
    CollectedItems,
    EventsRequest,
    ItemsRequest,
    SegmentBatch,
)
from serving.collector.signatures import TOPIC_HEADERS, require_signature
from serving.collector.tracking import ROUTES, ShopOrigins, keyless
from serving.metrics import collector_metrics
from serving.running.states import note_on
from serving.schemas import Identifier
from shopsight.clock import utc_now
from shopsight.families import COLLECTOR
from shopsight.ingestion.collecting.door import as_json
from shopsight.ingestion.collecting.gathering import Gathering, GroupError
from shopsight.ingestion.collecting.group_commit import GroupCommit, Outcome, Request
from shopsight.ingestion.collecting.items import ItemChange
from shopsight.ingestion.collecting.journal import damaged_segments, segment_files
from shopsight.ingestion.collecting.opening import open_commit
from shopsight.ingestion.collecting.translation import (
    Calls,
    TranslatedCalls,
    UnreadableWebhookError,
    segment_requests,
    shopify_request,
    woocommerce_request,
)
from shopsight.ingestion.log.event_log import EventLog
from shopsight.settings import Settings

TITLE: Final = "Events"
app = service_app(TITLE)

IdInPath = Annotated[Identifier, Path()]
"""An id may have slashes in it: the routes take it as ``path``, for a server decodes ``%2F`` before it looks one up."""


@bentoml.service(name=f"shopsight_{COLLECTOR}", **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class CollectorService:
    """What shoppers do, and what the shop sells, as it happens."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.handover = settle_server(self.settings, COLLECTOR)
        tracing.start(self.settings, COLLECTOR, {})
        EventLog.open(self.settings)  # a key that is not the log's is refused before anything is accepted
        self.follower = Follower(self.settings)
        metrics = collector_metrics()
        metrics.watch(
            segments=lambda: segment_files(self.settings.collected_dir),
            following=lambda: self.follower.failure is None,
            left_out=lambda: self.follower.left_out,
        )
        self.commit = open_commit(
            self.settings,
            now=utc_now,
            on_accepted=self.follower,
            now_and_then=self.follower.retry,
            report=metrics,
        )
        self.follower.catch_up()
        self.segment: Gathering[Calls, TranslatedCalls] = Gathering(
            segment_requests, name="reading calls", max_size=MAX_EVENTS, size_of=lambda calls: len(calls.calls)
        )
        settle_memory()

    def notes(self) -> list[str]:
        """Return what is amiss while events are taken all the same, for ``/readyz``."""
        notes = [note] if (note := note_on(self.settings, COLLECTOR)) else []
        if self.commit.failure is not None:
            notes.append(f"journal: {self.commit.failure}")
        notes += self.follower.notes()
        damaged = damaged_segments(self.settings.collected_dir)
        return notes + [f"journal: {path.name} holds bytes that the disk has changed" for path in damaged]

    async def __is_ready__(self) -> bool:
        return True

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Keep what was taken, and seal the journal, so that it lands."""
        self.segment.close()
        self.commit.close()
        self.follower.close()
        tracing.stop()


CollectorService.add_asgi_middleware(ShopOrigins)  # type: ignore[attr-defined]
guarded(CollectorService, beside=ROUTES, keyless=keyless(Settings()), writes=("/v1",))


@app.post("/events", response_model=Collected, status_code=202, tags=["Events"])
async def events(request: EventsRequest) -> Response:
    """Take 1 to 1,000 events: when this answers, they are on disk; a bad one costs none of the others."""
    return await _answer(Request(events=request.events))


@app.put("/items", response_model=CollectedItems, status_code=202, tags=["Items"])
async def items(request: ItemsRequest) -> Response:
    """Take 1 to 1,000 items, new or changed: they hold from the next request on, and what one omits stays as it is."""
    return await _answer_items([ItemChange(line=as_json(item).encode()) for item in request.items])


@app.put("/items/{item_id:path}/availability", response_model=CollectedItems, status_code=202, tags=["Items"])
async def availability(item_id: IdInPath, request: AvailabilityRequest) -> Response:
    """Take that an item is sold out, or back: it holds from the next request on."""
    line = as_json({"item_id": item_id, "availability": request.availability}).encode()
    return await _answer_items([ItemChange(line=line, kind="change")])


@app.delete("/items/{item_id:path}", response_model=CollectedItems, status_code=202, tags=["Items"])
async def delete_item(item_id: IdInPath) -> Response:
    """Take an item out of the catalogue: no list shows it from the next request on."""
    return await _answer_items([ItemChange(line=as_json({"item_id": item_id}).encode(), kind="remove")])


@app.post("/batch", response_model=Collected, status_code=202, tags=["Segment"])
async def batch(request: SegmentBatch) -> Response:
    """Take 1 to 1,000 calls as Segment's libraries and RudderStack's send them."""
    return await _segment(request.batch)


@app.post("/track", response_model=Collected, status_code=202, tags=["Segment"])
async def track(call: dict[str, Any]) -> Response:
    """Take one event of Segment's specification."""
    return await _segment([call | {"type": "track"}])


@app.post("/page", response_model=Collected, status_code=202, tags=["Segment"])
async def page(call: dict[str, Any]) -> Response:
    """Take one page view."""
    return await _segment([call | {"type": "page"}])


@app.post("/identify", response_model=Collected, status_code=202, tags=["Segment"])
async def identify(call: dict[str, Any]) -> Response:
    """Take that a device is a shopper's; traits are left out."""
    return await _segment([call | {"type": "identify"}])


@app.post("/webhooks/{system}", response_model=Collected, status_code=202, tags=["Webhooks"])
async def webhook(system: Literal["shopify", "woocommerce"], document: dict[str, Any], http: HttpRequest) -> Response:
    """Take a signed webhook of orders or products."""
    require_signature(bentoml.get_current_service().settings, system, http.headers, await http.body())
    translate = shopify_request if system == "shopify" else woocommerce_request
    topic = http.headers.get(TOPIC_HEADERS[system], "")
    try:
        request = await asyncio.to_thread(translate, topic, document)
    except UnreadableWebhookError as error:
        raise unreadable(error) from error
    return await _answer(request)


async def _segment(calls: Sequence[object]) -> Response:
    taken = bentoml.get_current_service().segment.take(Calls(calls=calls, received_at=utc_now()))
    try:
        translated = await asyncio.wrap_future(taken)
    except GroupError as error:
        raise not_kept(error) from error
    return await _answer(translated.request, origins=translated.origins)


async def _answer(request: Request, *, origins: Sequence[int] | None = None) -> Response:
    """Answer once what a request brings is on disk; ``origins`` are the elements that its events are from."""
    return JsonAnswer(collected(await _outcome(request), origins=origins), status_code=202)


async def _answer_items(changes: Sequence[ItemChange]) -> Response:
    """Answer once what is said of items is on disk, and in force."""
    return JsonAnswer(collected_items(await _outcome(Request(items=tuple(changes)))), status_code=202)


async def _outcome(request: Request) -> Outcome:
    commit: GroupCommit = bentoml.get_current_service().commit
    try:
        return await asyncio.wrap_future(commit.take(request))
    except GroupError as error:
        raise not_kept(error) from error
