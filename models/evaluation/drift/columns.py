"""One column of two windows: what keeps it from being compared, or else everything that is measured of it."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from models.evaluation.drift.findings import DriftConfig, Kind, Measurement
from models.evaluation.drift.kinds import recognise
from models.evaluation.drift.measuring import (
    Floats,
    category_measures,
    compare_shares,
    counts_of,
    new_and_gone,
    number_measures,
)
from models.evaluation.drift.names import identity_measures, key_measures, respelt, writing_measures
from models.evaluation.drift.texts import text_measures
from models.evaluation.drift.times import time_measures
from models.evaluation.drift.values import Reading, is_number, is_text, numbers_of, plain, seconds_of, text_of

WINDOWS = ("reference", "current")
UNREAD: float = 0.5
"""Share of values that are not what the column holds from which its type changed."""


@dataclass(frozen=True, kw_only=True)
class Unfit:
    """Why a column is not compared."""

    reason: str
    method: str
    alerts: bool = True
    """Whether a change is what keeps it from being compared."""
    is_stable: bool = False
    """Whether there is nothing to compare, before and now."""
    kind: Kind | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured of a column."""

    kind: Kind
    measurements: list[Measurement]


def measure_column(
    name: str,
    reference: pa.ChunkedArray | None,
    current: pa.ChunkedArray | None,
    *,
    config: DriftConfig,
    seed: int,
    reading: Reading | None = None,
    are_typed: bool = True,
) -> Unfit | Measured:
    """Measure a column of two windows, or say why that cannot be.

    Args:
        name: the column.
        reference: its values in the window that is known; None where that lacks it.
        current: its values in the window that is judged; None where that lacks it.
        config: what matters.
        seed: of the sample.
        reading: what the column holds, where that is known; None finds out.
        are_typed: whether both windows' types say something; those of CSV do not.
    """
    if reference is None or current is None:
        missing = WINDOWS[0] if reference is None else WINDOWS[1]
        what = "the column is new: " if reference is None else "the column is gone: "
        return Unfit(reason=f"{what}missing from the {missing} window", method="schema")
    before, after = plain(reference), plain(current)
    given = len(before) - before.null_count, len(after) - after.null_count
    if not any(given):
        return Unfit(reason="empty in both windows", method="null share", alerts=False, is_stable=True, kind="empty")
    if not all(given):
        empty = WINDOWS[given.index(0)]
        # Few rows may hold none of a column that is mostly empty.
        nulls = _nulls(before, after, config)
        return Unfit(reason=f"all null in the {empty} window only", method="null share", alerts=nulls.p_value < 0.01)
    reading = reading or recognise(name, before)
    families = [_family(values.type) for values in (reference, current)]
    if are_typed and families[0] != families[1]:
        reason = f"type change: {families[0]} in the reference window, {families[1]} in the current window"
        return Unfit(reason=reason, method="type", kind=reading.kind)
    if "booleans" in families and families[0] != families[1]:  # the text of a file without types has capitals or not
        before, after = (text_of(values) for values in (before, after))
        before, after = pc.utf8_lower(before), pc.utf8_lower(after)
    measurements = [_nulls(before, after, config)]
    for window, count in zip(WINDOWS, given, strict=True):
        if count < config.min_values:
            if _matters(measurements[0]):
                return Measured(kind=reading.kind, measurements=measurements)
            reason = f"{count} values in the {window} window, of {config.min_values} needed"
            return Unfit(reason=reason, method="values", alerts=max(given) >= 4 * config.min_values, kind=reading.kind)
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers near the largest there are
        outcome = _measured(name, before, after, reading, config=config, seed=seed)
    return outcome if isinstance(outcome, Unfit) else Measured(kind=reading.kind, measurements=measurements + outcome)


def _matters(one: Measurement) -> bool:
    return one.effect >= one.limit and one.p_value < 0.001


def _nulls(before: pa.ChunkedArray, after: pa.ChunkedArray, config: DriftConfig) -> Measurement:
    never = not before.null_count
    return compare_shares(
        "null share",
        (before.null_count, len(before)),
        (after.null_count, len(after)),
        limit=config.novelty if never else config.share,
    )


