"""How many rows repeat others, in whole tables of any types."""

from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from models.evaluation.drift.findings import DriftConfig, Measurement
from models.evaluation.drift.measuring import compare_shares
from models.evaluation.drift.values import plain, text_of

MAX_REPEATED: Final = 0.5
"""Share of repeated rows of the reference above which a table has few columns, and repeats itself anyway."""
ROWS_LOOKED_AT: Final = 200_000
"""Rows whose like is looked for: one sent twice is mostly sent twice at once, and so near its like."""


def repeated(reference: pa.Table, current: pa.Table, config: DriftConfig) -> list[Measurement]:
    """Compare how many rows have been there before, over the columns that both windows have."""
    names = [name for name in reference.column_names if name in current.column_names]
    size = min(reference.num_rows, current.num_rows, ROWS_LOOKED_AT)
    if not names:
        return []
    marks = [_marks(table.select(names).slice(0, size)) for table in (reference, current)]
    counts = [size - len(np.unique(one)) for one in marks]
    if counts[0] > MAX_REPEATED * size:
        return []
    return [
        compare_shares(
            "share of repeated rows",
            (counts[0], size),
            (counts[1], size),
            limit=config.share if counts[0] else config.novelty,
        )
    ]


def _marks(rows: pa.Table) -> NDArray[np.uint64]:
    """Return a number of each row that rows of the same values share."""
    total = np.zeros(rows.num_rows, dtype=np.uint64)
    for name in rows.column_names:
        values = plain(rows[name])
        if pa.types.is_nested(values.type) or pa.types.is_decimal(values.type):
            values = text_of(values)
        codes = pd.util.hash_array(values.to_pandas().to_numpy(), categorize=True)
        total = total * np.uint64(1_000_003) + codes.astype(np.uint64)
    return total
