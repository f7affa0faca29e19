"""Reads Parquet under its own column names and types."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.ingestion.readers.chunks import RawChunk, chunk_of_rows
from shopsight.ingestion.readers.columns import lacks, missing_columns
from shopsight.ingestion.readers.source_files import open_bytes, unreadable

ROWS_PER_CHUNK: Final = 131_072


def read_parquet(path: Path, *, required: tuple[str, ...] = (), in_path: tuple[str, ...] = ()) -> Iterator[RawChunk]:
    """Yield the rows of a Parquet file under its own column names and types.

    Args:
        path: the file, packed or not.
        required: columns that it must have.
        in_path: columns that the names of its folders give, so that the file need not have them.

    Raises:
        SourceFileError: it is not readable Parquet, or lacks a required column.
    """
    try:
        with open_bytes(path) as source, pq.ParquetFile(source) as file:
            names = file.schema_arrow.names
            if missing := missing_columns(required, [*names, *in_path]):
                raise lacks(path, missing, names)
            line, total = 1, max(1, file.metadata.num_rows)
            for batch in file.iter_batches(batch_size=ROWS_PER_CHUNK):
                rows = pa.Table.from_batches([batch])
                done = (line + rows.num_rows - 1) / total
                yield chunk_of_rows(rows, first_line=line, file_name=path.name, fraction=done)
                line += rows.num_rows
    except (OSError, pa.ArrowInvalid) as error:
        raise unreadable(
            path, why=str(error), fix="check that the file is whole Parquet (it ends in PAR1) and export it again"
        ) from error
