"""A week of the market from the marts: what rises, is wanted and lacking, is complained of, and cannibalises.

Shoppers are counted, once a week each, and not their clicks: one shopper who searches forty times is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np

from models.evaluation.proportions import wilson
from models.insights.cannibals import cannibals
from models.insights.findings import MIN_GROWTH, MIN_SHOPPERS, MIN_VAIN, WEEKS_BEFORE, Finding, Week
from models.insights.rates import Ratio, is_higher, is_news, rate_ratio, week_variance

if TYPE_CHECKING:
    import duckdb

MARTS: Final = (
    *("search_clicks", "interactions", "items", "item_versions", "item_demand_daily", "daily_kpis", "graph_edges"),
    *("review_insights", "sessions"),
)
"""What is read; ``review_insights`` may be missing."""
UNMET_SHARE: Final = 0.5
"""Share of a query's searchers who find nothing above which demand is unmet."""
PAIN_WEEKS: Final = 26
"""Weeks of reviews that are looked at: there are few of them."""

SEARCHES: Final = "select query as subject, user_id as shopper, event_timestamp as moment from search_clicks"
WORDS: Final = """
    select unnest(list_distinct(regexp_extract_all(lower(query), '[\\p{L}\\p{N}]{3,}'))) as subject,
        user_id as shopper, event_timestamp as moment
    from search_clicks
"""
"""Words of queries of three letters or more; a run of Chinese is one."""
CATEGORIES: Final = """
    select items.category as subject, looks.user_id as shopper, looks.event_timestamp as moment
    from interactions as looks inner join items on looks.item_id = items.item_id
    where looks.event_name = 'view_item' and items.category is not null
"""
ATTRIBUTES: Final = """
    select edges.subject, looks.user_id as shopper, looks.event_timestamp as moment
    from interactions as looks inner join (
        select replace(source_id, 'item:', '') as item_id, replace(target_id, 'attribute:', '') as subject,
            count(*) over (partition by target_id) as items
        from graph_edges where relation = 'has_attribute'
    ) as edges on looks.item_id = edges.item_id
    where looks.event_name = 'view_item' and edges.items >= 3
"""
SOLD_OUT: Final = """
    select looks.item_id as subject, looks.user_id as shopper, looks.event_timestamp as moment
    from interactions as looks inner join item_versions as versions
        on looks.item_id = versions.item_id and versions.valid_from <= looks.event_timestamp
        and (versions.valid_to is null or versions.valid_to > looks.event_timestamp)
    where looks.event_name = 'view_item' and not versions.is_available
"""
WEEKS_AGO: Final = """
    case when moment >= $starts then 0
    else 1 + least((epoch_us($starts) - 1 - epoch_us(moment)) // 604800000000, 3) end
"""
WEEKLY: Final = """
    select subject, {weeks_ago} as weeks_ago, count(distinct shopper) as shoppers
    from ({rows}) where moment >= $begins and moment < $ends group by all
"""
EVERYBODY: Final = """
    select {weeks_ago} as weeks_ago, count(distinct shopper) as shoppers
    from ({rows}) where moment >= $begins and moment < $ends group by all
"""
VAIN: Final = """
    select
        query, count(distinct user_id) filter (where search_results = 0) as in_vain, count(distinct user_id) as shoppers
    from search_clicks where event_timestamp >= $begins and event_timestamp < $ends and search_results is not null
    group by query
"""
PAIN: Final = """
    select items.brand, insights.aspect, sum(insights.complained)::bigint as complained,
        sum(insights.mentions)::bigint as mentions
    from review_insights as insights inner join items on insights.item_id = items.item_id
    where items.brand is not null and insights.week > $first and insights.week <= $week
    group by items.brand, insights.aspect
"""


@dataclass(frozen=True, kw_only=True)
class Span:
    """A week and the weeks that it is compared with, as moments."""

    week: date
    zone: str

    def midnight(self, weeks: int) -> datetime:
        """Return when the week that lies so many weeks after this one begins, in UTC."""
        day = self.week + timedelta(weeks=weeks)
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    @property
    def condition(self) -> str:
        """Return SQL that a column ``moment`` lies in the week."""
        begins, ends = (f"timestamptz '{self.midnight(weeks).isoformat()}'" for weeks in (0, 1))
        return f"moment >= {begins} and moment < {ends}"

    def moments(self, *, weeks_before: int = 0) -> dict[str, datetime]:
        """Return the bounds of the week, and of the weeks before that are read with it."""
        return {"begins": self.midnight(-weeks_before), "starts": self.midnight(0), "ends": self.midnight(1)}


def newest_whole_week(newest: datetime, *, zone: str) -> date:
    """Return the Monday of the newest week that was over when the newest event happened.

    >>> newest_whole_week(datetime(2026, 10, 30, 20, tzinfo=UTC), zone="UTC")
    datetime.date(2026, 10, 19)
    """
    day = newest.astimezone(ZoneInfo(zone)).date()
    return day - timedelta(days=day.weekday() + 7)