def _family(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return _family(kind.value_type)
    if is_number(kind):
        return "numbers"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "times"
    if pa.types.is_boolean(kind):
        return "booleans"
    return "texts" if is_text(kind) else str(kind)


def _measured(
    name: str, before: pa.ChunkedArray, after: pa.ChunkedArray, reading: Reading, *, config: DriftConfig, seed: int
) -> list[Measurement] | Unfit:
    if reading.kind in ("number", "time"):
        return _of_numbers(before, after, reading, config=config, seed=seed)
    if reading.kind == "list":
        return _of_lists(before, after, config=config, seed=seed)
    if reading.kind == "category":
        was, now = (counts_of(text_of(values).to_pandas()) for values in (before, after))
        measured = [*new_and_gone(was, now, limit=config.novelty), *category_measures(was, now, config)]
        note = respelt(was, now)
        return [_with_note(one, note) for one in measured] if note else measured
    all_texts = [text_of(values).drop_null().to_pandas() for values in (before, after)]
    some = [_sampled(texts, config.max_rows, seed) for texts in all_texts]
    if reading.kind == "text":
        return list(text_measures(some[0], some[1], config))
    own = (
        key_measures(all_texts[0], all_texts[1], config)
        if reading.kind == "key"
        else identity_measures(name, all_texts[0], all_texts[1], config)
    )
    return [*own, *writing_measures(some[0], some[1], config)]


def _of_numbers(
    before: pa.ChunkedArray, after: pa.ChunkedArray, reading: Reading, *, config: DriftConfig, seed: int
) -> list[Measurement] | Unfit:
    """Measure numbers or moments; what is neither is counted, and infinities are no distance."""
    what = "times" if reading.kind == "time" else "numbers"
    read = [(seconds_of if what == "times" else numbers_of)(values, reading) for values in (before, after)]
    given = [len(values) - values.null_count for values in (before, after)]
    unread = [count - int((~np.isnan(values)).sum()) for count, values in zip(given, read, strict=True)]
    if unread[1] > UNREAD * given[1]:
        reason = (
            f"type change: {what} before, now {unread[1]:,} of {given[1]:,} values are none{_odd_one(after, read[1])}"
        )
        return Unfit(reason=reason, method="type", kind=reading.kind)
    for window, values in zip(WINDOWS, read, strict=True):
        infinite = int(np.isinf(values).sum())
        if infinite:
            reason = f"{infinite:,} infinite values in the {window} window"
            return Unfit(reason=reason, method="infinite values", alerts=window == WINDOWS[1], kind=reading.kind)
    limit = config.novelty if not unread[0] else config.share
    label = f"share of values that are no {what}"
    measured = [compare_shares(label, (unread[0], given[0]), (unread[1], given[1]), limit=limit)]
    some = [_drawn(values, config.max_rows, seed) for values in read]
    whole = [values[~np.isnan(values)] for values in read]
    own = (
        time_measures(whole[0], whole[1], config)
        if reading.kind == "time"
        else number_measures(whole[0], whole[1], config, sampled=(some[0], some[1]))
    )
    return [*measured, *own]


def _odd_one(values: pa.ChunkedArray, read: Floats) -> str:
    texts = text_of(values).filter(pa.array(np.isnan(read))).drop_null() if is_text(values.type) else []
    return f", such as {str(texts[0])[:40]!r}" if len(texts) else ""


def _of_lists(before: pa.ChunkedArray, after: pa.ChunkedArray, *, config: DriftConfig, seed: int) -> list[Measurement]:
    """Measure lists, such as recommended items: how long they are, which items are new, and how few draw all."""
    lengths = [pc.list_value_length(values).drop_null().to_numpy().astype("float64") for values in (before, after)]
    measured = list(number_measures(lengths[0], lengths[1], config, sampled=(lengths[0], lengths[1])))
    measured = [_named(one, "length of lists") for one in measured]
    inside = [text_of(plain(pc.list_flatten(values))).drop_null().to_pandas() for values in (before, after)]
    if min(map(len, inside)) < config.min_values:
        return measured
    inside = [_sampled(values, 5 * config.max_rows, seed) for values in inside]
    return measured + [_named(one, "items of lists") for one in identity_measures("", inside[0], inside[1], config)]


def _named(one: Measurement, what: str) -> Measurement:
    return replace(one, method=f"{what}: {one.method}", said=f"{what}: {one.said}")


def _with_note(one: Measurement, note: str) -> Measurement:
    return replace(one, said=one.said + note)


def _drawn(values: Floats, rows: int, seed: int) -> Floats:
    given = values[~np.isnan(values)]
    if len(given) <= rows:
        return given
    return given[np.random.default_rng(seed).choice(len(given), rows, replace=False, shuffle=False)]


def _sampled(values: pd.Series, rows: int, seed: int) -> pd.Series:
    order = np.random.default_rng(seed).permutation(len(values))[:rows]
    return values.iloc[order]
