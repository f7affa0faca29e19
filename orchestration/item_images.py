"""The images that a shop handed over of its items, one after the other: from files of the home, never from elsewhere.

A file of the folder ``item_images`` is an item's where its name, without the ending, is the item's id (percent-encoded
where an id has characters that no file name has), or where the item's ``image_url`` ends in the file's name. An
``image_url`` that holds its picture itself (``data:image/png;base64,…``) needs no file.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from models.pictures.reading import MAX_BYTES, Picture, PictureError, read_picture
from shopsight.ingestion.log.newest_items import newest_items
from shopsight.marts import open_marts
from shopsight.settings import Settings

COLOUR_NAMES: Final = ("colour", "color", "base_colour", "basecolour", "颜色", "farbe", "couleur")
"""Names of the attribute, in lower case."""
DATA: Final = "data:"


@dataclass(frozen=True, kw_only=True)
class ImagedItem:
    """An item, and where its image is."""

    item_id: str
    title: str | None
    category: str | None
    colour: str | None
    image: Path | str | None
    """A file, a ``data:`` address, or None where the shop handed over neither."""

    @property
    def place(self) -> str:
        """Return where the image is, for people."""
        return self.image.name if isinstance(self.image, Path) else "image_url" if self.image else ""

    def read(self) -> Picture:
        """Return the picture.

        Raises:
            PictureError: it cannot be read; ``missing`` where the file went away.
        """
        return read_picture(_file_bytes(self.image) if isinstance(self.image, Path) else _data_bytes(self.image or ""))


def imaged_items(settings: Settings) -> list[ImagedItem]:
    """Return every item that the shop lists, by id."""
    files = _files(settings.item_images_dir)
    return [
        ImagedItem(
            item_id=row["item_id"],
            title=row["title"],
            category=row["category"],
            colour=_colour(row["attributes"]),
            image=_image(row["item_id"], row["image_url"] or "", files),
        )
        for row in _rows(settings)
    ]


def _rows(settings: Settings) -> list[dict[str, Any]]:
    """Return the items with what their newest row of the event log says beside the mart's columns."""
    nothing = "select null::varchar as item_id, null::varchar as image_url, null::varchar as attributes"
    described = newest_items(settings.event_log_dir, ("image_url", "attributes")) or nothing
    with open_marts(settings, ["items"]) as connection:
        result = connection.sql(
            f"""select items.item_id, title, category, image_url, attributes from items
            left join ({described}) as described on described.item_id = items.item_id
            where is_listed order by items.item_id"""
        )
        rows: list[dict[str, Any]] = result.to_arrow_table().to_pylist()
        return rows


def _files(folder: Path) -> Mapping[str, Path]:
    """Return the regular files of a folder by their names and, without endings, by what they stand for."""
    files: dict[str, Path] = {}
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.is_file():  # a pipe would never end
                files.setdefault(unquote(path.stem), path)
                files[path.name] = path
    return files


def _image(item_id: str, image_url: str, files: Mapping[str, Path]) -> Path | str | None:
    if item_id in files:
        return files[item_id]
    if image_url.startswith(DATA):
        return image_url
    name = unquote(urlsplit(image_url).path.rsplit("/", 1)[-1])
    return files.get(name) if name else None


def _file_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PictureError("missing", "the picture is gone", why=str(error), fix="hand it over again") from error


def _data_bytes(address: str) -> bytes:
    head, _, body = address.removeprefix(DATA).partition(",")
    try:
        # Of what could be no picture anyway not all is decoded.
        data = base64.b64decode(body[: 2 * MAX_BYTES], validate=True) if "base64" in head else unquote_to_bytes(body)
    except (binascii.Error, ValueError) as error:
        raise PictureError(
            "broken", "the picture is broken", why=f"its address is no base64: {error}", fix="hand over a file"
        ) from error
    return data


def _colour(attributes: str | None) -> str | None:
    """Return the colour among the attributes of an item, or None."""
    try:
        named = json.loads(attributes or "{}")
    except ValueError:
        return None
    values = {str(name).lower(): value for name, value in named.items()} if isinstance(named, dict) else {}
    colours = (values[name] for name in COLOUR_NAMES if isinstance(values.get(name), str))
    return next((colour.strip() for colour in colours if colour.strip()), None)
