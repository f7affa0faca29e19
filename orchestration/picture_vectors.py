"""From the images of items to the files that services search: read, encode what is new, learn, write."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.pictures.colours import BINS
from models.pictures.encoder import DIM, export_encoder, load_picture_encoder
from models.pictures.fit import PictureModel, fit_pictures
from models.pictures.index import PictureIndex
from models.pictures.reading import Picture, PictureError, thumbnail
from models.pictures.space import PictureVectors, encoded
from models.text.sentences import load_sentence_encoder
from orchestration.item_images import ImagedItem
from shopsight.marts import export_path
from shopsight.settings import Settings
from shopsight.whole_files import replaced

EMBEDDINGS: Final = "item_picture_embeddings"
SUGGESTIONS: Final = "item_picture_suggestions"
BROKEN: Final = "broken_pictures.csv"
MIN_PICTURES: Final = 2
_TOGETHER: Final = 64
"""Pictures whose pixels are in memory at once: 10 MB."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A picture that could not be read."""

    item_id: str
    place: str
    code: str
    why: str


@dataclass(kw_only=True)
class Encoded:
    """Pictures that were read, and those that were not."""

    items: list[ImagedItem] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    """Of the pixels, one for each item."""
    vectors: dict[str, Floats] = field(default_factory=dict)
    """By digest: the encoder's numbers, and behind them the colours; shape (4160 + 486,)."""
    broken: list[Broken] = field(default_factory=list)

    def encoded_ND(self) -> Floats:
        """Return the encoder's numbers of each item's picture."""
        return np.stack([self.vectors[digest][:DIM] for digest in self.digests]).astype(np.float32)

    def colours_NB(self) -> Floats:
        """Return the colours of each item's picture."""
        return np.stack([self.vectors[digest][DIM:] for digest in self.digests]).astype(np.float32)


def encode_all(settings: Settings, items: Sequence[ImagedItem]) -> Encoded:
    """Read and encode the pictures of items; one that was encoded before, by its pixels, is not encoded again."""
    encoder = load_picture_encoder(export_encoder(settings.picture_encoder_path))
    before = _encoded_before(settings)
    result = Encoded()
    waiting: dict[str, Picture] = {}

    def encode_waiting() -> None:
        rows = np.hstack(encoded(encoder, list(waiting.values())))
        result.vectors.update(zip(waiting, rows.astype(np.float16), strict=True))
        waiting.clear()

    for item in items:
        try:
            picture = item.read()
        except PictureError as error:
            result.broken.append(Broken(item_id=item.item_id, place=item.place, code=error.code, why=error.why))
            continue
        result.items.append(item)
        result.digests.append(picture.digest)
        _write_thumbnail(settings, picture)
        if picture.digest in before:
            result.vectors[picture.digest] = before[picture.digest]
        elif picture.digest not in result.vectors:
            waiting[picture.digest] = picture
        if len(waiting) == _TOGETHER:
            encode_waiting()
    encode_waiting()
    _remember(settings, result.vectors)
    return result


def _write_thumbnail(settings: Settings, picture: Picture) -> None:
    path = settings.thumbnails_dir / f"{picture.digest}.webp"
    if not path.exists():
        with replaced(path) as staging:
            staging.write_bytes(thumbnail(picture))


def _encoded_before(settings: Settings) -> dict[str, Floats]:
    path = settings.encoded_pictures_path
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as file:
        digests, rows = file["digests"], file["rows"]
    return dict(zip(digests.tolist(), rows, strict=True)) if rows.shape[1:] == (DIM + BINS,) else {}


def _remember(settings: Settings, vectors: dict[str, Floats]) -> None:
    rows = np.stack(list(vectors.values())) if vectors else np.zeros((0, DIM + BINS), dtype=np.float16)
    with replaced(settings.encoded_pictures_path) as staging, staging.open("wb") as file:
        np.savez(file, digests=np.array(list(vectors), dtype="U64"), rows=rows)


def learn(settings: Settings, pictures: Encoded) -> tuple[PictureModel, str]:
    """Learn from pictures, write the model, and return it with its digest."""
    titles = [item.title or "" for item in pictures.items]
    model = fit_pictures(
        pictures.digests,
        pictures.encoded_ND(),
        pictures.colours_NB(),
        labels={
            "category": [item.category for item in pictures.items],
            "colour": [item.colour for item in pictures.items],
        },
        texts_NT=load_sentence_encoder().encode(titles),
        seed=settings.seed,
    )
    return model, model.save(settings.picture_model_path)


def write_tables(settings: Settings, pictures: Encoded, model: PictureModel, digest: str) -> list[str]:
    """Write the vectors and the suggestions, and return the attribute of each suggestion."""
    vectors = PictureVectors(shows_NK=model.space.project(pictures.encoded_ND()), colours_NB=pictures.colours_NB())
    index = PictureIndex(
        item_ids=[item.item_id for item in pictures.items],
        vectors=vectors,
        labels={
            "category": [item.category for item in pictures.items],
            "colour": [item.colour for item in pictures.items],
        },
        digests=pictures.digests,
    )
    _write(settings, EMBEDDINGS, index.table(digest))
    rows = [
        (item.item_id, item.title, one.attribute, one.value, one.share, list(one.item_ids))
        for item, suggestions in zip(pictures.items, index.suggestions(vectors, model), strict=True)
        for one in suggestions
        if getattr(item, one.attribute) is None
    ]
    columns = zip(*rows, strict=True) if rows else [()] * len(_SUGGESTED)
    arrays = [pa.array(values, kind) for values, kind in zip(columns, _SUGGESTED.types, strict=True)]
    _write(settings, SUGGESTIONS, pa.table(arrays, schema=_SUGGESTED))
    return [row[2] for row in rows]


_SUGGESTED: Final = pa.schema(
    {
        "item_id": pa.string(),
        "title": pa.string(),
        "attribute": pa.string(),
        "value": pa.string(),
        "share_of_votes": pa.float64(),
        "evidence_item_ids": pa.list_(pa.string()),
    }
)


def _write(settings: Settings, name: str, table: pa.Table) -> None:
    with replaced(export_path(settings, name)) as staging:
        pq.write_table(table, staging, compression="zstd")


def write_broken(settings: Settings, pictures: Encoded) -> None:
    """Write which pictures could not be read, and why, for people to mend them."""
    path = settings.reports_dir / BROKEN
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as staging, staging.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["item_id", "where", "code", "why"])
        writer.writerows([one.item_id, one.place, one.code, one.why] for one in pictures.broken)
