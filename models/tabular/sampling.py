"""A training set that would outgrow the memory: some of its groups of rows, drawn at random and each of them whole."""

import numpy as np
import pyarrow as pa

from models.columns import encode


def whole_groups(rows: pa.Table, *, by: str, max_rows: int, seed: int) -> pa.Table:
    """Return at most ``max_rows`` rows in their order: all of them, or of groups that are drawn without looking inside.

    Args:
        rows: in an order that does not change from run to run.
        by: column whose equal values make a group, such as a session.
        max_rows: how many are not too many.
        seed: of the draw.
    """
    if rows.num_rows <= max_rows:
        return rows
    groups = encode(rows[by]).places
    sizes = np.bincount(groups)
    drawn = np.random.default_rng(seed).permutation(len(sizes))
    is_kept = np.zeros(len(sizes), dtype=np.bool_)
    is_kept[drawn[np.cumsum(sizes[drawn]) <= max_rows]] = True
    return rows.filter(pa.array(is_kept[groups]))
