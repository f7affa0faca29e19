"""What shoppers did after their first list of an experiment, and before it: log and marts joined by shopper.

A shopper is in the arm of their first list, whatever came later (a login can give a browser another one). What counts
lies between that list and ``window_days`` later, and only shoppers whose window the warehouse covers are measured: then
a value does not change any more, which the intervals need.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from serving.recommender.experiments.book import Experiment
from shopsight.consent import CONSENTS, allows
from shopsight.errors import ShopsightError
from shopsight.marts import mart_names, open_marts
from shopsight.settings import Settings
from shopsight.warehouse import attach_warehouse

BEFORE_DAYS: Final = 28
"""How far back the covariate reaches."""
MARTS: Final = ("users", "identities", "sessions", "orders")

_SHOPPERS: Final = """
create temp table lists as
select
    exposures.recommendation_id,
    cast(exposures.answered_at as timestamptz) as shown_at,
    exposures.arm,
    exposures.version,
    -- As the online store looks ids up: a user's first, then a visitor's, who may have become a user since.
    coalesce(users.user_id, identities.user_id, exposures.as_user) as shopper
from exposures
left join users on exposures.as_user = users.user_id
left join identities on exposures.as_visitor = identities.anonymous_id;

create temp table shoppers as
select
    firsts.*,
    coalesce(users.is_bot, false) as is_bot,
    coalesce(users.consent, 'granted') in (select unnest(?)) as may_be_counted,
    first_at + to_microseconds(cast(? as bigint)) as until
from (
    select
        shopper,
        min(shown_at) as first_at,
        arg_min(arm, shown_at) as arm,
        count(distinct arm) as arms,
    from lists
    group by shopper
) as firsts
left join users on firsts.shopper = users.user_id;
"""

_ORDERS: Final = """
select
    shoppers.shopper,
    coalesce(sum(gross_revenue) filter (ordered_at >= first_at), 0) as revenue,
    coalesce(sum(gross_revenue) filter (ordered_at < first_at and ordered_at >= since), 0) as revenue_before,
    count(*) filter (ordered_at >= first_at) as orders,
    count(*) filter (ordered_at < first_at and ordered_at >= since) as orders_before,
    count(*) filter (ordered_at < first_at) as orders_ever,
    count(*) filter (ordered_at >= first_at and unconverted_lines > 0) as unconverted
from (select *, first_at - to_days(cast(? as integer)) as since from shoppers) as shoppers
inner join orders on shoppers.shopper = orders.user_id and orders.ordered_at < shoppers.until
group by shoppers.shopper
"""

_CLICKS: Final = """
with clicks as (
    select recommendation_id, user_id, event_timestamp
    from warehouse.marts.events
    where event_name = 'select_item'
),

first_clicks as (
    select recommendation_id, min(event_timestamp) as clicked_at
    from clicks
    where recommendation_id is not null
    group by recommendation_id
),

lists_clicked as (
    select
        lists.shopper,
        count(*) as lists,
        count(*) filter (clicked_at < until) as clicked
    from lists
    inner join shoppers on lists.shopper = shoppers.shopper and lists.shown_at < shoppers.until
    left join first_clicks on lists.recommendation_id = first_clicks.recommendation_id
    group by lists.shopper
),

clicks_before as (
    select shoppers.shopper, count(*) as clicks
    from shoppers
    inner join clicks
        on shoppers.shopper = clicks.user_id
        and clicks.event_timestamp < shoppers.first_at
        and clicks.event_timestamp >= shoppers.first_at - to_days(cast(? as integer))
    group by shoppers.shopper
)

select
    lists_clicked.shopper,
    clicked / lists as click_through,
    coalesce(clicks, 0) as clicks_before
from lists_clicked
left join clicks_before on lists_clicked.shopper = clicks_before.shopper
"""


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Every shopper who was shown a list, in the order in which their windows end."""

    arm_S: NDArray[np.str_]
    measured_S: NDArray[np.bool_]
    """Whose window the warehouse covers."""
    until_S: NDArray[np.datetime64]
    returning_S: NDArray[np.bool_]
    """Who had ordered before the first list."""
    values: dict[str, NDArray[np.float64]]
    """By metric."""
    before: dict[str, NDArray[np.float64]]
    data_end: datetime | None
    """The last event that the warehouse has."""
    versions: int
    crossed: int
    """Shoppers who were shown lists of several arms."""
    bots: int
    not_counted: int
    """Who permit no figures; they are in none, nor are bots."""
    unconverted: int
    """Orders with lines in a currency without a rate, whose money is in no figure."""


