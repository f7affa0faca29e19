"""Which shown item each click, cart and order is owed to, and by which of two rules that is told.

An event that names the answer (``recommendation_id``) belongs to the item of that answer. One that names none belongs
to the last list that showed the item to the same shopper within the window before it. Each event belongs to one list at
most.
"""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shopsight.consent import CONSENTS, allows
from shopsight.errors import ShopsightError
from shopsight.marts import export_path, mart_at
from shopsight.settings import Settings
from shopsight.warehouse import attach_warehouse

if TYPE_CHECKING:
    import duckdb

CLICK_LANDS: Final = timedelta(seconds=60)
"""A view of an item so soon after a click on it is the page that the click led to, and no second click."""

MARTS: Final = ("users", "sessions", "identities", "order_items", "interactions")

SHOWN_ITEMS: Final = """
    create temp table shown as
    select *
    from read_parquet($raw)
    qualify row_number() over (partition by recommendation_id, position order by answered_at) = 1
"""
"""A file of the log that was copied holds answers twice."""

SHOPPERS: Final = """
    create temp table shoppers as
    with answers as (
        select distinct recommendation_id, user_id, session_id from shown
    )
    select
        answers.recommendation_id,
        coalesce(users.user_id, sessions.user_id) as shopper
    from answers
    left join warehouse.intermediate.int_merged_users as merged on answers.user_id = merged.previous_user_id
    left join identities on answers.user_id = identities.anonymous_id
    left join users on coalesce(merged.user_id, identities.user_id, answers.user_id) = users.user_id
    left join sessions on answers.session_id = sessions.session_id
"""
"""Whom each answer was for, as the warehouse knows them now: the shopper who was named, else the session's."""

CONSENTING: Final = """
    create temp table consenting as
    select user_id, is_bot, not is_bot and list_contains($permitting, consent) as is_counted from users
"""

ACTIONS: Final = """
    create temp table actions as
    with events as (
        select events.*
        from warehouse.marts.events as events
        semi join (from consenting where is_counted) as consenting on events.user_id = consenting.user_id
        where
            events.item_id is not null
            and list_contains($permitting, events.consent)
            and (
                events.recommendation_id is not null
                or events.event_timestamp >= (select min(shown.answered_at) from shown)
            )
    ),
    clicks as (
        select * from events where event_name = 'select_item'
    ),
    -- A view that a click led to is that click.
    views as (
        select views.*
        from events as views
        asof left join clicks
            on
                views.user_id = clicks.user_id
                and views.item_id = clicks.item_id
                and views.event_timestamp >= clicks.event_timestamp
        where
            views.event_name = 'view_item'
            and coalesce(views.event_timestamp - clicks.event_timestamp > to_microseconds($click_lands), true)
    ),
    orders as (
        select
            source || ':' || coalesce(order_id, event_id) as order_key,
            item_id,
            arg_max(recommendation_id, event_timestamp) as recommendation_id
        from events
        where event_name = 'purchase'
        group by all
    ),
    actions as (
        select 'click' as kind, user_id, item_id, event_timestamp as acted_at, recommendation_id, null as order_key,
            null as revenue
        from clicks
        union all
        select 'click', user_id, item_id, event_timestamp, recommendation_id, null, null from views
        union all
        select 'cart', user_id, item_id, event_timestamp, recommendation_id, null, null
        from events where event_name = 'add_to_cart'
        union all
        select 'order', items.user_id, items.item_id, items.ordered_at, orders.recommendation_id, items.order_key,
            items.net_revenue
        from order_items as items
        inner join orders on items.order_key = orders.order_key and items.item_id = orders.item_id
        where items.ordered_at is not null
    )
    select row_number() over () as action, * from actions
"""

BY_ID: Final = """
    create temp table by_id as
    select actions.action, shown.recommendation_id, min(shown.position) as position
    from actions
    inner join shown on actions.recommendation_id = shown.recommendation_id and actions.item_id = shown.item_id
    group by all
"""

MATCHED: Final = """
    create temp table matched as
    with unnamed as (
        select actions.*
        from actions
        anti join by_id on actions.action = by_id.action
        -- One that names a list that is not in the log is owed to that list, whatever else was shown.
        where actions.recommendation_id is null
            or actions.recommendation_id in (select shown.recommendation_id from shown)
    ),
    lists as (
        select shoppers.shopper, shown.item_id, shown.answered_at,
            arg_min((shown.recommendation_id, shown.position), (shown.recommendation_id, shown.position)) as place
        from shown
        inner join shoppers on shown.recommendation_id = shoppers.recommendation_id
        where shoppers.shopper is not null
        group by all
    ),
    by_window as (
        select unnamed.action, lists.place
        from unnamed
        asof join lists
            on
                unnamed.user_id = lists.shopper
                and unnamed.item_id = lists.item_id
                and unnamed.acted_at >= lists.answered_at
        where unnamed.acted_at - lists.answered_at <= to_microseconds($window)
    )
    select actions.*, by_id.recommendation_id as shown_by, by_id.position, 'recommendation_id' as rule
    from by_id inner join actions using (action)
    union all
    select actions.*, by_window.place[1], by_window.place[2], 'window'
    from by_window inner join actions using (action)
"""

