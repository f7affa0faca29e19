"""Trades some score for variety: greedy re-ranking in which each further item of a category costs more.

Source: J. Carbonell, J. Goldstein, "The Use of MMR, Diversity-Based Reranking" (1998), with "same category" as the
similarity, which needs no item vectors.
"""

from collections import deque
from collections.abc import Sequence

from models.recommender.predict import ScoredItem


def diversify(
    items: Sequence[ScoredItem], categories: Sequence[str], *, share: float, num_results: int
) -> list[ScoredItem]:
    """Return ``num_results`` of ``items`` in a new order.

    Args:
        items: best first.
        categories: of each item, the whole path.
        share: 0 keeps the order, 1 takes categories in turn.
        num_results: how many to choose.

    The relevance of an item is its place in the list, not its score: sources score on different scales. Within a
    category the order stays, so only the best item left of each is compared.
    """
    waiting: dict[str, deque[int]] = {}
    for place, category in enumerate(categories):
        waiting.setdefault(category, deque()).append(place)
    places_taken = dict.fromkeys(waiting, 0)
    order: list[int] = []
    while waiting and len(order) < num_results:
        category = min(
            waiting, key=lambda c: ((1 - share) * waiting[c][0] / len(items) + share * places_taken[c], waiting[c])
        )
        order.append(waiting[category].popleft())
        places_taken[category] += 1
        if not waiting[category]:
            del waiting[category]
    return [items[place] for place in order]
