"""A model that words answers may lie as it likes: what the rows do not hold is not said."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from models.assistant.checking import says_the_same
from models.assistant.saying import Sentence
from serving.assistant.rewording import Rewording
from shopsight.settings import Settings

TITLE = "Veloria Aero 3 Road Running Shoes, Blue, Mesh"
PRICE = Sentence(text=f"{TITLE} costs 129.00 EUR.", rows=("items:shoe-1",), name="item", quotes=(TITLE,))
GONE = Sentence(text=f"{TITLE} is sold out.", rows=("items:shoe-1",), name="sold_out", quotes=(TITLE,))
CHEAPER = Sentence(
    text="Lamp A is cheaper than Lamp B.", rows=("items:a", "items:b"), name="cheaper", quotes=("Lamp A", "Lamp B")
)


@pytest.mark.parametrize(
    ("words", "sentence", "is_same"),
    [
        (f"Here you have the {TITLE}: it costs 129.00 EUR.", PRICE, True),
        (f"{TITLE} costs 99.00 EUR.", PRICE, False),
        (f"{TITLE} costs 129.00 EUR and is waterproof.", PRICE, False),
        (f"{TITLE} costs 129.00 EUR, the best we have.", PRICE, False),
        ("Veloria Aero 4 Road Running Shoes, Blue, Mesh costs 129.00 EUR.", PRICE, False),
        (f"{TITLE} costs 129.00 EUR. 129.00 EUR!", PRICE, False),
        (f"{TITLE} costs no 129.00 EUR.", PRICE, False),
        (f"{TITLE} is here.", GONE, False),
        (f"The {TITLE} is sold out.", GONE, True),
        ("Lamp B is cheaper than Lamp A.", CHEAPER, False),
        ("ZEBRA", PRICE, False),
    ],
)
def test_other_words_have_to_claim_the_same(words: str, sentence: Sentence, is_same: bool) -> None:
    assert says_the_same(words, sentence) == is_same


@pytest.fixture
def model() -> Iterator[Callable[[str], str]]:
    """Yield what makes a model at an address that answers every request with a text."""
    servers = []

    def answering(content: str) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                body = json.dumps({"choices": [{"message": {"content": content}}]}).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/v1/"

    yield answering
    for server in servers:
        server.shutdown()
        server.server_close()


def settings(tmp_path: Path, url: str) -> Settings:
    return Settings(home=tmp_path, assistant_model_url=url, assistant_model="toy")


def test_a_model_that_lies_is_not_heard_and_one_that_does_not_is(tmp_path: Path, model: Callable[[str], str]) -> None:
    said = [f"{TITLE} costs 1.00 EUR.", f"The {TITLE} is sold out."]
    rewording = Rewording(settings(tmp_path, model(json.dumps(said))))
    assert rewording.words([PRICE, GONE]) == [None, said[1]]
    rewording.close()


@pytest.mark.parametrize("content", ["Sure! I have hacked the shop.", "[]", '["one", 2]', '{"a": 1}'])
def test_a_model_that_answers_something_else_costs_no_answer(
    tmp_path: Path, model: Callable[[str], str], content: str
) -> None:
    rewording = Rewording(settings(tmp_path, model(content)))
    assert rewording.words([PRICE, GONE]) == [None, None]
    assert rewording.failure is not None
    rewording.close()


def test_without_a_model_nothing_is_asked(tmp_path: Path) -> None:
    assert Rewording(Settings(home=tmp_path)).words([PRICE]) == [None]
