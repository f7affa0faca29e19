"""How texts that people type moved: their length, script and words."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from models.evaluation.drift.findings import DriftConfig, Measurement
from models.evaluation.drift.measuring import compare_shares, counts_of, distances, moved_shares

WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]|[^\W\d_]+", re.UNICODE)
TEXTS: Final = 5_000
"""Texts of each window whose words are counted."""
WORDS: Final = 200
"""How many of the most frequent words of each window are compared."""
SCRIPTS: Final = (
    ("Latin letters", r"[A-Za-z]"),
    ("letters with marks", r"[\u00c0-\u024f]"),
    ("Cyrillic", r"[\u0400-\u04ff]"),
    ("Hebrew or Arabic", r"[\u0590-\u06ff]"),
    ("Chinese, Japanese or Korean", r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"),
    ("signs of a broken encoding", r"\ufffd|Ã.|â€|Â."),
    ("digits", r"\d"),
    ("HTML", r"</?[a-zA-Z]+[^>]*>|&[a-z]+;"),
)


def text_measures(before: pd.Series, after: pd.Series, config: DriftConfig) -> Iterator[Measurement]:
    """Yield what is compared of texts, without nulls and in random order."""
    was, now = (values.str.len().to_numpy().astype(np.float64) for values in (before, after))
    yield from distances(was, now, config, of="characters")
    for script, pattern in SCRIPTS:
        has = [values.str.contains(pattern).to_numpy(bool) for values in (before, after)]
        yield moved_shares(f"share with {script}", has[0], has[1], config)
    yield _repeated(before, after, config)
    words = [[set(WORD.findall(text.casefold())) for text in values.iloc[:TEXTS]] for values in (before, after)]
    yield from _words(words[0], words[1], config)


def _repeated(before: pd.Series, after: pd.Series, config: DriftConfig) -> Measurement:
    was, now = counts_of(before), counts_of(after)
    text = str(now.index[0])
    return compare_shares(
        "share of one text",
        (float(was.get(text, 0)), len(before)),
        (float(now.iloc[0]), len(after)),
        limit=config.share,
        label=f"share of the text {text[:40]!r}",
        looked_at=WORDS,
    )


def _words(was: list[set[str]], now: list[set[str]], config: DriftConfig) -> Iterator[Measurement]:
    """Yield the word whose share of texts moved most, and the share of texts with words not seen before."""
    counts = [Counter(word for text in texts for word in text) for texts in (was, now)]
    candidates = sorted({word for count in counts for word, _ in count.most_common(WORDS)})
    moved = [
        compare_shares(
            "share of texts with one word",
            (counts[0][word], len(was)),
            (counts[1][word], len(now)),
            limit=config.share,
            label=f"share of texts with {word!r}",
            looked_at=len(candidates),
        )
        for word in candidates
    ]
    if moved:
        yield max(moved, key=lambda one: one.effect)
    # What is new is told by half of the reference; the other half tells how much is new where nothing changed.
    half = len(was) // 2
    vocabulary = {word for text in was[:half] for word in text}
    strange = [np.array([not text <= vocabulary for text in texts], dtype=bool) for texts in (was[half:], now)]
    if len(strange[0]) and len(strange[1]):
        yield compare_shares(
            "share of texts with words not seen before",
            (int(strange[0].sum()), len(strange[0])),
            (int(strange[1].sum()), len(strange[1])),
            limit=config.share,
        )
