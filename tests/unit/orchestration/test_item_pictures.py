"""Images of a home's items become vectors and suggestions; what cannot be read is listed, and nothing is fetched."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.pictures.fit import PictureModel, model_digest
from models.pictures.index import PictureIndex
from orchestration.defs.insights.pictures import item_pictures
from orchestration.item_images import imaged_items
from shopsight.errors import ShopsightError
from shopsight.events import ITEM_SCHEMA
from shopsight.marts import read_mart
from shopsight.sample_shop.drawings import COLOURS, draw, drawn_address
from shopsight.sample_shop.shelves import LEAVES
from shopsight.settings import Settings

NOUNS = [leaf.noun for leaf in LEAVES if not leaf.packs][:6]
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def fill(home: Settings, items: list[dict[str, object]]) -> None:
    """Give a home the mart of items, and the rows of the event log that it was made of."""
    home.exports_dir.mkdir(parents=True)
    columns = ("item_id", "title", "category")
    rows = [{name: item.get(name) for name in columns} | {"is_listed": True} for item in items]
    pq.write_table(pa.Table.from_pylist(rows), home.exports_dir / "items.parquet")
    batch = home.event_log_dir / "arrival_date=2026-01-01" / "batch=1"
    batch.mkdir(parents=True)
    own = {"source": "test", "created_timestamp": MOMENT, "valid_from": MOMENT}
    logged = [{name: item.get(name) for name in ITEM_SCHEMA.names} | own for item in items]
    pq.write_table(pa.Table.from_pylist(logged, schema=ITEM_SCHEMA), batch / "items.parquet")


def materialize(home: Settings) -> dg.ExecuteInProcessResult:
    return dg.materialize([item_pictures], resources={"settings": home})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """60 items of six shelves and ten colours in several places, of which two lack a label, and three broken ones."""
    home = Settings(home=tmp_path_factory.mktemp("shop"))
    items: list[dict[str, object]] = []
    home.item_images_dir.mkdir()
    for number, (noun, colour) in enumerate((noun, colour) for noun in NOUNS for colour in COLOURS):
        item: dict[str, object] = {
            "item_id": f"i/{number}",
            "title": f"{colour} {noun}",
            "category": noun,
            "attributes": json.dumps({"Colour": colour}),
            "image_url": drawn_address(noun, colour)
            if number % 2
            else f"https://cdn.example/pictures/{number}.png?w=9",
        }
        if number % 4 == 0:
            (home.item_images_dir / f"i%2F{number}.png").write_bytes(draw(noun, colour))
        elif number % 2 == 0:
            (home.item_images_dir / f"{number}.png").write_bytes(draw(noun, colour))
        items.append(item)
    items[11] |= {"category": None}
    items[22] |= {"attributes": None}
    for name, data in (("cut", draw("Jacket", "Red")[:300]), ("page", b"<svg/>"), ("none", b"")):
        items.append({"item_id": name, "title": name})
        (home.item_images_dir / f"{name}.jpg").write_bytes(data)
    items.append({"item_id": "elsewhere", "title": "elsewhere", "image_url": "https://cdn.example/never-fetched.jpg"})
    fill(home, items)
    assert materialize(home).success
    return home


def test_pictures_are_read_from_files_by_id_or_name_and_from_addresses_that_hold_them(shop: Settings) -> None:
    table = read_mart(shop, "item_picture_embeddings")
    assert sorted(table["item_id"].to_pylist()) == sorted(f"i/{number}" for number in range(60))
    assert table.column_names == ["item_id", "category", "colour", "shows", "colours", "digest", "model"]
    thumbnails = {path.stem for path in shop.thumbnails_dir.iterdir()}
    assert thumbnails == set(table["digest"].to_pylist())


def test_what_cannot_be_read_is_listed_with_the_reason(shop: Settings) -> None:
    with (shop.reports_dir / "broken_pictures.csv").open(newline="", encoding="utf-8") as file:
        codes = {row["item_id"]: (row["where"], row["code"]) for row in csv.DictReader(file)}
    assert codes == {
        "cut": ("cut.jpg", "broken"),
        "page": ("page.jpg", "unsupported_format"),
        "none": ("none.jpg", "empty"),
    }


def test_what_looks_alike_is_of_the_same_shelf(shop: Settings) -> None:
    model = PictureModel.load(shop.picture_model_path)
    index = PictureIndex.of(read_mart(shop, "item_picture_embeddings"), model_digest(shop.picture_model_path))
    place = index.item_ids.index("i/3")
    first, *others = index.similar(index.vectors.take([place]), model, num_results=5)[0]
    assert first.item_id == "i/3"
    assert first.score == pytest.approx(1, abs=1e-3)
    assert sum(int(one.item_id.removeprefix("i/")) < 10 for one in others) >= 3  # the first shelf has the first ten


def test_an_item_without_a_label_gets_one_with_the_items_it_stands_on(shop: Settings) -> None:
    rows = {row["item_id"]: row for row in read_mart(shop, "item_picture_suggestions").to_pylist()}
    assert set(rows) <= {"i/11", "i/22"}
    assert rows["i/11"]["attribute"] == "category"
    assert rows["i/11"]["value"] == NOUNS[1]
    assert rows["i/11"]["evidence_item_ids"]
    assert 0 < rows["i/11"]["share_of_votes"] <= 1


def test_a_second_run_encodes_nothing_anew_and_says_the_same(shop: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.pictures.encoder import PictureEncoder

    before = read_mart(shop, "item_picture_embeddings")
    monkeypatch.setattr(PictureEncoder, "encode", lambda *_: pytest.fail("a picture was encoded again"))
    assert materialize(shop).success
    assert read_mart(shop, "item_picture_embeddings").equals(before)


def test_vectors_of_another_model_are_refused(shop: Settings) -> None:
    with pytest.raises(ShopsightError, match="another model"):
        PictureIndex.of(read_mart(shop, "item_picture_embeddings"), "0123456789abcdef")


def test_a_shop_without_pictures_is_passed_over(tmp_path: Path) -> None:
    home = Settings(home=tmp_path)
    fill(home, [{"item_id": "lamp", "title": "Lamp", "image_url": "https://cdn.example/lamp.jpg"}])
    result = materialize(home)
    assert result.success
    assert result.asset_materializations_for_node("item_pictures") == []
    assert not (home.exports_dir / "item_picture_embeddings.parquet").exists()


def test_an_id_cannot_name_a_file_outside_of_the_folder(tmp_path: Path) -> None:
    home = Settings(home=tmp_path)
    home.item_images_dir.mkdir()
    (tmp_path / "secret.png").write_bytes(draw("Jacket", "Red"))
    fill(home, [{"item_id": "../secret", "title": "x", "image_url": "https://cdn.example/../secret.png"}])
    assert [item.image for item in imaged_items(home)] == [None]
