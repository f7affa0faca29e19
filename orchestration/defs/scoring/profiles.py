"""What the shop knows of each shopper, all of it in one file that the services and the command line look up."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import dagster as dg

from models.profiling.sources import GROUPS, MARTS, SCORES
from orchestration.metadata import OWNER
from shopsight.marts import export_path, mart_names
from shopsight.profile_store import write_profiles
from shopsight.refusals import open_personal_marts, read_refusals, without_refusals
from shopsight.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

LOOK_ALIKES: Final = 5
"""Of each shopper."""


@dg.asset(
    group_name="insights",
    kinds={"sqlite"},
    owners=[OWNER],
    # Not of the scores and vectors that approved models write: Dagster runs nothing after an asset that had nothing to
    # do, and a shop without an approved model has profiles all the same. The priority lets those assets go first.
    deps=["online_features", "user_groups", *(dg.AssetKey(["marts", name]) for name in MARTS)],
    op_tags={"dagster/priority": "-10"},
)
def shopper_profiles(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
    """What the shop knows of each shopper who permits it, with the evidence of each line, looked up by the key.

    Written to `warehouse/profiles.sqlite`, which `shopsight profile` and the services read. What approved models say is
    of the newest scores and vectors there are.
    """
    from models.asking.rows import log_span
    from models.profiling.forecasts import forecast_customers
    from models.profiling.profile import profiles

    made_at = datetime.now(UTC)
    there = mart_names(settings)
    beside = [name for name in (SCORES, GROUPS) if name in there]
    with open_personal_marts(settings, (*MARTS, *beside)) as connection:
        as_of = log_span(connection)[1]
        forecasts = forecast_customers(connection, as_of, seed=settings.seed)
        documents = profiles(connection, forecasts=forecasts, has_scores=SCORES in beside, has_groups=GROUPS in beside)
        rows = write_profiles(
            settings,
            (one for one in documents if one["consent"] == "granted"),
            _look_alikes(settings),
            about={"made_at": made_at.isoformat(), "last_month": forecasts.last_month if forecasts else {}},
            refused=lambda: read_refusals(settings).users,
        )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "path": dg.MetadataValue.path(settings.profiles_path),
            "megabytes": round(settings.profiles_path.stat().st_size / 1e6, 2),
            "with scores of the approved churn model": SCORES in beside,
        }
    )


def _look_alikes(settings: Settings) -> Iterator[tuple[str, int, str, float]]:
    import pyarrow.parquet as pq

    from models.recommender.vectors.embeddings import everyones_look_alikes

    path = export_path(settings, "user_embeddings")
    if not path.exists():
        return
    vectors: pa.Table = without_refusals(pq.read_table(path), settings)
    yield from everyones_look_alikes(vectors, count=LOOK_ALIKES, seed=settings.seed)
