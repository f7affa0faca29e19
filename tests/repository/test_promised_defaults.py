"""What the documents promise where nobody sets anything else is what the code does."""

from datetime import timedelta
from typing import Any

import pytest
import yaml

from models.evaluation.position_bias import MIN_CLICKS, MIN_ITEMS
from models.recommender.config import RecommenderConfig
from orchestration.notifications.ledger import RETRY_AFTER
from serving.feedback.matching import CLICK_LANDS
from serving.feedback.promise import DAYS_TOGETHER
from serving.http.key_ring import LOOK_AGAIN_SECONDS, NOTE_AGAIN_SECONDS
from serving.http.rates import BURST_SECONDS
from serving.items.rules import PreferNew, RuleBook
from serving.recommender.composing import WIN_BACK
from serving.recommender.schemas import MAX_RESULTS, RecommendationRequest
from serving.schemas import MAX_BATCH
from shopsight.api_keys import GRACE
from shopsight.contracts import HISTORY_LENGTH
from shopsight.feature_store.history import IMPORTED_AFTER
from shopsight.settings import REPO_ROOT, Settings

VARIABLES: dict[str, Any] = yaml.safe_load((REPO_ROOT / "dbt_project" / "dbt_project.yml").read_text())["vars"]
RETRIES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 12 * 60, 24 * 60))
REQUEST = RecommendationRequest()
PROMISES = [
    ("marts.md", "events without a gap over 30 minutes", VARIABLES["session_gap_minutes"], 30),
    ("exactness.md", "or more than 24 hours, says nothing of a session", VARIABLES["longest_session_hours"], 24),
    ("marts.md", "within 7 days of entering (`conversion_days`)", VARIABLES["conversion_days"], 7),
    ("marts.md", "in the 30 days before the order (`attribution_days`)", VARIABLES["attribution_days"], 30),
    ("marts.md", "Pairs in fewer than 2 orders", VARIABLES["fewest_baskets_together"], 2),
    ("marts.md", "orders of over 100 items are left out", VARIABLES["largest_basket"], 100),
    ("marts.md", "a shopper's last 50 interactions", HISTORY_LENGTH, 50),
    ("features.md", "imported as history without arrival times", IMPORTED_AFTER.days, 30),
    ("api.md", "1 to 500, default 10", (MAX_RESULTS, REQUEST.num_results), (500, 10)),
    ("api.md", "0 (default) keeps the order", REQUEST.diversity, 0),
    ("api.md", "`recommended_for_you` by default", REQUEST.placement, "recommended_for_you"),
    ("api.md", "reasons per item", REQUEST.explain, False),
    ("api.md", "`false` answers without the shopper's history", REQUEST.personalised, True),
    ("api.md", "`exclude_item_ids`, `exclude_purchased`", REQUEST.exclude_purchased, False),
    ("api.md", "the bonus halves every 14 days", WIN_BACK[0][1], 14),
    ("api.md", "prefer_new: {by: 0.2, half_life_days: 14}", PreferNew(by=0.2).half_life_days, 14),
    ("api.md", "cold items take at most every tenth place", RuleBook().new_items, 0.1),
    ("api.md", "in the same half hour as `item_ids`", RecommenderConfig().viewed_together.within_seconds, 1800),
    ("api.md", "within a day of `item_ids`", RecommenderConfig().bought_together.within_seconds, 86_400),
    ("api.md", "takes up to 100 `requests`", MAX_BATCH, 100),
    ("feedback.md", "The newest seven days of the champion count together", DAYS_TOGETHER, 7),
    ("retraining.md", "`SHOPSIGHT_RETRAINING_COOLDOWN_HOURS` (72)", Settings().retraining_cooldown_hours, 72),
    ("feedback.md", "in the 24 hours before (`SHOPSIGHT_FEEDBACK_WINDOW_HOURS`)", Settings().feedback_window_hours, 24),
    ("feedback.md", "within a minute", CLICK_LANDS, timedelta(minutes=1)),
    ("feedback.md", "Fewer than 50 clicks on 10 items", (MIN_CLICKS, MIN_ITEMS), (50, 10)),
    ("approval.md", "for 14 days (`SHOPSIGHT_VERDICT_DAYS`)", Settings().verdict_days, 14),
    ("approval.md", "waiting after 3 days (`SHOPSIGHT_REMINDER_DAYS`)", Settings().reminder_days, 3),
    ("approval.md", "after 1, 5 and 30 minutes, 2, 12 and 24 hours", RETRY_AFTER, RETRIES),
    ("access.md", "the one before works for 24 hours more", GRACE, timedelta(hours=24)),
    ("access.md", "may make two seconds' worth at once", BURST_SECONDS, 2),
    ("access.md", "takes a change up within a second", LOOK_AGAIN_SECONDS < 1, True),
    ("access.md", "once a minute at most", NOTE_AGAIN_SECONDS, 60),
    ("access.md", "A key has no limit unless", Settings().api_key_rate, 0),
]


@pytest.mark.parametrize(("document", "promise", "value", "promised"), PROMISES, ids=[row[1] for row in PROMISES])
def test_what_a_document_promises_is_what_the_code_does(document: str, promise: str, value: Any, promised: Any) -> None:
    assert promise in " ".join((REPO_ROOT / "docs" / document).read_text().split())
    assert value == promised
