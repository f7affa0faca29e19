"""What the model's card promises, beside what came of the lists that shoppers saw, day by day.

The card's recall@k is the share of first contacts of a shopper with an item that were among the first k of the list
that the model would have made a moment before. The same is counted of the lists that were made: each first contact
after a list, within the window, is a case; it is a hit where the item was among the first k of the last list before it.

A list that is shown leads shoppers to what is on it, and the card's lists were shown to nobody. So a figure above the
promise is weak evidence, and one below it is strong.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from models.evaluation.bootstrap import Estimate
from models.evaluation.proportions import wilson

if TYPE_CHECKING:
    import duckdb

Verdict = Literal["as promised", "above the promise", "below the promise", "not enough impressions", "no promise"]

LENGTHS: Final = (10, 5)
"""Of lists that are promised something: a list is judged by the longest that it reaches."""

CONTACTS: Final = """
    with lists as (
        select
            recommendation_id,
            shopper,
            answered_at,
            cast(timezone($zone, answered_at) as date) as day,
            model_version,
            max(position) as places,
            list(item_id order by position) as items
        from counted
        -- What the card measured: personal lists of the model, of the whole catalogue.
        where left_out is null and shopper is not null and fallback is null and not is_filtered
            and placement = 'recommended_for_you'
        group by all
    ),
    contacts as (
        select user_id, item_id, min(event_timestamp) as met_at from interactions group by all
    ),
    cases as (
        select lists.*, contacts.item_id
        from contacts
        asof join lists on contacts.user_id = lists.shopper and contacts.met_at > lists.answered_at
        where contacts.met_at - lists.answered_at <= to_microseconds($window)
    )
    select
        day,
        model_version,
        case {lengths} end as length,
        count(*) as contacts,
        count(*) filter (where list_contains(items[1:(case {lengths} end)], item_id)) as hits
    from cases
    where length is not null
    group by all
    order by all
"""


DAYS_TOGETHER: Final = 7
"""Newest days of a version that are judged together: a week has one of each weekday, a day has few contacts."""


@dataclass(frozen=True, kw_only=True)
class DayOfPromise:
    """A day of a model version."""

    day: date
    model_version: str
    metric: str
    """The card's, such as ``recall@10``."""
    contacts: int
    """First contacts that followed a list."""
    hits: int
    """Of them, with an item that was on it."""
    measured: Estimate
    promised: Estimate | None
    """What the card says; None where it says nothing of this metric."""
    verdict: Verdict


def verdict_of(measured: Estimate, promised: Estimate | None) -> Verdict:
    """Return in words how a day's figure stands to the promise.

    An interval that is wider than the figure promised could hold a half of it and one and a half: it says nothing.
    """
    if promised is None:
        return "no promise"
    if measured.high - measured.low > promised.value:
        return "not enough impressions"
    if measured.high < promised.low:
        return "below the promise"
    if measured.low > promised.high:
        return "above the promise"
    return "as promised"


@dataclass(frozen=True, kw_only=True)
class NewestDays:
    """The newest days of a model version, judged together."""

    metric: str
    """The card's, such as ``recall@10``."""
    first: date
    last: date
    contacts: int
    hits: int
    measured: Estimate
    promised: Estimate
    verdict: Verdict


def newest_days(days: Iterable[DayOfPromise], version: str) -> NewestDays | None:
    """Return how the newest days of a version stand to its promise; None where nothing was promised or measured.

    Args:
        days: of any versions.
        version: the one that is asked about.
    """
    promised = [day for day in days if day.model_version == version and day.promised is not None]
    if not promised:
        return None
    last = max(day.day for day in promised)
    within = [day for day in promised if last - day.day < timedelta(days=DAYS_TOGETHER)]
    by_metric = {metric: [day for day in within if day.metric == metric] for metric in {day.metric for day in within}}
    # Of long and short lists, those that more contacts followed.
    metric, of_metric = max(by_metric.items(), key=lambda one: (sum(day.contacts for day in one[1]), one[0]))
    contacts, hits = sum(day.contacts for day in of_metric), sum(day.hits for day in of_metric)
    measured, promise = wilson(hits, contacts), of_metric[-1].promised
    assert measured is not None
    assert promise is not None
    return NewestDays(
        metric=metric,
        first=min(day.day for day in of_metric),
        last=last,
        contacts=contacts,
        hits=hits,
        measured=measured,
        promised=promise,
        verdict=verdict_of(measured, promise),
    )


def promise_by_day(
    connection: "duckdb.DuckDBPyConnection",
    promises: Callable[[str], Mapping[str, Estimate]],
    *,
    window: timedelta,
    zone: str,
) -> list[DayOfPromise]:
    """Return each day of each model version whose lists were followed by a first contact.

    Args:
        connection: with the tables of :func:`serving.feedback.matching.match`.
        promises: the metrics of a version's card.
        window: how long after a list a contact is a case.
        zone: of the shop's days.
    """
    lengths = " ".join(f"when places >= {length} then {length}" for length in LENGTHS)
    parameters: dict[str, Any] = {"window": window // timedelta(microseconds=1), "zone": zone}
    rows = connection.execute(CONTACTS.format(lengths=lengths), parameters).fetchall()
    days = []
    for day, version, length, contacts, hits in rows:
        metric, measured = f"recall@{length}", wilson(hits, contacts)
        assert measured is not None
        promised = promises(version).get(metric)
        days.append(
            DayOfPromise(
                day=day,
                model_version=version,
                metric=metric,
                contacts=contacts,
                hits=hits,
                measured=measured,
                promised=promised,
                verdict=verdict_of(measured, promised),
            )
        )
    return days
