"""The questions behind every figure of the pages: one SQL each, whose rows can be opened, and what is said of them.

A figure is never computed beside its rows: it is ``select total from (sql)``, so that what a page says and the rows
that it opens cannot differ. The texts ``q.NAME`` and ``q.NAME.means`` say what it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Form = Literal["count", "money", "share", "number"]

DAYS: Final = ("first", "last")
"""The days that most questions are about: from ``first`` to ``last``, both included, in the shop's zone."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question of the marts."""

    name: str
    """Its name in addresses and in the catalogue of texts."""
    marts: tuple[str, ...]
    """The marts that it reads."""
    sql: str
    """Its rows, in an order of their own."""
    total: str = "count(*)"
    """What the page says of the rows: an expression over all of them."""
    takes: tuple[str, ...] = ()
    """The parameters of the SQL."""
    form: Form = "count"
    """How the figure is written."""

    @property
    def total_sql(self) -> str:
        """The SQL of the figure."""
        return f"select {self.total} from ({self.sql})"


_VISITS: Final = """
select session_id, user_id, started_at, channel, device, country, events, converted, is_bounce
from sessions
where not is_bot and started_on between $first and $last
order by started_at desc, session_id"""

_SALES: Final = """
select order_key, coalesce(ordered_on, refunded_on) as day, channel, device, country,
    items, quantity, gross_revenue, refunded_revenue, net_revenue
from orders
where coalesce(ordered_on, refunded_on) between $first and $last
order by day desc, order_key"""

_QUERIES: Final = """
select query, sum(searches) as searches, sum(clicked) as clicked,
    sum(clicked) / sum(searches) as click_rate, sum(refined) as refined,
    sum(counted) as counted, sum(zero_results) as zero_results
from search_performance
where event_date between $first and $last
group by query
order by searches desc, query"""

_STEPS: Final = """
select step_number, step, sum(shoppers) as shoppers
from funnel_daily
where is_complete and event_date between $first and $last
group by step_number, step
order by step_number"""

_REORDER: Final = """
select item_id, title, category, supplier, units_on_hand, days_to_last, runs_out_on, chance_out, order_units, reason
from reorder_list
where order_units > 0
order by chance_out desc nulls last, order_units desc, item_id"""

