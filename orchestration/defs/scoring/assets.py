"""Batch scores: what the champion says of every customer, as a file beside the marts."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import dagster as dg

from orchestration.metadata import OWNER, parquet_metadata
from shopsight.marts import export_path, open_marts
from shopsight.refusals import without_refusals
from shopsight.settings import Settings
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    from models.recommender.vectors.embeddings import TasteGroup

NEWEST_HISTORIES: Final = """
    select user_id, arg_max(item_ids, feature_timestamp) as item_ids,
        arg_max(event_names, feature_timestamp) as event_names
    from user_history_daily
    group by user_id
    order by user_id
"""


@dg.asset(
    group_name="insights",
    kinds={"lightgbm", "parquet"},
    owners=[OWNER],
    deps=[
        "churn_champion",
        "churn_training_set",
        dg.AssetKey(["marts", "interactions"]),
        dg.AssetKey(["marts", "items"]),
    ],
    output_required=False,
)
def churn_scores(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Each customer's chance to order no more, their next order, value and feeling for prices, and who gets a message.

    Nothing before an approval.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from models.churn import predict
    from models.churn.config import for_size
    from models.churn.scoring import score
    from models.price_sensitivity import with_price_sensitivity
    from models.registry.registry import ModelRegistry
    from shopsight.first_looks import read_first_looks

    champion = ModelRegistry.of(settings).champion("churn")
    if champion is None:
        context.log.info("no churn model is approved, so nobody is scored")
        return
    table = without_refusals(pq.read_table(settings.training_dir / "churn" / "training_set.parquet"), settings)
    newest = table.filter(pc.equal(table["event_timestamp"], pc.max(table["event_timestamp"])))
    scores = score(newest, predict.load(champion.path), config=for_size(settings.training_size))
    with open_marts(settings, ("interactions", "items")) as connection:
        scores = with_price_sensitivity(scores, read_first_looks(connection))
    path = export_path(settings, "churn_scores")
    with replaced(path) as staging:
        pq.write_table(scores, staging)
    yield dg.MaterializeResult(
        metadata={
            **parquet_metadata(path),
            "version": champion.version,
            "on the win-back list": int(pc.sum(scores["win_back"]).as_py() or 0),
            "held out": int(pc.sum(scores["held_out"]).as_py() or 0),
        }
    )


@dg.asset(
    group_name="insights",
    kinds={"onnx", "parquet"},
    owners=[OWNER],
    deps=["recommender_champion", "online_features", dg.AssetKey(["marts", "user_history_daily"])],
    output_required=False,
)
def recommender_embeddings(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Where the approved recommender places shoppers and items, and the taste groups of shoppers near each other.

    Written to `warehouse/exports/{user,item}_embeddings.parquet`, which Feast reads offline; for look-alikes
    (`shopsight lookalikes`), targeting and similar items. Nothing before an approval, or where the approved recommender
    has no transformer.
    """
    import pyarrow.parquet as pq

    from models.recommender.vectors.embeddings import Embedder, embed
    from models.registry.registry import ModelRegistry

    champion = ModelRegistry.of(settings).champion("recommender")
    embedder = None if champion is None else Embedder.load(champion.path)
    if champion is None or embedder is None:
        context.log.info("no recommender with vectors is approved, so nobody is placed")
        return
    with open_marts(settings, ["user_history_daily"]) as connection:
        histories = without_refusals(connection.sql(NEWEST_HISTORIES).to_arrow_table(), settings)
    moment = datetime.now(UTC)
    embeddings = embed(embedder, histories, version=champion.version, moment=moment, seed=settings.seed)
    for name, table in (("user_embeddings", embeddings.users), ("item_embeddings", embeddings.items)):
        with replaced(export_path(settings, name)) as staging:
            pq.write_table(table, staging)
    yield dg.MaterializeResult(
        metadata={
            **parquet_metadata(export_path(settings, "user_embeddings")),
            "version": champion.version,
            "items": embeddings.items.num_rows,
            "taste groups": dg.MetadataValue.md(_taste_groups(embeddings.taste_groups)),
        }
    )


def _taste_groups(groups: "Sequence[TasteGroup]") -> str:
    lines = ["| taste group | shoppers | touch more than others do |", "|---:|---:|---|"]
    for one in groups:
        liked = ", ".join(f"{name} ({lift:.1f}x)" for name, lift in one.categories)
        lines.append(f"| {one.number} | {one.shoppers:,} | {liked or '–'} |")
    return "\n".join(lines)
