"""``shopsight quarantine``: what was not accepted, and the second try once its cause is mended."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from cli.console import err, out, print_json
from shopsight.settings import Settings, prepare_environment


def list_quarantine(*, reason: str, batch: str, limit: int, as_json: bool) -> None:
    """Print the counts per reason, and some of the rows."""
    from shopsight.ingestion.log.quarantine import count_quarantine, read_quarantine

    settings = Settings()
    rows, counts = count_quarantine(settings, batch_id=batch or None, reason=reason or None)
    lines = [
        {name: row[name] for name in ("batch_id", "table_name", "file_name", "line", "reasons")}
        | {"raw": row["raw"].decode(errors="replace")}
        for row in read_quarantine(settings, limit=limit, batch_id=batch or None, reason=reason or None).to_pylist()
    ]
    if as_json:
        print_json({"rows": rows, "reasons": counts, "examples": lines})
        return
    out.print(f"{rows:,} rows in quarantine")
    for name, count in counts.most_common():
        out.print(f"  {name}: {count:,}")
    table = Table()
    for heading in ("batch", "file", "line", "reasons", "row"):
        table.add_column(heading, overflow="ellipsis", no_wrap=heading == "row")
    for row in lines:
        table.add_row(row["batch_id"], row["file_name"], str(row["line"]), ", ".join(row["reasons"]), row["raw"][:200])
    if lines:
        out.print(table, markup=False)


def replay(*, mapping: Path | None, batch: str, as_json: bool) -> None:
    """Import what is in quarantine again, and print what became of it.

    Raises:
        ShopsightError: the mapping cannot be used, or the log is busy.
    """
    from shopsight.ingestion.formats.mapping_file import read_mapping
    from shopsight.ingestion.replay import replay_quarantine

    settings = Settings()
    prepare_environment(settings)
    with err.status("reading the quarantine again"):
        done = replay_quarantine(
            settings,
            received_at=datetime.now(UTC),
            mapping=read_mapping(mapping) if mapping else None,
            batch_id=batch or None,
        )
    if as_json:
        print_json(asdict(done))
        return
    receipt = done.receipt
    out.print(
        f"{receipt.accepted:,} accepted, {receipt.duplicates:,} duplicates of accepted rows, "
        f"{receipt.corrected:,} corrected"
    )
    out.print(f"{done.still_bad:,} still bad, {done.not_read:,} to be mended by hand: they stay in quarantine")
