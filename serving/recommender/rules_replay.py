"""What other rules would have changed: requests of the prediction log, asked again under the old rules and the new.

Both answers come from today's model and today's features, so that whatever differs is the rules' doing.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from serving.features import FeatureReader, UserFeatures
from serving.items.rules import RuleBook, RulesInForce
from serving.recommender.desk import FAMILY, RecommendationDesk
from serving.recommender.placements import Visit
from serving.recommender.schemas import RecommendationRequest
from serving.recommender.visits import visit_of


@dataclass(kw_only=True)
class Replay:
    """What the new rules change."""

    asked: int = 0
    """Requests that were asked again."""
    not_asked: int = 0
    """Rows that hold no request for a list: rankings, and rows of before requests were kept."""
    changed: int = 0
    """Lists that are not the same any more."""
    shorter: int = 0
    """Lists with fewer items than before."""
    kept: float = 0.0
    """Mean share of a list's items that are on it still."""
    enter: Counter[str] = field(default_factory=Counter)
    """Items by how many lists they come onto."""
    leave: Counter[str] = field(default_factory=Counter)
    """Items by how many lists they go from."""
    by_rule: dict[str, int] = field(default_factory=dict)
    """Rules of the new book by how many lists would differ without them: 0 is a rule that did nothing."""


def replay(
    rows: Sequence[Mapping[str, Any]],
    *,
    desk: RecommendationDesk,
    features: FeatureReader,
    before: RuleBook,
    after: RuleBook,
    report: Callable[[int], None] = lambda _: None,
) -> Replay:
    """Ask the requests of a prediction log again, under both books of rules.

    Args:
        rows: of the recommender's log.
        desk: answers them; nothing is written into its log.
        features: reads today's features of the shoppers by the pseudonyms in the log.
        before: the rules in force.
        after: the rules that are to be.
        report: told how many rows are done.

    Raises:
        OnlineStoreGoneError: the online store cannot be read.
    """
    catalogue = desk.recommender.catalogue
    old, new = RulesInForce(before, catalogue), RulesInForce(after, catalogue)
    leaving_out = {rule.name: new.without(rule.name) for rule in after.rules}
    changes = Replay(by_rule=dict.fromkeys(leaving_out, 0))
    users = _users(rows, features)
    shares = 0.0
    for number, row in enumerate(rows, start=1):
        request = _request(row)
        if request is None:
            changes.not_asked += 1
            continue
        alike = (row.get("inputs") or {}).get("alike", ())
        visit = visit_of(request, users.get(row.get("user") or ""), alike=[(item, score) for item, score in alike])

        was, becomes = _ids(desk, request, visit, old), _ids(desk, request, visit, new)
        changes.asked += 1
        changes.changed += was != becomes
        changes.shorter += len(becomes) < len(was)
        shares += len(set(was) & set(becomes)) / len(was) if was else 1.0
        changes.enter.update(set(becomes) - set(was))
        changes.leave.update(set(was) - set(becomes))
        for name, rules in leaving_out.items():
            changes.by_rule[name] += _ids(desk, request, visit, rules) != becomes
        report(number)
    changes.kept = shares / changes.asked if changes.asked else 1.0
    return changes


def _ids(desk: RecommendationDesk, request: RecommendationRequest, visit: Visit, rules: RulesInForce) -> list[str]:
    return [item.item_id for item in desk.compose(request, visit, rules).items]


def _request(row: Mapping[str, Any]) -> RecommendationRequest | None:
    request = row.get("request")
    if not isinstance(request, dict) or row.get("placement") == "ranking":
        return None
    try:
        return RecommendationRequest.model_validate({**request, "explain": False})
    except ValidationError:  # a row of another version's interface
        return None


def _users(rows: Sequence[Mapping[str, Any]], features: FeatureReader) -> dict[str, UserFeatures]:
    keys = list(dict.fromkeys(row["user"] for row in rows if row.get("user")))
    return features.users_by_key(keys, FAMILY.feature_service)
