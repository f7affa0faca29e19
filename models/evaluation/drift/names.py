"""How columns of names and ids moved: which ones are new, which takes over, and how they are written."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

import pandas as pd

from models.evaluation.drift.findings import DriftConfig, Measurement
from models.evaluation.drift.kinds import PERSON_NAME
from models.evaluation.drift.measuring import compare_shares, counts_of, moved_shares, new_and_gone

TOP: Final = 10
"""How many of the most frequent names tell whether a few draw all attention."""
MIN_PER_NAME: Final = 2.0
"""Rows per name from which names come back often enough to ask which are new."""
SAME_LENGTH: Final = 0.99
"""Share of ids of one length from which another length is odd."""


def identity_measures(name: str, before: pd.Series, after: pd.Series, config: DriftConfig) -> Iterator[Measurement]:
    """Yield what is compared of names that are many and come and go: items, shoppers, sessions.

    Args:
        name: the column; whose names are persons or orders has others in every window.
        before: texts of the reference, without nulls.
        after: texts of the judged window, without nulls.
        config: what matters.
    """
    was, now = counts_of(before), counts_of(after)
    yield from _attention(was, now, config)
    come_back = len(before) >= MIN_PER_NAME * len(was)
    if come_back and not PERSON_NAME.search(name):
        yield from new_and_gone(was, now, limit=config.turnover, gone=False)


def _attention(was: pd.Series, now: pd.Series, config: DriftConfig) -> Iterator[Measurement]:
    rows = (int(was.sum()), int(now.sum()))
    moved = [
        compare_shares(
            "share of one value",
            (float(was.get(value, 0)), rows[0]),
            (float(now[value]), rows[1]),
            limit=config.turnover,
            label=f"share of {str(value)[:40]}",
            looked_at=TOP,
        )
        for value in now.index[:TOP]
    ]
    yield max(moved, key=lambda one: one.effect)
    leader = now.index[0]
    yield compare_shares(
        "share of the most frequent value",
        (float(was.iloc[0]), rows[0]),
        (float(now.iloc[0]), rows[1]),
        limit=config.share,
        label=f"share of the most frequent value, now {str(leader)[:40]},",
        looked_at=TOP,
    )
    yield compare_shares(
        f"share of the {TOP} most frequent values",
        (float(was.iloc[:TOP].sum()), rows[0]),
        (float(now.iloc[:TOP].sum()), rows[1]),
        limit=config.share,
        looked_at=TOP,
    )


def key_measures(before: pd.Series, after: pd.Series, config: DriftConfig) -> Iterator[Measurement]:
    """Yield what is compared of ids that each name one row: that they still do."""
    size = min(len(before), len(after))
    was, now = before.iloc[:size].duplicated().to_numpy(), after.iloc[:size].duplicated().to_numpy()
    yield moved_shares("share of repeated ids", was, now, config)


def writing_measures(before: pd.Series, after: pd.Series, config: DriftConfig) -> Iterator[Measurement]:
    """Yield how ids are written: their length where all have one, and the kinds of signs in them."""
    lengths = before.str.len(), after.str.len()
    usual = lengths[0].mode().iloc[0]
    has_one = float((lengths[0] == usual).mean()) >= SAME_LENGTH
    counted_on = bool(before.str.fullmatch(r"\D*[1-9]\d*").mean() > SAME_LENGTH)
    if has_one and not (counted_on and float((lengths[1] - usual).abs().max()) <= 1):
        odd = [(one != usual).to_numpy() for one in lengths]
        yield moved_shares(f"share of another length than {usual}", odd[0], odd[1], config)
    for method, pattern in (
        ("share with capitals", r"[A-Z]"),
        ("share with small letters", r"[a-z]"),
        ("share with digits", r"\d"),
        ("share with blanks around", r"^\s|\s$"),
        ("share with a leading zero", r"^0\d"),
        ("share with a decimal point", r"^-?\d+\.\d+$"),
        ("share in powers of ten", r"^\d[\d.]*[eE]\+?\d+$"),
        ("share beyond ASCII", r"[^\x00-\x7f]"),
    ):
        yield moved_shares(
            method, before.str.contains(pattern).to_numpy(bool), after.str.contains(pattern).to_numpy(bool), config
        )
    for sign in sorted(_signs(before) ^ _signs(after)):
        has = [values.str.contains(sign, regex=False).to_numpy(bool) for values in (before, after)]
        yield moved_shares(f"share with {sign!r}", has[0], has[1], config)


def _signs(values: pd.Series) -> set[str]:
    letters = set("".join(values.iloc[:2_000]))
    return {letter for letter in letters if re.match(r"[^\w\s]", letter) and letter.isascii()}


def spelling_of(value: str) -> str:
    """Return a name without what is only its spelling: capitals, blanks around, marks.

    >>> spelling_of(" Wéb ") == spelling_of("web")
    True
    """
    plain = unicodedata.normalize("NFKD", value).casefold().strip()
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def respelt(was: pd.Series, now: pd.Series) -> str:
    """Return a sentence where new names are old ones in another spelling, else nothing."""
    old = {spelling_of(str(value)): str(value) for value in was.index}
    pairs = [
        f"{value!r} was {old[spelling_of(str(value))]!r}"
        for value in now.index[~now.index.isin(was.index)]
        if spelling_of(str(value)) in old
    ]
    return f"; written otherwise: {', '.join(pairs[:3])}" if pairs else ""
