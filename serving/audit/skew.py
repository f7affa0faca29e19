"""Train/serve skew: what answered requests were made from, beside what training would read of the same second.

The prediction log has what a model read of its shopper. The same is made from the warehouse's marts, as of the moment
of the answer and from what had arrived by then: lists from the ``interactions`` that the recommender learns from, all
else by the point-in-time join that makes training sets. A value that differs is one that the model did not learn to
read. What cannot be compared is counted with its reason, and never as equal.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from serving.recommender.visits import FEATURES as LIST_FEATURES
from shopsight.contracts import HISTORY_LENGTH, PURCHASES_LENGTH, SESSION_FEATURES, USER_FEATURES
from shopsight.families import FAMILIES
from shopsight.feature_store import training_set
from shopsight.marts import export_path, mart_at, open_duckdb
from shopsight.settings import Settings

FAMILIES_COMPARED: Final = ("recommender", "purchase_intent", "churn")
"""Whose answers are made from features of a shopper or session."""
MAX_DIFFERENCES: Final = 20
"""Differences that are named."""

NEWER: Final = "newer than the last event in the warehouse"
NO_FEATURES: Final = "made without features of a shopper or session"
UNKNOWN: Final = "the warehouse does not know the shopper or session"
LATE: Final = "an event of the session arrived after the answer; training reads it all the same"
SAME_DAY: Final = "the customer did something on the day of the answer; training reads whole days"

LISTS: Final = f"""
    with read as (
        select cases.place, interactions.*
        from cases
        inner join ({{interactions}}) as interactions
            on
                cases.user_id = interactions.user_id
                and interactions.event_timestamp <= cases.answered_at
                and interactions.created_timestamp <= cases.answered_at
    ),
    histories as (
        select
            place,
            list(item_id order by nth)[-{HISTORY_LENGTH}:] as item_ids,
            list(event_name order by nth)[-{HISTORY_LENGTH}:] as event_names
        from read
        group by place
    ),
    purchases as (
        select place, item_id, epoch_us(max(event_timestamp)) as bought_us
        from read
        where event_name = 'purchase'
        group by place, item_id
    ),
    bought as (
        select
            place,
            list(item_id order by bought_us, item_id)[-{PURCHASES_LENGTH}:] as bought_item_ids,
            list(cast(bought_us as varchar) order by bought_us, item_id)[-{PURCHASES_LENGTH}:] as bought_us
        from purchases
        group by place
    )
    select histories.*, bought.bought_item_ids, bought.bought_us
    from histories
    left join bought on histories.place = bought.place
"""
"""As the views ``user_history`` and ``user_purchases`` have them, to the second instead of the day."""


ARRIVALS: Final = """
    select cases.place, max_by(sessions.created_timestamp, sessions.event_timestamp) > any_value(cases.answered_at)
    from cases
    inner join ({sessions}) as sessions
        on cases.session_id = sessions.session_id and sessions.event_timestamp <= cases.answered_at
    group by cases.place
"""
"""Whether a session's features of the moment hold an event that came later: its view has no arrival."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What one answer was made from."""

    answer_id: str
    family: str
    user: str | None
    """Pseudonym; None where no shopper was read."""
    session: str | None
    """None where no stored session was read."""
    answered_at: datetime
    features: Mapping[str, Any]


@dataclass(kw_only=True)
class Skew:
    """What came of the comparison."""

    asked: int = 0
    """Answers' cases that were looked at."""
    compared: int = 0
    different: int = 0
    """Of the compared, those with a feature that differs."""
    not_compared: Counter[str] = field(default_factory=Counter)
    """Reasons, by how many."""
    features: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    """By family and feature: how many were ``compared``, and how many are ``different``."""
    differences: list[dict[str, Any]] = field(default_factory=list)
    """Of the first few: ``id``, ``family``, ``feature``, what was ``served`` and what training would read."""


def train_serve_skew(rows: Sequence[Mapping[str, Any]], settings: Settings) -> Skew:
    """Compare what answers were made from with what training would read of the same moments.

    Args:
        rows: of the prediction log.
        settings: of the home, whose warehouse has taken up what happened since.

    Raises:
        FeatureStoreNotReadyError: no definitions were applied, or a mart was not exported.
    """
    skew = Skew()
    last_event = _last_event(settings)
    for family in FAMILIES_COMPARED:
        cases = []
        for case in (case for row in rows if row["model"]["name"] == family for case in cases_of(row)):
            skew.asked += 1
            if case.user is None and case.session is None:
                skew.not_compared[NO_FEATURES] += 1
            elif last_event is None or case.answered_at > last_event:
                skew.not_compared[NEWER] += 1
            else:
                cases.append(case)
        if cases:
            for case, recomputed in zip(cases, _RECOMPUTED[family](cases, settings), strict=True):
                _compare(skew, case, recomputed)
    return skew


def cases_of(row: Mapping[str, Any]) -> list[Case]:
    """Return what the answers of a row were made from."""
    common = {
        "answer_id": row.get("recommendation_id") or row.get("prediction_id"),
        "family": row["model"]["name"],
        "answered_at": datetime.fromisoformat(row["answered_at"]),
    }
    if common["family"] == "recommender":
        inputs = row.get("inputs") or {}
        user = row["user"] if inputs.get("user_known") else None
        features = dict.fromkeys(LIST_FEATURES) | (inputs.get("features") or {})
        return [Case(**common, user=user, session=None, features=features)]
    return [
        Case(**common, user=result["user"], session=result.get("session"), features=result["features"])
        for result in row.get("results") or []
    ]


