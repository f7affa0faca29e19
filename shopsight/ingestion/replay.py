"""Reads the rows of the quarantine again, once what was wrong with them is mended: a rule, an importer or a mapping.

A row that is good now lands in a batch of its own, which also notes that it has left the quarantine; both happen in one
rename, so a replay can be stopped and repeated. Rows that are still bad stay as they are.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shopsight.ingestion.formats import FORMATS
from shopsight.ingestion.formats.hm import read_hm_table
from shopsight.ingestion.formats.mapped import read_mapped
from shopsight.ingestion.formats.mapping import Mapping
from shopsight.ingestion.formats.yoochoose import read_yoochoose_file
from shopsight.ingestion.log.event_log import EventLog, Receipt
from shopsight.ingestion.log.quarantine import REPLAYED_SCHEMA, read_quarantine
from shopsight.ingestion.readers.chunks import COLLECTED, JUDGED, RawChunk, ReportImport, ignore
from shopsight.ingestion.validation.rules import STRUCTURE_REASONS
from shopsight.settings import Settings

NEVER: Final = ("completejourney", "shopify", "woocommerce", "magento")
"""Formats whose rows cannot be read one by one: they are joined from tables, or say nothing without their order."""
LINES_PER_FILE: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What became of a replay."""

    receipt: Receipt
    """Rows that left the quarantine: received = accepted + duplicates + corrected."""
    still_bad: int
    """Rows that were read again and are as bad as before."""
    not_read: int
    """Rows without columns (broken lines), or of a format or mapping that cannot be read here: mend them by hand."""


def replay_quarantine(
    settings: Settings,
    *,
    received_at: datetime,
    mapping: Mapping | None = None,
    batch_id: str | None = None,
    report: ReportImport = ignore,
) -> Replay:
    """Import the rows of the quarantine again, by the rules and importers of today.

    Args:
        settings: where the event log is.
        received_at: arrival of those that are good now.
        mapping: mended mapping for rows that were imported by one; left out, such rows are not read.
        batch_id: only rows of this batch; left out, of all.
        report: told after every chunk.

    Raises:
        EventLogBusyError: another import is running.
        DiskFullError: no room; the log is as before.
    """
    log = EventLog.open(settings)
    seen = {"read": 0, "left": 0}

    def chunks() -> Iterator[RawChunk]:
        # Inside the log's lock: what another replay has just made good is not in quarantine any more.
        formats = {manifest["batch_id"]: manifest["format"] for manifest in log.manifests()}
        rows = read_quarantine(settings, limit=None, batch_id=batch_id)
        seen["left"] = rows.num_rows
        for group in _groups(rows):
            format_name = formats[group["batch_id"][0].as_py()]
            for chunk in _read_again(group, format_name, mapping):
                seen["read"] += chunk.rows.num_rows
                yield chunk

    receipt = log.land(
        chunks(), source_name="replay", received_at=received_at, format_name="replay", is_replay=True, report=report
    )
    mended = receipt.received + receipt.items + receipt.users + receipt.inventory
    return Replay(receipt=receipt, still_bad=seen["read"] - mended, not_read=seen["left"] - seen["read"])


def _groups(rows: pa.Table) -> Iterator[pa.Table]:
    """Yield the rows of one file of one batch at a time, without those that have no columns."""
    names = ["batch_id", "table_name", "file_name", "source", "header"]
    for key in rows.group_by(names).aggregate([]).to_pylist():
        same = [pc.equal(rows[name], key[name]) if key[name] is not None else pc.is_null(rows[name]) for name in names]
        group = rows.filter(pc.and_(pc.and_(pc.and_(same[0], same[1]), pc.and_(same[2], same[3])), same[4]))
        readable = [not set(reasons) & set(STRUCTURE_REASONS) for reasons in group["reasons"].to_pylist()]
        group = group.filter(pa.array(readable, pa.bool_())).sort_by([("line", "ascending"), ("part", "ascending")])
        for start in range(0, group.num_rows, LINES_PER_FILE):
            yield group.slice(start, LINES_PER_FILE)


