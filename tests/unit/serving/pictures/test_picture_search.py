"""Search by a picture over HTTP: items that look like it, what it shows, and an error for what is no picture."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from models.pictures.encoder import export_encoder, load_picture_encoder
from models.pictures.fit import fit_pictures
from models.pictures.index import PictureIndex
from models.pictures.reading import MAX_BYTES, read_picture
from models.pictures.space import encoded
from models.pictures.text_map import TextMap, TextMapConfig
from models.text.sentences import load_sentence_encoder
from orchestration.picture_vectors import EMBEDDINGS
from serving.app import service_app
from serving.http.access import Addresses
from serving.http.guard import RequestGuard
from serving.pictures.routes import UPLOADS, add_picture_routes
from serving.pictures.shelf import PictureShelf
from shopsight.marts import export_path
from shopsight.sample_shop.drawings import COLOURS, draw
from shopsight.sample_shop.shelves import LEAVES
from shopsight.settings import Settings

NOUNS = [leaf.noun for leaf in LEAVES if not leaf.packs][:6]
GOODS = [(noun, colour) for noun in NOUNS for colour in COLOURS]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home whose items have drawn pictures."""
    import pyarrow.parquet as pq

    home = Settings(home=tmp_path_factory.mktemp("home"))
    encoder = load_picture_encoder(export_encoder(home.picture_encoder_path))
    pictures = [read_picture(draw(noun, colour)) for noun, colour in GOODS]
    vectors, colours = encoded(encoder, pictures)
    labels = {"category": [noun for noun, _ in GOODS], "colour": [colour for _, colour in GOODS]}
    texts_NT = load_sentence_encoder().encode([f"{colour} {noun}" for noun, colour in GOODS])
    fitted = fit_pictures(
        [one.digest for one in pictures],
        vectors,
        colours,
        labels=labels,
        texts_NT=texts_NT,
        seed=1,
    )
    assert fitted.text_map is None, "so few titles teach none"
    drawn_NV = fitted.space.vectors(encoder, pictures)
    model = replace(fitted, text_map=TextMap.fit(texts_NT, drawn_NV, TextMapConfig(ridge_alpha=1.0, colour_weight=0.3)))
    digest = model.save(home.picture_model_path)
    index = PictureIndex(
        item_ids=[f"{noun} {colour}" for noun, colour in GOODS],
        vectors=drawn_NV,
        labels=labels,
        digests=[one.digest for one in pictures],
    )
    home.exports_dir.mkdir(parents=True)
    pq.write_table(index.table(digest), export_path(home, EMBEDDINGS))
    return home


def client_of(settings: Settings) -> TestClient:
    """A client of an app that is mounted as a service mounts it, with the guard around it."""
    shelf = PictureShelf(settings)
    inner = service_app("Pictures")
    add_picture_routes(inner, lambda: shelf)
    app = service_app("Outside")
    app.mount("/v1", inner)
    guard: Any = RequestGuard(app, addresses=Addresses(uploads=UPLOADS), settings=settings)
    return TestClient(guard, base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def client(settings: Settings) -> TestClient:
    return client_of(settings)


def photographed(noun: str, colour: str) -> bytes:
    """The drawing smaller, off its place and as a JPEG."""
    image = Image.new("RGB", (300, 300), "#f8f8f8")
    image.paste(Image.open(io.BytesIO(draw(noun, colour))).convert("RGB").resize((200, 200)), (60, 40))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    return file.getvalue()


def test_a_picture_finds_items_that_look_like_it(client: TestClient) -> None:
    answer = client.post(
        "/v1/search/image?num_results=5", content=photographed(NOUNS[2], "Red"), headers={"content-type": "image/jpeg"}
    )
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert [item["rank"] for item in document["items"]] == [1, 2, 3, 4, 5]
    assert any(item["item_id"] == f"{NOUNS[2]} Red" for item in document["items"])
    scores = [item["score"] for item in document["items"]]
    assert scores == sorted(scores, reverse=True)
    assert document["notes"] == []
    named = {item_id for one in document["suggestions"] for item_id in one["item_ids"]}
    assert named <= {f"{noun} {colour}" for noun, colour in GOODS}


def test_a_text_finds_pictures_that_show_what_it_says(client: TestClient) -> None:
    asked = {"text": f"{NOUNS[1]} in red", "num_results": 5}
    answer = client.post("/v1/search/looks", json=asked).json()
    item_ids = [item["item_id"] for item in answer["items"]]
    assert len(item_ids) == 5
    assert all(item_id.startswith(NOUNS[1]) or item_id.endswith("Red") for item_id in item_ids)


@pytest.mark.parametrize("body", [{}, {"text": "mug", "item_ids": ["a"]}, {"text": " "}])
def test_looks_are_asked_for_by_items_or_by_a_text(client: TestClient, body: dict[str, Any]) -> None:
    assert client.post("/v1/search/looks", json=body).status_code == 422


def test_a_form_with_the_picture_answers_the_same(client: TestClient) -> None:
    data = draw(NOUNS[0], "Blue")
    raw = client.post("/v1/search/image", content=data, headers={"content-type": "image/png"}).json()
    form = client.post("/v1/search/image", files={"image": ("x.png", data, "image/png")}).json()
    assert form["items"] == raw["items"]
    assert raw["items"][0] == {"item_id": f"{NOUNS[0]} Blue", "rank": 1, "score": 1.0}


@pytest.mark.parametrize(
    ("data", "media_type", "status", "code"),
    [
        (b"", "image/png", 422, "picture_empty"),
        (b"<svg/>", "image/png", 415, "picture_unsupported_format"),
        (draw("Jacket", "Red")[:300], "image/png", 422, "picture_broken"),
        (b"{}", "application/json", 415, "unsupported_media_type"),
        (b"x" * (MAX_BYTES + 1), "image/jpeg", 413, "picture_too_large"),
        (b"x" * (MAX_BYTES + 20_000), "image/jpeg", 413, "request_too_large"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 422, "picture_missing"),
        (b"nothing", "multipart/form-data", 400, "malformed_request"),
    ],
)
def test_what_is_no_picture_gets_a_problem_document(
    client: TestClient, data: bytes, media_type: str, status: int, code: str
) -> None:
    answer = client.post("/v1/search/image", content=data, headers={"content-type": media_type})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_other_addresses_still_take_nothing_but_json(client: TestClient) -> None:
    answer = client.post("/v1/search/looks", content=draw("Jacket", "Red"), headers={"content-type": "image/png"})
    assert answer.status_code == 415


def test_items_find_what_looks_like_them_without_themselves(client: TestClient) -> None:
    asked = [f"{NOUNS[1]} Red", f"{NOUNS[1]} Blue", "no such item"]
    document = client.post("/v1/search/looks", json={"item_ids": asked, "num_results": 4}).json()
    assert document["missing_item_ids"] == ["no such item"]
    assert len(document["items"]) == 4
    assert not {item["item_id"] for item in document["items"]} & set(asked)
    assert document["items"][0]["item_id"].startswith(NOUNS[1])


def test_a_shop_without_pictures_says_so(tmp_path: Path) -> None:
    answer = client_of(Settings(home=tmp_path)).post("/v1/search/looks", json={"item_ids": ["a"]})
    assert (answer.status_code, answer.json()["code"]) == (503, "no_pictures")
    assert "item_pictures" in answer.json()["detail"]