def market_of_week(connection: "duckdb.DuckDBPyConnection", week: date, *, zone: str, has_reviews: bool) -> Week:
    """Return what a week has brought.

    Args:
        connection: with :data:`MARTS` as views.
        week: its Monday, in the shop's zone.
        zone: the shop's.
        has_reviews: whether ``review_insights`` is among the views.
    """
    span = Span(week=week, zone=zone)
    judged, silent = dict[str, int](), dict[str, str]()
    findings: list[Finding] = []
    rising = {
        "rising_query": SEARCHES,
        "rising_word": WORDS,
        "rising_category": CATEGORIES,
        "rising_attribute": ATTRIBUTES,
    }
    for kind, rows in rising.items():
        made = _rising(connection, kind, rows, span)
        findings += made
        judged[kind] = len(made)
        if not made:
            silent[kind] = f"nothing had {MIN_SHOPPERS} shoppers in the week and any in the four weeks before"
    for kind, made, why in (
        ("unmet_query", _unmet_queries(connection, span), f"no query of {MIN_VAIN} shoppers or more was in vain"),
        ("unmet_item", _unmet_items(connection, span), "nobody looked at an item that was sold out"),
        ("pain_point", _pain_points(connection, span) if has_reviews else [], "there are too few reviews of brands"),
        (
            "cannibal",
            cannibals(connection, span.midnight(1), zone),
            "no item was sold out for days beside one that sold",
        ),
    ):
        findings += made
        judged[kind] = len(made)
        if not made:
            silent[kind] = why
    return Week(begins=week, findings=findings, judged=judged, silent=silent)


def has_risen(ratios: Sequence[Ratio]) -> list[bool]:
    """Return of each ratio whether it is news: no chance among so many, and large enough to matter."""
    sure = is_news([one.p for one in ratios])
    return [bool(one) and ratio.low >= MIN_GROWTH for one, ratio in zip(sure, ratios, strict=True)]


def _rising(connection: "duckdb.DuckDBPyConnection", kind: str, rows: str, span: Span) -> list[Finding]:
    moments = span.moments(weeks_before=WEEKS_BEFORE)
    of_W = np.zeros(WEEKS_BEFORE + 1)
    for weeks_ago, shoppers in connection.execute(EVERYBODY.format(rows=rows, weeks_ago=WEEKS_AGO), moments).fetchall():
        of_W[int(weeks_ago)] = shoppers
    counts: dict[str, np.ndarray] = {}
    for subject, weeks_ago, shoppers in connection.execute(
        WEEKLY.format(rows=rows, weeks_ago=WEEKS_AGO), moments
    ).fetchall():
        counts.setdefault(subject, np.zeros(WEEKS_BEFORE + 1))[int(weeks_ago)] = shoppers
    if not of_W[0] or not of_W[1:].sum():
        return []
    # The newest week and the mean of those before it both vary by themselves.
    between = week_variance(np.array(list(counts.values()))[:, 1:], of_W[1:]) * (1 + 1 / WEEKS_BEFORE)
    subjects = sorted(name for name, counted in counts.items() if counted[0] >= MIN_SHOPPERS)
    ratios = [
        rate_ratio(counts[name][0], of_W[0], counts[name][1:].sum(), of_W[1:].sum(), between=between)
        for name in subjects
    ]
    news = has_risen(ratios)
    return [
        Finding(
            kind=kind,
            subject=name,
            count=int(counts[name][0]),
            of=int(of_W[0]),
            count_before=int(counts[name][1:].sum()),
            of_before=int(of_W[1:].sum()),
            value=ratio.value,
            low=ratio.low,
            high=ratio.high,
            p=ratio.p,
            is_news=news[place],
            rows=_distinct_shoppers(rows, name, span),
            numbers=_numbers_of_rise(rows, name, span),
        )
        for place, (name, ratio) in enumerate(zip(subjects, ratios, strict=True))
    ]


def _unmet_queries(connection: "duckdb.DuckDBPyConnection", span: Span) -> list[Finding]:
    moments = {"begins": span.midnight(0), "ends": span.midnight(1)}
    findings = []
    for query, in_vain, shoppers in connection.execute(VAIN, moments).fetchall():
        if shoppers < MIN_VAIN or not in_vain:
            continue
        share = wilson(in_vain, shoppers)
        assert share is not None
        searchers = (
            "(select query, user_id, search_results, event_timestamp as moment from search_clicks) "
            f"where query = {_quoted(query)} and {span.condition}"
        )
        findings.append(
            Finding(
                kind="unmet_query",
                subject=query,
                count=in_vain,
                of=shoppers,
                value=share.value,
                low=share.low,
                high=share.high,
                is_news=share.low >= UNMET_SHARE,
                rows=f"select distinct user_id from {searchers} and search_results = 0",
                numbers="select count(distinct user_id) filter (where search_results = 0) as count, count(distinct "
                f'user_id) as "of", null as count_before, null as of_before from {searchers} '
                "and search_results is not null",
            )
        )
    return findings


