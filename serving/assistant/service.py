"""The assistant: HTTP around :class:`serving.assistant.desk.AssistantDesk`.

It has no model of its own and so no Bento: it is served from where shopsight is installed.
"""

from typing import Final

import anyio.to_thread
import bentoml
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from models.assistant.assistant import Assistant
from serving import tracing
from serving.app import SERVICE_OPTIONS, JsonAnswer, current_desk, guarded, service_app, settle_memory, settle_server
from serving.assistant.answering import ReviewAnswers
from serving.assistant.desk import AssistantDesk
from serving.assistant.finding import SearchService
from serving.assistant.hand_overs import HandOvers
from serving.assistant.memory import TalkMemory
from serving.assistant.orders import WarehouseOrders
from serving.assistant.rewording import Rewording
from serving.assistant.schemas import Message, MessageRequest
from serving.assistant.shop import Shop, ShopReader
from serving.http.headers import SCOPES
from serving.prediction_log import new_id
from serving.running.states import note_on
from shopsight.clock import utc_now
from shopsight.families import ASSISTANT
from shopsight.settings import Settings

TITLE: Final = "Assistant"
app = service_app(TITLE)


@bentoml.service(name=f"shopsight_{ASSISTANT}", **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class AssistantService:
    """What shoppers ask, in their own words."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.handover = settle_server(self.settings, ASSISTANT)
        tracing.start(self.settings, ASSISTANT, {})
        self.search, self.answers = SearchService(self.settings), ReviewAnswers(self.settings)
        self.shop = ShopReader(self.settings, make=self._assistant)
        self.memory = TalkMemory(self.settings.assistant_dir / "talks.sqlite")
        self.hand_overs = HandOvers(self.settings)
        self.rewording = Rewording(self.settings)
        orders = WarehouseOrders(self.settings, self._title_of)
        self.desk = AssistantDesk(
            self.shop,
            memory=self.memory,
            orders=orders,
            hand_overs=self.hand_overs,
            rewording=self.rewording,
            pseudonym=orders.pseudonym,
            clock=utc_now,
            new_id=new_id,
        )
        self.desk.warm_up()
        settle_memory()

    def notes(self) -> list[str]:
        """Return what is amiss while messages are answered all the same, for ``/readyz``."""
        notes = [note] if (note := note_on(self.settings, ASSISTANT)) else []
        failures = {
            "talks": self.memory.failure,
            "hand-overs": self.hand_overs.failure,
            "search": self.search.failure,
            "answers": self.answers.failure,
            "wording": self.rewording.failure,
        }
        return notes + self.shop.notes() + [f"{name}: {why}" for name, why in failures.items() if why is not None]

    async def __is_ready__(self) -> bool:
        return True

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Close the talks' file and the connections."""
        self.memory.close()
        self.search.close()
        self.rewording.close()
        tracing.stop()

    def _assistant(self, shop: Shop) -> Assistant:
        return Assistant(shop.graph, shop.lexicon, shop.policies, finder=self.search, answers=self.answers)

    def _title_of(self, item_id: str) -> str | None:
        item = self.shop.graph.items.get(item_id)
        return None if item is None else item.title


guarded(AssistantService)


@app.post("/assistant/messages", response_model=Message, tags=["Assistant"])
async def messages(request: MessageRequest, http: HttpRequest) -> Response:
    """Answer a shopper's message: each sentence names the rows that it stands on."""
    scopes = http.scope.get(SCOPES)
    may_see_orders = scopes is None or not {"orders", "admin"}.isdisjoint(scopes)
    desk: AssistantDesk = current_desk()
    return JsonAnswer(await anyio.to_thread.run_sync(lambda: desk.answer(request, may_see_orders=may_see_orders)))
