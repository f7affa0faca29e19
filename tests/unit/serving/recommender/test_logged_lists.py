"""A log of lists that explore says what another policy would have earned, or that it cannot."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from models.recommender.predict import ScoredItem
from serving.items.rules import Explore
from serving.recommender.exploration import explored
from serving.recommender.logged_lists import judge
from shopsight.errors import ShopsightError

CLICKS = {f"i_{number}": 0.05 + 0.05 * number for number in range(8)}
TRIED = list(CLICKS)[3:]
RULE = Explore(share=0.4, placements=["trending"], places=2, among=5)


def log_of(lists: int) -> tuple[list[dict[str, Any]], set[tuple[str, str]]]:
    """Return rows of lists of three, two of whose places explore, and what was clicked: later items are better."""
    rng = np.random.default_rng(2)
    items = [ScoredItem(item_id=item, score=0.0, source="") for item in CLICKS]
    rows, clicked = [], set()
    for number in range(lists):
        listed, propensities = explored(items, num_results=3, explore=RULE, pinned=set(), draw=rng.random)
        results = [[item.item_id, 0.0, ""] for item in listed]
        rows.append({"recommendation_id": f"rec_{number}", "results": results, "propensities": propensities})
        clicked |= {(f"rec_{number}", item.item_id) for item in listed if rng.random() < CLICKS[item.item_id]}
    return rows, clicked


def test_a_policy_that_shows_what_was_tried_is_told_what_it_would_earn() -> None:
    rows, clicked = log_of(8_000)

    def tries_last(row: Mapping[str, Any]) -> list[dict[str, float]]:
        """The second place as the log has it; the third always one of those that may be tried beside it."""
        second = row["results"][1][0]
        others = [item for item in TRIED if item != second]
        return [{"i_0": 1.0}, {"i_1": 0.6} | dict.fromkeys(TRIED, 0.4 / 5), dict.fromkeys(others, 1 / len(others))]

    judgement = judge(rows, clicked, tries_last)
    assert judgement.diagnostics.not_evaluable is None
    third = float(np.mean([CLICKS[item] for item in TRIED]))
    truth = (CLICKS["i_0"] + (0.6 * CLICKS["i_1"] + 0.4 * third) + third) / 3
    for way in ("ips", "clipped_snips", "doubly_robust"):
        estimate = judgement.estimates[way]
        assert estimate.low <= truth <= estimate.high, way
    naive = len(clicked) / (3 * len(rows))
    assert naive < judgement.estimates["ips"].low


def test_a_policy_that_shows_what_no_list_tried_is_not_evaluable() -> None:
    rows, clicked = log_of(500)
    judgement = judge(rows, clicked, lambda _: [{"i_7": 1.0}, {"i_6": 1.0}, {"i_5": 1.0}])
    assert judgement.diagnostics.not_evaluable is not None
    assert judgement.estimates == {}


def test_a_log_without_exploration_is_refused() -> None:
    row = {"recommendation_id": "rec_1", "results": [["i_1", 0.0, ""]], "propensities": None}
    with pytest.raises(ShopsightError, match="None of 1 lists has propensities"):
        judge([row], set(), lambda _: [{"i_1": 1.0}])
