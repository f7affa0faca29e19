"""Why a text got its label: what each of its words adds to the label's logit, by Shapley values.

A word's Shapley value is what it adds on average when the words come one after the other, over the orders in which they
can come. Over every order of a short text the values are exact. Of a longer one, orders are drawn, each with its
reverse: they are estimates then, but within one order the steps lead from the empty text to the whole one without a
gap, so that the values sum to the difference of the two logits whatever the sample. The classifier is asked as it is
served.

Sources: L. Shapley, "A value for n-person games" (1953); E. Štrumbelj, I. Kononenko, "An efficient explanation of
individual classifications using game theory" (2010); antithetic orders: R. Mitchell et al., "Sampling permutations for
Shapley value estimation" (2022).

Shapes: U units, C coalitions, L labels.
"""

import re
from dataclasses import dataclass
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.intent.predict import IntentClassifier, script_of
from models.text.normalise import normalise

MAX_UNITS: Final = 16
"""Words that are told apart in one text; of a longer one, neighbours are taken together."""
MAX_COALITIONS: Final = 64
"""Parts of a text that the classifier is asked about, the empty and the whole one among them: one batch."""
EXACT_UNITS: Final = 6
"""Up to here that is every part there is."""

_CJK: Final = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_UNIT: Final = re.compile(rf"(?:[{_CJK}]|[^\s{_CJK}]+)\s*")


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What one word, or a few neighbours, add to the logit of the label."""

    text: str
    contribution: float


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A label's logit taken apart: ``empty_logit`` and all contributions sum to ``logit``."""

    label: str
    logit: float
    """Of the whole text, divided by the temperature: the probabilities are the softmax of such logits."""
    empty_logit: float
    """Of a text without words, at the same temperature."""
    contributions: tuple[Contribution, ...]
    """In the order of the text; characters of Chinese, Japanese and Korean are words of their own."""
    exact: bool
    """Whether every order was counted; else the values are estimates, whose sum is exact all the same."""


def explain(classifier: IntentClassifier, text: str, *, seed: int = 0) -> Explanation:
    """Return what each word of ``text`` adds to the logit of its most probable label.

    A text without words has no contributions.

    Args:
        classifier: the artefact as it is served.
        text: as a shopper wrote it.
        seed: of the orders that are drawn for a text of more than :data:`EXACT_UNITS` words.
    """
    clean = normalise(text)
    units = split_units(clean)
    exact = len(units) <= EXACT_UNITS
    orders_OU = np.empty((0, len(units)), dtype=np.int64) if exact else draw_orders(len(units), seed=seed)
    coalitions_CU = all_coalitions(len(units)) if exact else visited_coalitions(orders_OU)
    parts = [
        "".join(unit for unit, present in zip(units, row, strict=True) if present).strip() for row in coalitions_CU
    ]
    parts[-1] = clean  # the text as it came
    logits_CL = classifier.logits(parts) / classifier.temperatures[script_of(clean)]
    label = int(logits_CL[-1].argmax()) if clean else classifier.labels.index("other")
    values_C = logits_CL[:, label].astype(np.float64)
    contributions_U = exact_values(coalitions_CU, values_C) if exact else mean_steps(orders_OU, coalitions_CU, values_C)
    return Explanation(
        label=classifier.labels[label],
        logit=float(values_C[-1]),
        empty_logit=float(values_C[0]),
        contributions=tuple(
            Contribution(text=unit.strip(), contribution=value)
            for unit, value in zip(units, contributions_U.tolist(), strict=True)
        ),
        exact=exact,
    )


def split_units(text: str) -> list[str]:
    """Return the words, each with the space behind it; neighbours together if too many.

    >>> split_units("red shoes 多少")
    ['red ', 'shoes ', '多', '少']
    """
    words = _UNIT.findall(text)
    if len(words) <= MAX_UNITS:
        return words
    return ["".join(part) for part in np.array_split(np.array(words, dtype=object), MAX_UNITS)]


def draw_orders(units: int, *, seed: int) -> NDArray[np.int64]:
    """Return orders ``(O, U)``, each followed by its reverse, whose parts number at most :data:`MAX_COALITIONS`."""
    pairs = (MAX_COALITIONS - 2) // (2 * (units - 1))
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(units) for _ in range(pairs)]
    return np.array([order for one in drawn for order in (one, one[::-1])])


def all_coalitions(units: int) -> NDArray[np.bool_]:
    """Return every choice of units ``(2 ** U, U)``; the first is empty and the last whole."""
    chosen: NDArray[np.bool_] = (np.arange(2**units)[:, None] >> np.arange(units)) % 2 == 1
    return chosen


def visited_coalitions(orders_OU: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the choices of units that the orders pass through ``(C, U)``, each once; first empty, last whole."""
    places_OU = orders_OU.argsort(axis=1)
    reached = np.concatenate([places_OU < count for count in range(1, orders_OU.shape[1])])
    ends = np.zeros((1, orders_OU.shape[1]), dtype=bool)
    return np.concatenate([ends, np.unique(reached, axis=0), ~ends])


def exact_values(coalitions_CU: NDArray[np.bool_], values_C: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Shapley values ``(U,)`` of a game whose every coalition was asked, in that order."""
    units = coalitions_CU.shape[1]
    sizes_C = coalitions_CU.sum(axis=1)
    shares = np.zeros(units)
    for unit in range(units):
        without = np.flatnonzero(~coalitions_CU[:, unit])
        weights = 1 / (units * np.array([comb(units - 1, int(size)) for size in sizes_C[without]]))
        shares[unit] = weights @ (values_C[without + (1 << unit)] - values_C[without])
    return shares


def mean_steps(
    orders_OU: NDArray[np.int64], coalitions_CU: NDArray[np.bool_], values_C: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean step of each unit ``(U,)`` over the orders in which the units come."""
    value_of = {row.tobytes(): value for row, value in zip(coalitions_CU, values_C, strict=True)}
    steps_OU = np.zeros(orders_OU.shape)
    for steps, order in zip(steps_OU, orders_OU, strict=True):
        present = np.zeros(len(order), dtype=bool)
        before = value_of[present.tobytes()]
        for unit in order:
            present[unit] = True
            after = value_of[present.tobytes()]
            steps[unit], before = after - before, after
    mean: NDArray[np.float64] = steps_OU.mean(axis=0)
    return mean
