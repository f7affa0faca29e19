"""A service answers requests of its own before it starts; one that cannot does not start, and says why."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from approved_toys import toys
from starlette.testclient import TestClient

from models.churn.predict import ChurnModel
from models.next_best_action.predict import NextBestAction
from models.recommender.predict import Recommender
from models.search.predict import SearchEngine
from serving import app as services
from serving.http.warm_up import Ask, WarmUp, WarmUpFailedError, require_whole
from serving.prediction_log import PredictionLog, read_log
from shopsight.families import FAMILIES, resolve

MODEL = {"name": "intent", "version": "v0002"}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer a request with what it asked for; an address that holds ``broken`` breaks."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        return
    if "broken" in scope["path"]:
        raise RuntimeError("no such operation")
    body = (await receive())["body"]
    status = 422 if "refused" in scope["path"] else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


def started(path: str, caplog: pytest.LogCaptureFixture) -> list[Any]:
    """Return what a server hears of a service that has to answer for itself at ``path`` first."""
    said: list[Any] = []

    async def rehearse(ask: Ask) -> None:
        assert await ask(path, {"texts": ["a"]}) == {"texts": ["a"]}

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def start() -> None:
        try:
            await WarmUp(echo, rehearse=rehearse)({"type": "lifespan"}, receive, send)
        except (RuntimeError, WarmUpFailedError) as error:
            said.append(type(error).__name__)

    with caplog.at_level(logging.CRITICAL):
        asyncio.run(start())
    return said


def test_a_service_starts_once_it_has_answered_itself(caplog: pytest.LogCaptureFixture) -> None:
    assert started("/v1/intents", caplog) == [{"type": "lifespan.startup.complete"}]


@pytest.mark.parametrize(
    ("path", "reason", "error"),
    [
        ("/v1/broken", "RuntimeError: no such operation", "RuntimeError"),
        ("/v1/refused", 'POST /v1/refused answered 422. {"texts":["a"]}', "WarmUpFailedError"),
    ],
)
def test_a_service_that_cannot_answer_itself_does_not_start_and_says_why_once(
    caplog: pytest.LogCaptureFixture, path: str, reason: str, error: str
) -> None:
    assert started(path, caplog) == [
        {"type": "lifespan.startup.failed", "message": f"warm-up failed: {reason}"},
        error,
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"intents": [{"error": None, "probabilities": {"other": 0.5, "greet": None}}]}, "a probability is None"),
        ({"intents": [{"error": {"code": "no"}, "probabilities": None}]}, "has the error {'code': 'no'}"),
        ({"intents": []}, "it is empty"),
        ({"predictions": [{"error": None, "probability": None}]}, "a probability is None"),
        ({"items": [{"score": 0.4}, {"score": float("nan")}]}, "a probability is nan"),
        ({"items": [], "model": {"name": "intent", "version": "v0001"}}, "in the place of"),
    ],
)
def test_an_answer_without_figures_with_an_error_or_of_another_model_is_none(
    answer: dict[str, Any], reason: str
) -> None:
    with pytest.raises(WarmUpFailedError) as refused:
        require_whole({"model": MODEL} | answer, MODEL)
    assert reason in refused.value.why


def test_a_shop_that_sold_out_is_served() -> None:
    require_whole({"model": MODEL, "items": []}, MODEL)


pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")  # in BentoML itself
BREAKING: dict[str, tuple[type, str, Any]] = {
    "recommender": (Recommender, "recommend", None),
    "churn": (ChurnModel, "probabilities", lambda *_: np.array([np.nan])),
    "search": (SearchEngine, "search", None),
    "next_best_action": (NextBestAction, "decide", None),
}


@pytest.mark.parametrize("family", BREAKING)
def test_a_model_that_loads_and_cannot_answer_does_not_start_its_service(
    family: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner, method, broken = BREAKING[family]
    monkeypatch.setenv("SHOPSIGHT_HOME", str(tmp_path))
    monkeypatch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
    model = toys().served(family, request.getfixturevalue(f"{family}_folder"))
    monkeypatch.setattr(services, "champion", lambda: model)
    monkeypatch.setattr(services, "settle_memory", lambda: None)  # this process has other things to collect
    service = resolve(FAMILIES[family].service)
    with TestClient(service.to_asgi()) as client:
        assert client.get("/readyz").status_code == 200
    assert read_log(tmp_path).rows == [], "nobody asked, so there is no row"
    monkeypatch.setattr(owner, method, broken)
    with pytest.raises((WarmUpFailedError, TypeError)), TestClient(service.to_asgi()):
        pass


def test_rows_are_kept_again_after_the_warm_up(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)
    with log.silent():
        assert not log.append({"prediction_id": "of a warm-up"})
    assert log.append({"prediction_id": "of a client"})
    log.close()
    assert [row["prediction_id"] for row in read_log(tmp_path).rows] == ["of a client"]
