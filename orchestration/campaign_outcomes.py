"""What came of launched campaigns, a row for each shopper on their lists: the labels of next best actions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from models.next_best_action.dataset import OUTCOMES

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from models.campaigns.launches import Launch
    from shopsight.settings import Settings

ORDERS: Final = """
    select user_id, sum(net_revenue)::double as revenue, count(*) as orders
    from orders where ordered_at >= $starts and ordered_at < $ends group by user_id
"""
AGES: Final = """
    select cases.user_id, cases.event_timestamp,
        epoch_us(cases.event_timestamp - state.feature_timestamp) / 86400e6 as state_age_days
    from cases asof left join (select user_id, feature_timestamp from user_features_daily) as state
        on cases.user_id = state.user_id and cases.event_timestamp >= state.feature_timestamp
    order by cases.place
"""
SCHEMA: Final = pa.schema(
    [("user_id", pa.string()), ("event_timestamp", pa.timestamp("us", tz="UTC")), *OUTCOMES.items()]
)


@dataclass(frozen=True, kw_only=True)
class CampaignOutcomes:
    """The rows, and what is not among them."""

    rows: pa.Table
    """Of :data:`SCHEMA`; the moment is the campaign's start."""
    passed_over: dict[str, str]
    """By campaign, why nothing is learnt from it."""


def campaign_outcomes(
    settings: "Settings", connection: "duckdb.DuckDBPyConnection", *, horizon_days: int
) -> CampaignOutcomes:
    """Return what came of every campaign whose horizon is over and whose hold-out can be trusted.

    Args:
        settings: says where the campaigns are.
        connection: with ``orders`` and ``sessions`` as views.
        horizon_days: days from the start in which orders count.
    """
    from models.campaigns.launches import midnight, read_journal, read_launch

    ((newest,),) = connection.execute("select max(ended_at) from sessions").fetchall()
    parts, passed_over = [SCHEMA.empty_table()], {}
    for line in read_journal(settings):
        launch = read_launch(settings, line["name"])
        starts = midnight(settings, launch.campaign.starts)
        ends = starts + timedelta(days=horizon_days)
        reason = _why_not(launch, newest, ends)
        if reason is not None:
            passed_over[line["name"]] = reason
            continue
        came = connection.execute(ORDERS, {"starts": starts, "ends": ends}).df()
        rows = pa.Table.from_pandas(_rows(launch, came, starts), preserve_index=False)
        parts.append(rows.select(SCHEMA.names).cast(SCHEMA))
    return CampaignOutcomes(rows=pa.concat_tables(parts), passed_over=passed_over)


def state_ages(connection: "duckdb.DuckDBPyConnection", rows: pa.Table) -> pa.Array:
    """Return how many days before each row's moment the shopper's last active day ended; null where none had been.

    Args:
        connection: with ``user_features_daily`` as a view.
        rows: ``user_id`` and ``event_timestamp``.
    """
    cases = rows.select(["user_id", "event_timestamp"]).append_column("place", pa.array(range(rows.num_rows)))
    connection.register("cases", cases)
    return connection.sql(AGES).to_arrow_table()["state_age_days"].combine_chunks()


def _why_not(launch: "Launch", newest: datetime | None, ends: datetime) -> str | None:
    from models.campaigns.lift import lot_is_off

    out = launch.assigned["held_out"]
    if not launch.is_unchanged:
        return "its assignment is not the one that was launched"
    if lot_is_off(int((~out).sum()), int(out.sum()), launch.campaign.hold_out):
        return "its hold-out is not that of its lot"
    if newest is None or ends - newest >= timedelta(days=1):
        return "the days in which its orders count are not over"
    return None


def _rows(launch: "Launch", came: "pd.DataFrame", starts: datetime) -> "pd.DataFrame":
    campaign = launch.campaign
    offers = {offer.name: offer for offer in campaign.offers}
    rows = launch.assigned[["user_id", "offer", "held_out"]].merge(came, on="user_id", how="left")
    ordered = rows["orders"].fillna(0) > 0
    spent = rows["revenue"][ordered]
    return rows.assign(
        event_timestamp=starts,
        campaign=campaign.name,
        action=rows["offer"].map(lambda name: offers[name].acts_as),
        is_sent=~rows["held_out"].astype(bool),
        chance_sent=1 - campaign.hold_out,
        ordered=ordered,
        order_margin=campaign.margin_share * (float(spent.mean()) if len(spent) else 0.0),
        message_cost=rows["offer"].map(lambda name: offers[name].message_cost).astype(float),
        discount=rows["offer"].map(lambda name: offers[name].discount).astype(float),
    )
