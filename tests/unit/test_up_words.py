"""What ``shopsight up`` says to programs."""

import io
import json
import logging
import threading
from collections.abc import Iterator

import pytest
import typer

from cli import up_words
from cli.up_words import ForPeople, ForPrograms, told_to_programs, words_for
from serving.running.states import ServiceState
from shopsight.errors import ShopsightError
from shopsight.families import SERVICES
from shopsight.logs import log_as
from shopsight.settings import Settings


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    handlers, hook, stream = logging.root.handlers[:], threading.excepthook, io.StringIO()
    monkeypatch.setattr(up_words, "log_as", lambda settings, name: log_as(settings, name, stream=stream))
    yield stream
    logging.root.handlers[:] = handlers
    logging.captureWarnings(False)
    threading.excepthook = hook


def test_each_thing_that_happens_is_a_json_line_without_the_token_of_the_web_ui(
    home: Settings, stream: io.StringIO
) -> None:
    settings = home.model_copy(update={"log_format": "json"})
    words = words_for(settings)
    assert isinstance(words, ForPrograms)
    with words.starting():
        pass
    states = {name: ServiceState("waiting", "no approved model") for name in SERVICES}
    words.is_up(states, link="http://127.0.0.1:3007/?token=secret", me="Ana")
    words.changed("churn", ServiceState("failed", "the process ended"))
    words.warn("the web UI was started again")
    words.ending("stopped")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {line["service"] for line in lines} == {"up"}
    assert lines[1]["web_ui"] == f"http://127.0.0.1:{settings.dagster_port}"
    assert lines[1]["studio"] == f"http://127.0.0.1:{settings.studio_port}"
    assert "secret" not in stream.getvalue()
    (failed,) = (line for line in lines if line["level"] == "ERROR")
    assert (failed["of"], failed["state"], failed["note"]) == ("churn", "failed", "the process ended")
    assert [line["message"] for line in lines[-2:]] == ["the web UI was started again", "stopped"]


def test_the_failure_that_ends_it_is_a_json_line_too(home: Settings, stream: io.StringIO) -> None:
    settings = home.model_copy(update={"log_format": "json"})
    words_for(settings)
    with pytest.raises(typer.Exit), told_to_programs(settings):
        raise ShopsightError("a port is taken", why="something listens", fix="stop it")
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["message"], line["why"], line["fix"]) == ("a port is taken", "something listens", "stop it")


def test_people_hear_of_it_as_before(home: Settings) -> None:
    assert isinstance(words_for(home), ForPeople)
    error = ShopsightError("a port is taken", why="something listens", fix="stop it")
    with pytest.raises(ShopsightError), told_to_programs(home):
        raise error
