"""One door for every format: picks the reader and lands what it yields."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from shopsight.errors import ShopsightError
from shopsight.ingestion.checking import Check, check_source
from shopsight.ingestion.formats.amazon_reviews import read_amazon_reviews
from shopsight.ingestion.formats.canonical import Encoding, read_canonical
from shopsight.ingestion.formats.completejourney import read_completejourney
from shopsight.ingestion.formats.ga4 import read_ga4
from shopsight.ingestion.formats.hm import read_hm
from shopsight.ingestion.formats.mapped import read_mapped
from shopsight.ingestion.formats.mapping import Mapping, read_mapping
from shopsight.ingestion.formats.otto import read_otto
from shopsight.ingestion.formats.rees46 import read_rees46
from shopsight.ingestion.formats.retailrocket import read_retailrocket
from shopsight.ingestion.formats.segment import read_segment
from shopsight.ingestion.formats.taobao import read_taobao
from shopsight.ingestion.formats.uci_online_retail import read_uci_online_retail
from shopsight.ingestion.formats.yoochoose import read_yoochoose
from shopsight.ingestion.log.event_log import EventLog, Receipt
from shopsight.ingestion.readers.chunks import RawChunk, ReportImport, ignore
from shopsight.ingestion.readers.source_files import SourceFileError
from shopsight.settings import Settings

FORMATS: Final = (
    "canonical_csv",
    "canonical_parquet",
    "canonical_jsonl",
    "retailrocket",
    "rees46",
    "taobao",
    "otto",
    "yoochoose",
    "amazon_reviews",
    "uci_online_retail",
    "hm",
    "ga4",
    "segment",
    "mapped",
    "completejourney",
    "sample",
)
"""Formats that can be imported; the last two need no file, for their data come with a package or are generated."""

ENCODINGS: Final[dict[str, Encoding]] = {
    "canonical_csv": "csv",
    "canonical_parquet": "parquet",
    "canonical_jsonl": "jsonl",
}


class UnknownFormatError(ShopsightError):
    """No importer has this name."""


def import_file(
    settings: Settings,
    format_name: str,
    path: Path | None = None,
    *,
    received_at: datetime,
    households: int | None = None,
    mapping: Path | None = None,
    report: ReportImport = ignore,
) -> Receipt:
    """Import one file (or a folder of companions) as one batch of the event log.

    Importing the same file again is harmless: every row is then a duplicate.

    Args:
        settings: Where the event log is.
        format_name: One of :data:`FORMATS`.
        path: File or folder; may be left out for ``completejourney`` and ``sample``.
        received_at: Arrival, with a zone.
        households: Limit for ``completejourney``: only the first so many households.
        mapping: Mapping file for ``mapped``; left out, the file of the same name that ends in ``.yml``.
        report: Told after every chunk.

    Raises:
        UnknownFormatError: There is no such format.
        MappingError: The mapping cannot be used.
        SourceFileError: The file as a whole cannot be read; single bad rows go to the quarantine instead.
        EventLogBusyError: Another import is running.
        DiskFullError: No room.
    """
    _refuse_unknown(format_name, path)
    if format_name == "sample":
        from shopsight.sample_shop import land_sample_shop

        return land_sample_shop(
            settings, settings.sample_size, seed=settings.seed, received_at=received_at, report=report
        )
    columns = read_mapping(mapping or mapping_beside(path)) if format_name == "mapped" and path else None
    return EventLog.open(settings).land(
        read_format(format_name, path, households, columns),
        source_name=columns.source if columns else _source_name(format_name),
        received_at=received_at,
        format_name=format_name,
        report=report,
    )


def check_file(
    format_name: str, path: Path | None = None, *, received_at: datetime, mapping: Path | None = None
) -> list[Check]:
    """Judge a file as :func:`import_file` would, without writing anything.

    Raises:
        UnknownFormatError: There is no such format.
        MappingError: The mapping cannot be used.
    """
    _refuse_unknown(format_name, path)
    if format_name == "sample":
        raise UnknownFormatError(
            "cannot validate the format sample", why="it is generated, not read", fix="validate a file of your own"
        )
    columns = read_mapping(mapping or mapping_beside(path)) if format_name == "mapped" and path else None
    return check_source(
        read_format(format_name, path, mapping=columns),
        source_name=columns.source if columns else _source_name(format_name),
        received_at=received_at,
    )


def _refuse_unknown(format_name: str, path: Path | None) -> None:
    if format_name not in FORMATS:
        raise UnknownFormatError(
            f"cannot import the format {format_name!r}",
            why="no importer has this name",
            fix=f"use one of {', '.join(FORMATS)}",
        )
    if path is None and format_name not in ("completejourney", "sample"):
        raise SourceFileError(
            f"the format {format_name} needs a file",
            why="only completejourney and sample bring their own data",
            fix=f"name it: shopsight import {format_name} PATH",
        )


def _source_name(format_name: str) -> str:
    """Return what fills ``source`` where rows have none; not the file's name, or a renamed file would count twice."""
    return "shop" if format_name in ENCODINGS else format_name


def mapping_beside(path: Path) -> Path:
    """Return where the mapping of a file is looked for: beside it, under the same name."""
    return path.with_name(path.name.split(".")[0] + ".yml")


def read_format(
    format_name: str, path: Path | None, households: int | None = None, mapping: Mapping | None = None
) -> Iterator[RawChunk]:
    """Yield the rows of a file of any format but ``sample``, in canonical columns."""
    if format_name == "completejourney":
        return read_completejourney(path, households=households)
    assert path is not None
    if mapping is not None:
        return read_mapped(path, mapping)
    match format_name:
        case "retailrocket":
            return read_retailrocket(path)
        case "rees46":
            return read_rees46(path)
        case "taobao":
            return read_taobao(path)
        case "otto":
            return read_otto(path)
        case "yoochoose":
            return read_yoochoose(path)
        case "amazon_reviews":
            return read_amazon_reviews(path)
        case "uci_online_retail":
            return read_uci_online_retail(path)
        case "hm":
            return read_hm(path)
        case "ga4":
            return read_ga4(path)
        case "segment":
            return read_segment(path)
    return read_canonical(path, ENCODINGS[format_name])
