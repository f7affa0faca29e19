"""Groups of shoppers by what they do, written with each run, so that a group keeps its identity from day to day."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import dagster as dg

from orchestration.metadata import OWNER, parquet_metadata
from shopsight.marts import export_path
from shopsight.refusals import open_personal_marts, without_refusals
from shopsight.settings import Settings
from shopsight.whole_files import replaced, write_json

MARTS: Final = ("user_features_daily", "user_taste_features_daily")


@dg.asset(
    group_name="insights",
    kinds={"parquet"},
    owners=[OWNER],
    deps=["online_features", *(dg.AssetKey(["marts", name]) for name in MARTS)],
)
def user_groups(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
    """The behaviour group of each shopper: as many groups as are stable, each with a name in words.

    Written to `warehouse/exports/user_groups.parquet`. `groups/grouping.json` has the centres that the next refresh is
    matched to, so that the number of a group outlives it. Of a shop with too few shoppers the table is empty.
    """
    import pyarrow.parquet as pq

    from models.asking.rows import log_span
    from models.grouping.groups import Grouping
    from models.grouping.report import SCHEMA, groups_of_day

    written = settings.groups_path
    previous = Grouping.of_json(json.loads(written.read_text())) if written.exists() else None
    path = export_path(settings, "user_groups")
    table = SCHEMA.empty_table()
    metadata: dict[str, Any] = {}
    with open_personal_marts(settings, MARTS) as connection:
        try:
            day = groups_of_day(connection, log_span(connection)[1], seed=settings.seed, previous=previous)
        except ValueError as error:
            context.log.info("there are no groups: %s", error)
            metadata = {"no groups": str(error)}
        else:
            table = day.table
            write_json(written, day.grouping.as_json())
            metadata = {
                "as of": day.document["as_of"],
                "between halves": day.document["between_halves"],
                "groups": _table(day.document["groups"]),
            }
    with replaced(path) as staging:
        # Somebody may have refused since the groups were begun.
        pq.write_table(without_refusals(table, settings), staging)
    return dg.MaterializeResult(metadata={**parquet_metadata(path), **metadata})


def _table(groups: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    lines = ["| group | what they do | shoppers |", "|---:|---|---:|"]
    lines += [f"| {one['id']} | {one['name']} | {one['shoppers']:,} |" for one in groups]
    return dg.MetadataValue.md("\n".join(lines))