def _last_event(settings: Settings) -> datetime | None:
    """Return when the newest event of the warehouse happened."""
    with open_duckdb() as connection:
        events = mart_at(export_path(settings, "interactions")).rows()
        ((newest,),) = connection.execute(f"select max(event_timestamp) from ({events})").fetchall()
    return None if newest is None else newest.astimezone(UTC)


def _lists(cases: Sequence[Case], settings: Settings) -> list[dict[str, Any] | str]:
    favourites = _joined(cases, settings, columns=("favourite_category",))
    query = LISTS.format(interactions=mart_at(export_path(settings, "interactions")).rows())
    histories = {row.pop("place"): row for row in _asked(cases, query).to_pylist()}
    return [histories[place] | favourites[place] if place in histories else UNKNOWN for place in range(len(cases))]


def _propensities(cases: Sequence[Case], settings: Settings) -> list[dict[str, Any] | str]:
    query = ARRIVALS.format(sessions=mart_at(export_path(settings, "session_features")).rows())
    has_late = dict(zip(*(column.to_pylist() for column in _asked(cases, query).columns), strict=True))
    recomputed: list[dict[str, Any] | str] = []
    for place, (case, values) in enumerate(zip(cases, _joined(cases, settings), strict=True)):
        read = (*(USER_FEATURES if case.user else ()), *(SESSION_FEATURES if case.session else ()))
        named = {name: values[name] for name in read if name in case.features}
        recomputed.append(LATE if has_late.get(place) else named or UNKNOWN)
    return recomputed


def _customers(cases: Sequence[Case], settings: Settings) -> list[dict[str, Any] | str]:
    zone = ZoneInfo(settings.zone)
    recomputed: list[dict[str, Any] | str] = []
    for case, values in zip(cases, _joined(cases, settings), strict=True):
        seen = case.features.get("last_seen_us")
        day = case.answered_at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        if seen is not None and int(seen) >= day.timestamp() * 1e6:
            recomputed.append(SAME_DAY)
        else:
            recomputed.append({name: values[name] for name in case.features if name in values})
    return recomputed


_RECOMPUTED: Final[Mapping[str, Callable[[Sequence[Case], Settings], list[dict[str, Any] | str]]]] = {
    "recommender": _lists,
    "purchase_intent": _propensities,
    "churn": _customers,
}
"""By family: features of each case as training would read them, or why it cannot."""


def _asked(cases: Sequence[Case], query: str) -> pa.Table:
    """Return what a query says of the table ``cases``: a row for each, by its place."""
    table = pa.table(
        {
            "place": list(range(len(cases))),
            "user_id": pa.array([case.user for case in cases], pa.string()),
            "session_id": pa.array([case.session for case in cases], pa.string()),
            "answered_at": pa.array([case.answered_at for case in cases], pa.timestamp("us", tz="UTC")),
        }
    )
    with open_duckdb() as connection:
        connection.register("cases", table)
        return connection.sql(query).to_arrow_table()


def _joined(cases: Sequence[Case], settings: Settings, *, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Return the features of the family's service, as of each answer and from what had arrived by then."""
    import pandas as pd

    service = FAMILIES[cases[0].family].feature_service
    assert service is not None, "a family that is compared reads features"
    entities = pd.DataFrame(
        {
            "user_id": [case.user or "" for case in cases],
            "session_id": [case.session or "" for case in cases],
            "event_timestamp": pd.to_datetime([case.answered_at for case in cases], utc=True),
        }
    )
    joined = training_set(settings, service=service, entities=entities, columns=columns)
    features = joined.drop(columns=list(entities.columns))
    return [{str(name): value for name, value in row.items()} for row in features.to_dict("records")]


def _compare(skew: Skew, case: Case, recomputed: Mapping[str, Any] | str) -> None:
    if isinstance(recomputed, str):
        skew.not_compared[recomputed] += 1
        return
    skew.compared += 1
    of_family = skew.features.setdefault(case.family, {})
    is_different = False
    for name, value in recomputed.items():
        counts = of_family.setdefault(name, {"compared": 0, "different": 0})
        counts["compared"] += 1
        served, trained = plain(case.features.get(name)), plain(value)
        if not is_same(served, trained):
            counts["different"] += 1
            is_different = True
            if len(skew.differences) < MAX_DIFFERENCES:
                named = {"id": case.answer_id, "family": case.family, "feature": name}
                skew.differences.append(named | {"served": served, "trained": trained})
    skew.different += is_different


def plain(value: Any) -> Any:
    """Return a value as both sides have it: lists as lists, and nothing for what is null, not a number or empty.

    >>> plain(float("nan")), plain(()), plain((1, "a"))
    (None, None, [1, 'a'])
    """
    if isinstance(value, str) or value is None:
        return value or None
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value] or None
    return None if isinstance(value, float) and math.isnan(value) else value


def is_same(served: Any, trained: Any) -> bool:
    """Tell whether two plain values are the same; numbers as near as a float of four bytes can tell.

    >>> is_same([1, 2.0], [1.0, 2]), is_same("12", 12), is_same(None, 0)
    (True, False, False)
    """
    if isinstance(served, list) and isinstance(trained, list):
        return len(served) == len(trained) and all(map(is_same, served, trained))
    numbers = (int, float)
    if isinstance(served, numbers) and isinstance(trained, numbers):
        return math.isclose(served, trained, rel_tol=1e-6, abs_tol=1e-9)
    return bool(served == trained)