_LIST: Final = (
    Question(
        name="daily",
        marts=("daily_kpis",),
        takes=DAYS,
        sql="""
select event_date, visitors, new_visitors, sessions, orders, net_revenue, conversion_rate
from daily_kpis
where event_date between $first and $last
order by event_date""",
    ),
    Question(name="revenue", marts=("orders",), takes=DAYS, form="money", sql=_SALES, total="sum(net_revenue)"),
    Question(
        name="orders",
        marts=("orders",),
        takes=DAYS,
        sql="""
select order_key, ordered_at, ordered_on, channel, device, country, items, quantity, gross_revenue, net_revenue
from orders
where ordered_on between $first and $last
order by ordered_at desc, order_key""",
    ),
    Question(name="visitors", marts=("sessions",), takes=DAYS, sql=_VISITS, total="count(distinct user_id)"),
    Question(name="visits", marts=("sessions",), takes=DAYS, sql=_VISITS),
    Question(
        name="conversion",
        marts=("sessions",),
        takes=DAYS,
        form="share",
        sql=_VISITS,
        total="avg(converted::int)",
    ),
    Question(name="bounces", marts=("sessions",), takes=DAYS, form="share", sql=_VISITS, total="avg(is_bounce::int)"),
    Question(name="searches", marts=("search_performance",), takes=DAYS, sql=_QUERIES, total="sum(searches)"),
    Question(name="queries", marts=("search_performance",), takes=DAYS, sql=_QUERIES),
    Question(
        name="search_clicks",
        marts=("search_performance",),
        takes=DAYS,
        form="share",
        sql=_QUERIES,
        total="sum(clicked) / sum(searches)",
    ),
    Question(
        name="zero_rate",
        marts=("search_performance",),
        takes=DAYS,
        form="share",
        sql=_QUERIES,
        total="sum(zero_results) / sum(counted)",
    ),
    Question(
        name="zero_results",
        marts=("search_performance",),
        takes=DAYS,
        sql=f"select * from ({_QUERIES}) where zero_results > 0 order by zero_results desc, query",
    ),
    Question(
        name="unclicked",
        marts=("search_performance",),
        takes=DAYS,
        sql=f"""
select * from ({_QUERIES})
where clicked = 0 and zero_results = 0 and searches > 1
order by searches desc, query""",
    ),
    Question(name="funnel", marts=("funnel_daily",), takes=DAYS, sql=_STEPS, total="max(shoppers)"),
    Question(
        name="funnel_conversion",
        marts=("funnel_daily",),
        takes=DAYS,
        form="share",
        sql=_STEPS,
        total="max(shoppers) filter (where step = 'purchase') / max(shoppers) filter (where step_number = 1)",
    ),
    Question(
        name="funnel_parts",
        marts=("funnel_breakdown_daily",),
        takes=(*DAYS, "dimension"),
        sql="""
select value,
    sum(shoppers) filter (where step = 'view_item') as view_item,
    sum(shoppers) filter (where step = 'add_to_cart') as add_to_cart,
    sum(shoppers) filter (where step = 'begin_checkout') as begin_checkout,
    sum(shoppers) filter (where step = 'purchase') as purchase,
    purchase / nullif(view_item, 0) as overall_rate
from funnel_breakdown_daily
where is_complete and dimension = $dimension and event_date between $first and $last
group by value
order by view_item desc, value""",
    ),
    Question(
        name="cohorts",
        marts=("cohorts",),
        sql="""
select cohort_start, period_number, cohort_size, shoppers, retention_rate, revenue
from cohorts
where cohort = 'first_visit' and period = 'week'
order by cohort_start, period_number""",
    ),
    Question(name="reorder", marts=("reorder_list",), sql=_REORDER),
    Question(name="reorder_units", marts=("reorder_list",), sql=_REORDER, form="number", total="sum(order_units)"),
    Question(
        name="cannot_say",
        marts=("reorder_list",),
        sql="""
select item_id, title, category, cannot_say_because
from reorder_list
where cannot_say_because is not null
order by item_id""",
    ),
    Question(
        name="forecast",
        marts=("item_forecasts",),
        form="number",
        sql="""
select event_date, expected_units, units_p10, units_p50, units_p90
from item_forecasts
where level = 'total'
order by event_date""",
        total="sum(expected_units)",
    ),
    Question(
        name="forecast_items",
        marts=("item_forecasts", "items"),
        sql="""
select forecasts.name as item_id, any_value(items.title) as title, any_value(items.category) as category,
    sum(expected_units) as expected_units, any_value(demand_class) as demand_class,
    any_value(not_forecast_because) as not_forecast_because
from item_forecasts as forecasts left join items on items.item_id = forecasts.name
where level = 'item'
group by forecasts.name
order by expected_units desc, item_id""",
    ),
    Question(
        name="sold",
        marts=("item_demand_daily", "items"),
        takes=DAYS,
        form="number",
        sql="""
select demand.item_id, any_value(items.title) as title, sum(units) as units,
    sum(gross_revenue) as gross_revenue, sum(views) as views
from item_demand_daily as demand left join items on items.item_id = demand.item_id
where event_date between $first and $last
group by demand.item_id
order by units desc, demand.item_id""",
        total="sum(units)",
    ),
    Question(
        name="aspects",
        marts=("review_insights",),
        sql="""
select aspect, sum(mentions) as mentions, sum(praised) as praised, sum(complained) as complained,
    sum(complained) / sum(mentions) as complained_share
from review_insights
group by aspect
order by complained desc, aspect""",
        total="sum(mentions)",
    ),
    Question(
        name="complaints",
        marts=("review_insights", "items"),
        sql="""
select insights.week, insights.category, insights.item_id, items.title, insights.aspect, insights.mentions,
    insights.praised, insights.complained, insights.complaints
from review_insights as insights left join items on items.item_id = insights.item_id
where insights.complained > 0
order by insights.week desc, insights.complained desc, insights.item_id, insights.aspect""",
        total="sum(complained)",
    ),
    Question(
        name="praises",
        marts=("review_insights", "items"),
        sql="""
select insights.week, insights.category, insights.item_id, items.title, insights.aspect, insights.praised,
    insights.praises
from review_insights as insights left join items on items.item_id = insights.item_id
where insights.praised > 0
order by insights.week desc, insights.praised desc, insights.item_id, insights.aspect""",
        total="sum(praised)",
    ),
    Question(
        name="behaviour_groups",
        marts=("user_groups", "users"),
        sql="""
select groups.user_id, groups.behaviour_group, groups.name as group_name, groups.name_zh as group_name_zh, users.orders,
    users.revenue, users.last_seen_at
from user_groups as groups left join users on users.user_id = groups.user_id
order by groups.behaviour_group, users.revenue desc nulls last, groups.user_id""",
    ),
    Question(
        name="segments",
        marts=("users",),
        sql="""
select segment, count(*) as shoppers, sum(orders) as orders, sum(revenue) as revenue
from users
where not is_bot
group by segment
order by shoppers desc, segment""",
        total="sum(shoppers)",
    ),
    Question(
        name="stages",
        marts=("rfm",),
        sql="""
select life_cycle_stage, count(*) as customers, avg(recency_days) as recency_days, sum(orders) as orders,
    sum(net_revenue) as net_revenue
from rfm
group by life_cycle_stage
order by net_revenue desc, life_cycle_stage""",
        total="sum(customers)",
    ),
    Question(
        name="win_back",
        marts=("churn_scores",),
        sql="""
select user_id, as_of, churn_probability, expected_revenue, revenue_low, revenue_high, value_of_writing, reasons
from churn_scores
where win_back
order by value_of_writing desc nulls last, user_id""",
    ),
    Question(
        name="campaigns",
        marts=("campaign_performance",),
        takes=DAYS,
        sql="""
select campaign_id, min(event_date) as first_day, max(event_date) as last_day, sum(sessions) as sessions,
    sum(promotion_views) as promotion_views, sum(promotion_clicks) as promotion_clicks, sum(orders) as orders,
    sum(net_revenue) as net_revenue
from campaign_performance
where event_date between $first and $last
group by campaign_id
order by net_revenue desc nulls last, campaign_id""",
    ),
    Question(
        name="timeline",
        marts=("interactions", "orders", "utterances", "items"),
        takes=("user",),
        sql="""
select deeds.at, deeds.what, coalesce(items.title, deeds.about) as about, deeds.amount
from (
    select event_timestamp as at, event_name as what, item_id as about, price as amount
    from interactions where user_id = $user and event_name <> 'purchase'
    union all
    select ordered_at, 'order', order_id, net_revenue::double from orders where user_id = $user
    union all
    select event_timestamp, channel, text, null from utterances where user_id = $user
) as deeds left join items on items.item_id = deeds.about
order by deeds.at desc nulls last, deeds.what, about""",
    ),
)

QUESTIONS: Final[Mapping[str, Question]] = {question.name: question for question in _LIST}