def _unmet_items(connection: "duckdb.DuckDBPyConnection", span: Span) -> list[Finding]:
    moments = span.moments()
    here = {
        int(ago): n
        for ago, n in connection.execute(EVERYBODY.format(rows=CATEGORIES, weeks_ago=WEEKS_AGO), moments).fetchall()
    }
    lookers = sum(here.values())
    findings = []
    for item_id, _, shoppers in connection.execute(
        WEEKLY.format(rows=SOLD_OUT, weeks_ago=WEEKS_AGO), moments
    ).fetchall():
        share = wilson(min(shoppers, lookers), lookers)
        if share is None:
            continue
        findings.append(
            Finding(
                kind="unmet_item",
                subject=item_id,
                count=shoppers,
                of=lookers,
                value=share.value,
                low=share.low,
                high=share.high,
                is_news=shoppers >= MIN_SHOPPERS,
                rows=_distinct_shoppers(SOLD_OUT, item_id, span),
                numbers=f"select (select count(*) from ({_distinct_shoppers(SOLD_OUT, item_id, span)})) as count, "
                f'(select count(distinct shopper) from ({_plain(CATEGORIES)}) where {span.condition}) as "of", '
                "null as count_before, null as of_before",
            )
        )
    return findings


def _pain_points(connection: "duckdb.DuckDBPyConnection", span: Span) -> list[Finding]:
    """Return how often clauses about a brand's aspect complain, beside those about the same aspect of all others."""
    first = span.week - timedelta(weeks=PAIN_WEEKS)
    cells = connection.execute(PAIN, {"first": first, "week": span.week}).fetchall()
    totals: dict[str, tuple[int, int]] = {}
    for _, aspect, complained, mentions in cells:
        before = totals.get(aspect, (0, 0))
        totals[aspect] = (before[0] + complained, before[1] + mentions)
    enough = [cell for cell in cells if cell[3] >= MIN_SHOPPERS and totals[cell[1]][1] - cell[3] >= MIN_SHOPPERS]
    chances = [
        is_higher(complained, mentions, totals[aspect][0] - complained, totals[aspect][1] - mentions)
        for _, aspect, complained, mentions in enough
    ]
    sure = is_news(chances)
    findings = []
    for place, (brand, aspect, complained, mentions) in enumerate(enough):
        share = wilson(complained, mentions)
        assert share is not None
        clauses = (
            "review_insights as insights inner join items on insights.item_id = items.item_id where items.brand is not "
            f"null and insights.aspect = {_quoted(aspect)} and insights.week > date '{first}' "
            f"and insights.week <= date '{span.week}'"
        )
        ours, others = (
            f"filter (where items.brand = {_quoted(brand)})",
            f"filter (where items.brand != {_quoted(brand)})",
        )
        findings.append(
            Finding(
                kind="pain_point",
                subject=brand,
                other=aspect,
                count=complained,
                of=mentions,
                count_before=totals[aspect][0] - complained,
                of_before=totals[aspect][1] - mentions,
                value=share.value,
                low=share.low,
                high=share.high,
                p=chances[place],
                is_news=bool(sure[place]),
                rows=f"select insights.* from {clauses} and insights.complained > 0 and items.brand = {_quoted(brand)}",
                numbers=f"select coalesce(sum(complained) {ours}, 0)::bigint as count, sum(mentions) {ours}::bigint as "
                f'"of", coalesce(sum(complained) {others}, 0)::bigint as count_before, '
                f"sum(mentions) {others}::bigint as of_before from {clauses}",
            )
        )
    return findings


def _distinct_shoppers(rows: str, subject: str, span: Span) -> str:
    return f"select distinct shopper from ({_plain(rows)}) where subject = {_quoted(subject)} and {span.condition}"


def _numbers_of_rise(rows: str, subject: str, span: Span) -> str:
    moments = span.moments(weeks_before=WEEKS_BEFORE)
    literal = {name: f"timestamptz '{moment.isoformat()}'" for name, moment in moments.items()}
    week = _plain(WEEKS_AGO).replace("$starts", literal["starts"])
    ours = f"subject = {_quoted(subject)}"
    return (
        f"select count(distinct shopper) filter (where {ours} and week = 0) as count, "
        f'count(distinct shopper) filter (where week = 0) as "of", '
        f"count(distinct (shopper, week)) filter (where {ours} and week > 0) as count_before, "
        "count(distinct (shopper, week)) filter (where week > 0) as of_before "
        f"from (select *, {week} as week from ({_plain(rows)}) "
        f"where moment >= {literal['begins']} and moment < {literal['ends']})"
    )


def _plain(sql: str) -> str:
    return " ".join(sql.split())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