COUNTED: Final = """
    create temp table counted as
    with moments as (
        select greatest(
            (select max(events.event_timestamp) from warehouse.marts.events as events),
            -- A browser whose clock is behind clicks before the answer; its click says that events came until then.
            (select max(answered_at) from shown semi join by_id using (recommendation_id))
        ) as events_until
    )
    select
        shown.*,
        shoppers.shopper,
        case
            when consenting.is_bot then 'bot'
            when not consenting.is_counted then 'no consent'
            when moments.events_until is null or shown.answered_at > moments.events_until then 'no events yet'
        end as left_out,
        moments.events_until,
        coalesce(shown.answered_at + to_microseconds($window) <= moments.events_until, false) as is_complete
    from shown
    inner join shoppers on shown.recommendation_id = shoppers.recommendation_id
    left join consenting on shoppers.shopper = consenting.user_id
    cross join moments
"""

LIST_FEEDBACK: Final = """
    create temp table list_feedback as
    with outcomes as (
        select
            shown_by as recommendation_id,
            position,
            count(*) filter (where kind = 'click') as clicks,
            count(*) filter (where kind = 'cart') as carts,
            count(distinct order_key) as orders,
            sum(revenue) as revenue,
            min(rule) filter (where kind = 'click') as click_rule,
            min(rule) filter (where kind = 'cart') as cart_rule,
            min(rule) filter (where kind = 'order') as order_rule
        from matched
        group by all
    )
    select
        counted.recommendation_id,
        counted.answered_at,
        cast(timezone($zone, counted.answered_at) as date) as answered_on,
        counted.placement,
        counted.model_version,
        counted.baseline,
        counted.fallback,
        counted.experiment,
        counted.arm,
        counted.position,
        counted.item_id,
        counted.propensity,
        counted.is_complete,
        coalesce(outcomes.clicks, 0) as clicks,
        coalesce(outcomes.carts, 0) as carts,
        coalesce(outcomes.orders, 0) as orders,
        cast(coalesce(outcomes.revenue, 0) as decimal(18, 4)) as revenue,
        outcomes.click_rule,
        outcomes.cart_rule,
        outcomes.order_rule
    from counted
    left join outcomes
        on counted.recommendation_id = outcomes.recommendation_id and counted.position = outcomes.position
    where counted.left_out is null
    order by counted.answered_at, counted.recommendation_id, counted.position
"""
"""Of two rules that tell of one shown item, ``recommendation_id`` is named."""


def open_warehouse(connection: "duckdb.DuckDBPyConnection", settings: Settings) -> None:
    """Attach the warehouse as ``warehouse``, read only, and make views of the marts that are read here.

    Raises:
        ShopsightError: there is no warehouse, it was built before these marts, or another process writes it.
    """
    import duckdb

    attach_warehouse(connection, settings)
    try:
        for name in MARTS:
            connection.execute(f'create temp view "{name}" as {mart_at(export_path(settings, name)).rows()}')
        connection.execute("select recommendation_id from warehouse.marts.events limit 0")
    except (FileNotFoundError, duckdb.CatalogException, duckdb.BinderException) as error:
        why = str(error).splitlines()[0]
        raise ShopsightError(
            "the warehouse lacks what feedback reads", why=why, fix="run `shopsight run`, then try again"
        ) from error


def match(connection: "duckdb.DuckDBPyConnection", raw: Path, *, window: timedelta, zone: str) -> None:
    """Make the tables ``shown``, ``matched``, ``counted`` and ``list_feedback`` of a log that was read.

    Args:
        connection: one that :func:`open_warehouse` prepared.
        raw: what :func:`serving.feedback.shown_lists.write_shown_lists` wrote.
        window: how long after an answer an event without its id may belong to it.
        zone: of the shop's days.
    """
    permitting = [consent for consent in CONSENTS if allows(consent, "totals")]
    microseconds = window // timedelta(microseconds=1)
    connection.execute(SHOWN_ITEMS, {"raw": str(raw)})
    connection.execute(SHOPPERS)
    connection.execute(CONSENTING, {"permitting": permitting})
    click_lands = CLICK_LANDS // timedelta(microseconds=1)
    connection.execute(ACTIONS, {"permitting": permitting, "click_lands": click_lands})
    connection.execute(BY_ID)
    connection.execute(MATCHED, {"window": microseconds})
    connection.execute(COUNTED, {"window": microseconds})
    connection.execute(LIST_FEEDBACK, {"zone": zone})