def outcomes(settings: Settings, exposures: pa.Table, experiment: Experiment) -> Outcomes:
    """Join exposures with what the warehouse knows.

    Args:
        settings: of the home.
        exposures: from :func:`serving.recommender.experiments.exposures.exposures`.
        experiment: theirs.

    Raises:
        ShopsightError: there are no marts, or another process is building them.
    """
    if missing := set(MARTS) - set(mart_names(settings)):
        raise ShopsightError(
            f"there is no mart {', '.join(sorted(missing))} in {settings.home}",
            why="an experiment's outcomes are read from the warehouse, which was not built yet",
            fix="run `shopsight run`, or `make demo`",
        )
    metrics = {experiment.metric, *(rail.metric for rail in experiment.guard_rails)}
    permitting = [consent for consent in CONSENTS if allows(consent, "totals")]
    with open_marts(settings, MARTS) as connection:
        connection.register("exposures", exposures)
        prepare, shoppers = _SHOPPERS.split(";", 1)
        connection.execute(prepare)
        connection.execute(shoppers, [permitting, round(experiment.window_days * 86_400e6)])
        connection.execute(f"create temp table orders_of as {_ORDERS}", [BEFORE_DAYS])
        with_clicks = "click_through" in metrics
        if with_clicks:
            attach_warehouse(connection, settings)  # events are not exported
            connection.execute(f"create temp table clicks_of as {_CLICKS}", [BEFORE_DAYS])
        return _gathered(connection, with_clicks=with_clicks)


def _gathered(connection: duckdb.DuckDBPyConnection, *, with_clicks: bool) -> Outcomes:
    (data_end,) = connection.execute("select max(ended_at) from sessions").fetchall()[0]
    versions, crossed, bots, refused = connection.execute(
        "select (select count(distinct version) from lists), count(*) filter (arms > 1), count(*) filter (is_bot), "
        "count(*) filter (not may_be_counted and not is_bot) from shoppers"
    ).fetchall()[0]
    clicks = "coalesce(click_through, 0)::double as click_through, coalesce(clicks_before, 0)::double as clicks_before,"
    rows: dict[str, Any] = connection.execute(
        f"""
        select
            arm,
            coalesce(until <= ?, false) as measured,
            (until at time zone 'UTC') as until,
            coalesce(orders_ever, 0) > 0 as returning,
            coalesce(revenue, 0)::double as revenue_per_user,
            coalesce(revenue_before, 0)::double as revenue_before,
            (coalesce(orders, 0) > 0)::double as conversion,
            (coalesce(orders_before, 0) > 0)::double as conversion_before,
            {clicks if with_clicks else ""}
            coalesce(unconverted, 0)::bigint as unconverted
        from shoppers
        left join orders_of using (shopper)
        {"left join clicks_of using (shopper)" if with_clicks else ""}
        where not is_bot and may_be_counted
        order by until, shopper
        """,
        [data_end],
    ).fetchnumpy()
    names = {
        "revenue_per_user": "revenue_before",
        "conversion": "conversion_before",
        **({"click_through": "clicks_before"} if with_clicks else {}),
    }
    return Outcomes(
        arm_S=rows["arm"].astype(np.str_),
        measured_S=np.asarray(rows["measured"], dtype=np.bool_),
        until_S=np.asarray(rows["until"]),
        returning_S=np.asarray(rows["returning"], dtype=np.bool_),
        values={name: np.asarray(rows[name], dtype=np.float64) for name in names},
        before={name: np.asarray(rows[column], dtype=np.float64) for name, column in names.items()},
        data_end=data_end,
        versions=versions,
        crossed=crossed,
        bots=bots,
        not_counted=refused,
        unconverted=int(np.sum(rows["unconverted"])),
    )
