"""What happens to a search: which kinds there are, whether anything is found, and whether it is clicked."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class SearchKind:
    """A kind of query, and what becomes of it."""

    name: str
    intent: str
    """One of ``shopsight.contracts.INTENTS``."""
    share: float
    """Of all searches."""
    click_rate: float
    """Share of its searches that are followed by an item."""
    zero_rate: float
    """Share of its searches that find nothing; those are never clicked."""
    results: tuple[int, int]
    """Least and most items that are found where any are."""


SEARCH_KINDS: Final = (
    SearchKind(name="exact", intent="search_product", share=0.25, click_rate=0.80, zero_rate=0.02, results=(1, 6)),
    SearchKind(name="broad", intent="search_product", share=0.45, click_rate=0.62, zero_rate=0.03, results=(6, 40)),
    SearchKind(name="misspelt", intent="search_product", share=0.09, click_rate=0.25, zero_rate=0.55, results=(1, 4)),
    SearchKind(
        name="comparison", intent="compare_product", share=0.10, click_rate=0.55, zero_rate=0.10, results=(2, 6)
    ),
    SearchKind(name="question", intent="ask_question", share=0.06, click_rate=0.15, zero_rate=0.65, results=(1, 5)),
    SearchKind(name="support", intent="other", share=0.05, click_rate=0.0, zero_rate=1.0, results=(0, 0)),
)
"""An item's own name is clicked most; what no item answers ("track parcel", "asdf") finds nothing."""

CLICKED: Final = sum(kind.share * kind.click_rate for kind in SEARCH_KINDS)
"""Share of all searches that are clicked."""

LIST_LENGTH: Final = 5
"""Items of a list that shoppers see."""
CLICKED_PLACE: Final = (0.28, 0.17, 0.11, 0.07, 0.05)
"""Chance that a list's first, second, … item is clicked: position bias alone, for items come in any order."""

MAX_FAILURES: Final = 5
"""Searches that fail, at most, before one is clicked."""


def draw_kinds(size: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Return the kinds of searches of which it is not known yet whether they are clicked."""
    return _draw([kind.share for kind in SEARCH_KINDS], size, rng)


def draw_clicked_kinds(size: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Return the kinds of searches that are clicked: they are more exact than all searches are."""
    return _draw([kind.share * kind.click_rate for kind in SEARCH_KINDS], size, rng)


def draw_failed_kinds(size: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Return the kinds of searches that are not clicked."""
    return _draw([kind.share * (1.0 - kind.click_rate) for kind in SEARCH_KINDS], size, rng)


def draw_failures(size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return how many searches fail before one is clicked, so that each kind is clicked at its rate."""
    return np.minimum(rng.geometric(CLICKED, size) - 1, MAX_FAILURES)


def draw_results(kind: NDArray[np.int8], clicked: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the number of items that searches found: 0 for some of those that are not clicked."""
    # Of all searches of a kind a share finds nothing, and they are all among those that are not clicked.
    nothing = np.array([one.zero_rate / (1.0 - one.click_rate) for one in SEARCH_KINDS])[kind]
    low, high = (np.array([one.results[side] for one in SEARCH_KINDS])[kind] for side in (0, 1))
    results = low + np.floor(rng.random(len(kind)) ** 2 * (high - low + 1)).astype(np.int64)
    return np.where(~clicked & (rng.random(len(kind)) < nothing), 0, results)


def draw_places(size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return which place of a list is clicked, from 0, or -1 for none."""
    place = np.searchsorted(np.cumsum(CLICKED_PLACE), rng.random(size), side="right")
    return np.where(place < LIST_LENGTH, place, -1)


def _draw(weights: list[float], size: int, rng: np.random.Generator) -> NDArray[np.int8]:
    chances = np.array(weights)
    return rng.choice(len(weights), size=size, p=chances / chances.sum()).astype(np.int8)
