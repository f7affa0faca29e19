"""The collector: HTTP around :class:`shopsight.ingestion.collecting.group_commit.GroupCommit`.

It has no model and so no Bento: it is served from where shopsight is installed, and it runs whatever is approved.
"""

import asyncio
from typing import Final

import bentoml
import pyarrow as pa
from starlette.responses import Response

from serving.app import SERVICE_OPTIONS, JsonAnswer, guarded, service_app, settle_memory, settle_server
from serving.collector.desk import collected, not_kept
from serving.collector.schemas import Collected, EventsRequest
from serving.running.states import note_on
from shopsight.clock import utc_now
from shopsight.families import COLLECTOR
from shopsight.ingestion.collecting.group_commit import GroupCommit, NotKeptError
from shopsight.ingestion.collecting.journal import damaged_segments
from shopsight.ingestion.collecting.opening import open_commit
from shopsight.ingestion.log.event_log import EventLog
from shopsight.settings import Settings

TITLE: Final = "Events"
app = service_app(TITLE)


@bentoml.service(name=f"shopsight_{COLLECTOR}", **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class CollectorService:
    """What shoppers do, as it happens."""

    def __init__(self) -> None:
        settle_server()
        self.settings = Settings()
        EventLog.open(self.settings)  # a key that is not the log's is refused before anything is accepted
        self.commit = open_commit(self.settings, now=utc_now, on_accepted=follow)
        settle_memory()

    def notes(self) -> list[str]:
        """Return what is amiss while events are taken all the same, for ``/readyz``."""
        notes = [note] if (note := note_on(self.settings, COLLECTOR)) else []
        if self.commit.failure is not None:
            notes.append(f"journal: {self.commit.failure}")
        damaged = damaged_segments(self.settings.collected_dir)
        return notes + [f"journal: {path.name} holds bytes that the disk has changed" for path in damaged]

    async def __is_ready__(self) -> bool:
        return True

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Keep what was taken, and seal the journal, so that it lands."""
        self.commit.close()


guarded(CollectorService)


@app.post("/events", response_model=Collected, status_code=202, tags=["Events"])
async def events(request: EventsRequest) -> Response:
    """Take 1 to 1,000 events: when this answers, they are on disk; a bad one costs none of the others."""
    commit: GroupCommit = bentoml.get_current_service().commit
    try:
        outcome = await asyncio.wrap_future(commit.take(request.events))
    except NotKeptError as error:
        raise not_kept(error) from error
    return JsonAnswer(collected(outcome), status_code=202)


def follow(_accepted: pa.RecordBatch) -> None:
    """Called with each group of events that is on disk: what an event changes at once hooks in here."""
