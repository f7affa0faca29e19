"""The event log: files from the landing folder are validated, deduplicated and landed, to the row."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from orchestration.metadata import OWNER, counts_table
from shopsight.settings import Settings


@dg.asset(
    group_name="ingestion",
    kinds={"python", "parquet"},
    owners=[OWNER],
    description="Events that the collector took over HTTP: each sealed segment of its journal becomes one batch of the "
    "event log, exactly once.",
)
def collected_events(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult[None]:
    """Land what the collector has sealed."""
    from shopsight.ingestion.collecting.landing import land_collected

    receipts = land_collected(settings, received_at=datetime.now(UTC))
    for receipt in receipts:
        context.log.info("landed segment %s: %s rows accepted", receipt.batch_id, receipt.accepted)
    counts = ("received", "accepted", "duplicates", "corrected", "quarantined")
    return dg.MaterializeResult(
        metadata={
            "segments": len(receipts),
            **{name: sum(getattr(receipt, name) for receipt in receipts) for name in counts},
        }
    )


EVENT_LOG_TABLES = {
    "events": "One row per accepted event and item; the only source of truth, from which all else can be rebuilt.",
    "items": "The catalogue as the shop sent it, one row per item and validity; read by the item models.",
    "users": "Known shoppers without names or addresses; read by the user models.",
    "inventory": "Counts of the stock as the shop sent them, one row per item and count; read by the list of orders.",
}


@dg.multi_asset(
    name="event_log",
    specs=[
        dg.AssetSpec(
            key=["event_log", table],
            group_name="ingestion",
            kinds={"python", "parquet"},
            owners=[OWNER],
            description=description,
            deps=[collected_events],
        )
        for table, description in EVENT_LOG_TABLES.items()
    ],
    check_specs=[
        dg.AssetCheckSpec(
            name="every_row_is_accounted_for",
            asset=["event_log", "events"],
            description="received = accepted + duplicates + corrected + quarantined, over all batches.",
        ),
        dg.AssetCheckSpec(
            name="every_file_was_readable",
            asset=["event_log", "events"],
            description="No file of this run had to be moved to landing/.failed.",
        ),
    ],
)
def event_log(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Land what waits in the landing folder; an empty log gets the sample shop where the settings say so."""
    from shopsight.ingestion.landing import import_pending
    from shopsight.ingestion.log.event_log import EventLog
    from shopsight.sample_shop import land_sample_shop

    now = datetime.now(UTC)
    unreadable: dict[str, str] = {}
    for receipt in import_pending(
        settings, received_at=now, refused=lambda file, error: unreadable.update({file.path.name: str(error)})
    ):
        context.log.info("landed batch %s: %s rows accepted", receipt.batch_id, receipt.accepted)
    for name, error in unreadable.items():
        context.log.warning("%s was moved to landing/.failed: %s", name, error)
    if settings.sample_when_empty and EventLog.open(settings).totals().received == 0:
        context.log.info("the event log is empty: landing the %s sample shop", settings.sample_size)
        land_sample_shop(settings, size=settings.sample_size, seed=settings.seed, received_at=now)
    totals = EventLog.open(settings).totals()
    balance = totals.received - totals.accepted - totals.duplicates - totals.corrected - totals.quarantined
    yield dg.MaterializeResult(
        asset_key=["event_log", "events"],
        metadata={
            "dagster/row_count": totals.accepted,
            "received": totals.received,
            "accepted": totals.accepted,
            "duplicates": totals.duplicates,
            "corrected": totals.corrected,
            "quarantined": totals.quarantined,
            "batches": totals.batches,
            "quarantine reasons": counts_table("reason", totals.reasons),
        },
    )
    yield dg.MaterializeResult(asset_key=["event_log", "items"], metadata={"dagster/row_count": totals.items})
    yield dg.MaterializeResult(asset_key=["event_log", "users"], metadata={"dagster/row_count": totals.users})
    yield dg.MaterializeResult(asset_key=["event_log", "inventory"], metadata={"dagster/row_count": totals.inventory})
    yield dg.AssetCheckResult(
        asset_key=["event_log", "events"],
        check_name="every_row_is_accounted_for",
        passed=balance == 0,
        metadata={"unaccounted rows": balance},
    )
    yield dg.AssetCheckResult(
        asset_key=["event_log", "events"],
        check_name="every_file_was_readable",
        passed=not unreadable,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=unreadable,
    )
