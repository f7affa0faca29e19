"""A list as it is written down: each item of the answer, and the row of the prediction log."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from models.recommender.predict import ScoredItem
from serving.recommender.composing import Listed
from serving.recommender.experiments.assignment import Assignment
from serving.recommender.request_digest import digest, logged
from serving.recommender.schemas import RecommendationRequest, Recommendations, RecommendedItem
from shopsight.clock import rfc3339


def row_of(
    answer: Recommendations,
    listed: Listed,
    request: RecommendationRequest,
    *,
    answered_at: datetime,
    user_key: str | None,
    history_length: int,
    inputs: Mapping[str, Any],
    assignment: Assignment,
    pseudonyms: Sequence[str] | None,
) -> dict[str, Any]:
    """Return the row of an answer; of its person it has pseudonyms alone.

    Args:
        answer: as it was given.
        listed: the list in it.
        request: what was asked for.
        answered_at: when.
        user_key: the pseudonym that features were read under, where any were.
        history_length: how many events the list could be made from.
        inputs: what the list was made from beside the request, for it to be made again.
        assignment: what the shopper is in.
        pseudonyms: of the id that the shop named, as a user's and as a visitor's: whoever is unknown now may turn out
            to be either. None where no experiment and no hold-out ask for them.
    """
    experiment = assignment.experiment
    return {
        "recommendation_id": answer["recommendation_id"],
        "answered_at": rfc3339(answered_at),
        "model": answer["model"],
        "placement": answer["placement"],
        "user": user_key,
        "session_id": request.session_id if request.personalised else None,
        "request": logged(request),
        "request_digest": digest(request),
        "history_length": history_length,
        "features_as_of": answer["features_as_of"],
        "fallback": listed.fallback,
        "results": listed.logged,
        "propensities": listed.propensities,
        "inputs": inputs,
        "latency_ms": answer["took_ms"],
        "experiment": answer["experiment"],
        "arm": answer["arm"],
        "experiment_version": experiment.version if experiment else None,
        "hold_out": assignment.hold_out,
        "pseudonyms": pseudonyms,
    }


def recommended_item(
    item: ScoredItem, rank: int, *, explain: bool, propensities: Sequence[float] | None
) -> RecommendedItem:
    """Return an item of the answer."""
    entry: RecommendedItem = {
        "item_id": item.item_id,
        "rank": rank,
        "score": round(float(item.score), 6),
        "source": item.source,
        "reasons": [
            {"code": reason.code, "item_ids": list(reason.item_ids), "weight": round(float(reason.weight), 4)}
            for reason in (item.reasons if explain else ())
        ],
    }
    if propensities is not None:
        entry["propensity"] = propensities[rank - 1]
    return entry
