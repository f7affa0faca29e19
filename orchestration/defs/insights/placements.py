"""How shoppers answer what is shown to them: a table beside the marts, with the caps that follow from it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from orchestration.metadata import OWNER, parquet_metadata
from shopsight.marts import export_path, open_duckdb
from shopsight.settings import Settings
from shopsight.whole_files import replaced


@dg.asset(
    group_name="insights",
    kinds={"duckdb", "parquet"},
    owners=[OWNER],
    # It reads the warehouse's file, which dbt alone may have open while it writes.
    pool="duckdb",
    deps=[
        dg.AssetKey(["marts", mart])
        for mart in (
            "events",
            "identities",
            "interactions",
            "order_items",
            "placement_performance",
            "sessions",
            "users",
        )
    ],
    output_required=False,
)
def placement_response(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Clicks and orders by placement, place and number of the impression, the effect of both, and a cap from it.

    Written to `warehouse/exports/placement_response.parquet`; nothing where no list or promotion was shown.
    """
    import pyarrow.parquet as pq

    from serving.feedback.matching import open_warehouse
    from serving.feedback.placements import PLACEMENT_RESPONSE, read_impressions
    from serving.feedback.placements import placement_response as response_of

    with open_duckdb() as connection:
        open_warehouse(connection, settings)
        read_impressions(connection, window=timedelta(hours=settings.feedback_window_hours))
        table = response_of(connection)
    if not table.num_rows:
        context.log.info("no list and no promotion was shown")
        return
    path = export_path(settings, PLACEMENT_RESPONSE)
    with replaced(path) as staging:
        pq.write_table(table, staging)
    rows = table.to_pylist()
    yield dg.MaterializeResult(
        metadata={
            **parquet_metadata(path),
            "placements": len({(row["kind"], row["placement"]) for row in rows}),
            "caps": dg.MetadataValue.md(_caps(rows)),
        }
    )


def _caps(rows: list[dict[str, Any]]) -> str:
    lines = ["| kind | placement | proposed cap in 7 days | why |", "|---|---|---:|---|"]
    seen = {(row["kind"], row["placement"]): (row["proposed_cap"], row["cap_reason"]) for row in rows}
    for (kind, placement), (cap, reason) in seen.items():
        lines.append(f"| {kind} | {placement.replace('|', ' ')} | {'–' if cap is None else cap} | {reason} |")
    return "\n".join(lines)