def _read_again(group: pa.Table, format_name: str, mapping: Mapping | None) -> Iterator[RawChunk]:
    """Write the original bytes to a file, read it as the format, and keep the rows that were in quarantine."""
    source, table = group["source"][0].as_py(), group["table_name"][0].as_py()
    if format_name in NEVER or group["header"][0].as_py() is None:  # rows of earlier versions kept no header
        return
    if group["file_name"][0].as_py().endswith(JUDGED):  # its ids would become pseudonyms of pseudonyms
        return
    if format_name == "mapped" and (mapping is None or mapping.source != source or mapping.needs_whole_orders()):
        return  # a line alone says nothing of its order: those are mended in the file, which is imported again
    wanted = {
        (line, part): row
        for row, (line, part) in enumerate(zip(group["line"].to_pylist(), group["part"].to_pylist(), strict=True))
    }
    with tempfile.TemporaryDirectory() as folder:
        file, starts, lines = _write(Path(folder), group)
        for chunk in _reader(format_name, file, mapping):
            if chunk.table != table or not chunk.rows.num_rows:
                continue
            numbers = lines[np.searchsorted(starts, chunk.lines, side="right") - 1]
            parts: list[int | None] = [None] * len(numbers) if chunk.parts is None else chunk.parts.tolist()
            group_rows = [wanted.get((line, part)) for line, part in zip(numbers.tolist(), parts, strict=True)]
            chosen = np.array([i for i, row in enumerate(group_rows) if row is not None], dtype=np.int64)
            origins = group.take(pa.array([row for row in group_rows if row is not None], pa.int64()))
            yield replace(
                chunk,
                rows=_with_source(chunk.rows.take(pa.array(chosen)), source),
                lines=numbers[chosen],
                parts=None if chunk.parts is None else chunk.parts[chosen],
                refused={reason: mask[chosen] for reason, mask in chunk.refused.items()},
                left_out=None if chunk.left_out is None else chunk.left_out[chosen],
                doubts={doubt: mask[chosen] for doubt, mask in chunk.doubts.items()},
                broken=(),
                origins=origins.select(REPLAYED_SCHEMA.names),
            )


def _write(folder: Path, group: pa.Table) -> tuple[Path, NDArray[np.int64], NDArray[np.int64]]:
    """Return a file with the lines, the line on which each begins in it, and the line that it was."""
    header = group["header"][0].as_py()
    name = Path(group["file_name"][0].as_py().removesuffix(".gz") or group["table_name"][0].as_py())
    if name.suffix in ("", ".parquet"):  # rows that were columns are kept as JSON
        name = name.with_suffix(".jsonl")
    numbers: list[int] = []
    raws: list[bytes] = []
    seen = None
    for line, raw in zip(group["line"].to_pylist(), group["raw"].to_pylist(), strict=True):
        if line != seen:
            numbers.append(line)
            raws.append(raw)
        seen = line
    heights = np.array([raw.count(b"\n") + 1 for raw in raws], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(heights)[:-1]]) + (2 if header else 1)
    path = folder / name
    path.write_bytes(b"\n".join([*([header] if header else []), *raws]) + b"\n")
    return path, starts, np.array(numbers, dtype=np.int64)


def _reader(format_name: str, file: Path, mapping: Mapping | None) -> Iterator[RawChunk]:
    if format_name == "mapped" and mapping is not None:
        return read_mapped(file, mapping, is_replay=True)
    if format_name == "yoochoose":
        return read_yoochoose_file(file)
    if format_name == "hm":
        return read_hm_table(file)
    if format_name in ("canonical_parquet", "sample", COLLECTED):
        format_name = "canonical_jsonl"
    return FORMATS[format_name](file)


def _with_source(rows: pa.Table, source: str) -> pa.Table:
    if "source" not in rows.column_names:
        return rows.append_column("source", pa.repeat(source, rows.num_rows))
    filled = pc.fill_null(rows["source"].cast(pa.string()), source)
    return rows.set_column(rows.schema.get_field_index("source"), "source", filled)
