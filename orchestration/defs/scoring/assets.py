"""Batch scores: what the champion says of every customer, as a file beside the marts."""

from collections.abc import Iterator

import dagster as dg

from orchestration.metadata import OWNER, parquet_metadata
from shopsight.settings import Settings
from shopsight.whole_files import replaced


@dg.asset(
    group_name="insights",
    kinds={"lightgbm", "parquet"},
    owners=[OWNER],
    deps=["churn_champion", "churn_training_set"],
    output_required=False,
)
def churn_scores(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """Each customer's chance to order no more, their value, and who is worth a message; nothing before an approval."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from models.churn.config import for_size
    from models.churn.predict import ChurnModel
    from models.churn.scoring import score
    from models.registry import ModelRegistry

    settings = Settings()
    champion = ModelRegistry(settings.registry_dir).champion("churn")
    if champion is None:
        context.log.info("no churn model is approved, so nobody is scored")
        return
    table = pq.read_table(settings.training_dir / "churn" / "training_set.parquet")
    newest = table.filter(pc.equal(table["event_timestamp"], pc.max(table["event_timestamp"])))
    scores = score(newest, ChurnModel.load(champion.path), config=for_size(settings.training_size))
    path = settings.exports_dir / "churn_scores.parquet"
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
