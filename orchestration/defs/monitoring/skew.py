"""What answers were made from, beside what training would read of the same second."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import dagster as dg

from orchestration.metadata import OWNER
from shopsight.settings import Settings
from shopsight.whole_files import write_json

ANSWERS: Final = 1_000
"""Of the newest, those that are compared."""
READ: Final = ("interactions", "session_features", "user_features_daily", "user_order_history_daily")


@dg.asset(
    group_name="monitoring",
    kinds={"python", "duckdb"},
    owners=[OWNER],
    deps=["online_features", *(dg.AssetKey(["marts", mart]) for mart in READ)],
    output_required=False,
)
def train_serve_skew(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Features of the newest answers, compared with what training would read of the same second.

    Written to `reports/skew.json`; `shopsight skew` prints it. Nothing before the first answer.
    """
    from serving.audit.logged_rows import newest_rows
    from serving.audit.skew import FAMILIES_COMPARED, train_serve_skew

    newest = newest_rows(settings, FAMILIES_COMPARED, ANSWERS)
    if not newest.rows:
        context.log.info("there is no answer to compare yet")
        return
    skew = train_serve_skew(newest.rows, settings)
    if skew.different:
        context.log.warning("%d of %d cases were made from what training would not read", skew.different, skew.compared)
    file = settings.reports_dir / "skew.json"
    write_json(file, vars(skew))
    yield dg.MaterializeResult(
        metadata={
            "compared": skew.compared,
            "different": skew.different,
            "features": dg.MetadataValue.md(_table(skew.features)),
            "not compared": dg.MetadataValue.md(
                "\n".join(f"- {count:,}: {reason}" for reason, count in skew.not_compared.most_common()) or "none"
            ),
            "report": dg.MetadataValue.path(file),
        }
    )


def _table(features: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    lines = ["| family | feature | compared | different |", "|---|---|---:|---:|"]
    lines += [
        f"| {family} | {name} | {counts['compared']:,} | {counts['different']:,} |"
        for family, of_family in features.items()
        for name, counts in of_family.items()
    ]
    return "\n".join(lines)
