"""The pictures of the shop's items: as vectors that services compare, and what they say of items without a label."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.metadata import OWNER, counts_table, metric_metadata, parquet_metadata
from shopsight.marts import export_path
from shopsight.settings import Settings

if TYPE_CHECKING:
    from models.evaluation.bootstrap import Estimate
    from models.pictures.fit import PictureModel


@dg.asset(
    group_name="insights",
    kinds={"onnx", "parquet"},
    owners=[OWNER],
    deps=[dg.AssetKey(["marts", "items"])],
    output_required=False,
)
def item_pictures(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """The pictures of the items as vectors, for "looks like this", for picture search and for suggestions.

    Reads the files of `item_images/` and pictures within `image_url`; nothing is fetched. Written to
    `warehouse/exports/item_picture_embeddings.parquet`, beside `pictures/model.npz`; what could not be read to
    `reports/broken_pictures.csv`, and suggestions for items without a category or a colour, with the items that they
    stand on, to `warehouse/exports/item_picture_suggestions.parquet`. Nothing where the shop handed over no picture.
    """
    from orchestration.item_images import imaged_items
    from orchestration.picture_vectors import (
        BROKEN,
        EMBEDDINGS,
        MIN_PICTURES,
        encode_all,
        learn,
        write_broken,
        write_tables,
    )

    items = imaged_items(settings)
    with_image = [item for item in items if item.image is not None]
    if not with_image:
        context.log.info("no item has a picture: files named by item id go into %s", settings.item_images_dir)
        return
    pictures = encode_all(settings, with_image)
    write_broken(settings, pictures)
    codes = Counter(one.code for one in pictures.broken)
    if pictures.broken:
        context.log.warning("pictures that cannot be read: %s; reports/%s says which", dict(codes), BROKEN)
    if len(pictures.items) < MIN_PICTURES:
        context.log.warning("%d pictures could be read; %d are needed", len(pictures.items), MIN_PICTURES)
        return
    model, digest = learn(settings, pictures)
    suggested = write_tables(settings, pictures, model, digest)
    yield dg.MaterializeResult(
        metadata={
            **parquet_metadata(export_path(settings, EMBEDDINGS)),
            "items without a picture": len(items) - len(with_image),
            "pictures that cannot be read": len(pictures.broken),
            "why": counts_table("code", codes),
            "exact repeats": len(pictures.digests) - len(set(pictures.digests)),
            "colour in looks": model.looks_colour_weight,
            "suggestions": counts_table("attribute", Counter(suggested)),
            **metric_metadata(_measured(model)),
        }
    )


def _measured(model: "PictureModel") -> dict[str, "Estimate"]:
    """Return what was measured on pictures that were set aside."""
    figures = {f"{name} accuracy": vote.accuracy for name, vote in model.votes.items()}
    figures |= {f"{name} precision": vote.precision for name, vote in model.votes.items() if vote.precision is not None}
    return figures if model.recall_at_10 is None else figures | {"text recall@10": model.recall_at_10}
