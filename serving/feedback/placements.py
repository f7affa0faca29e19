"""How shoppers answer what is shown to them, by placement, place and how often they have seen it: from the events.

Impressions are ``view_item_list`` and ``view_promotion``; the thing that is shown is the item, or the campaign. A click
(``select_item``, ``select_promotion``) and an order belong to the last impression of the thing to the same shopper
within the window before.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from models.evaluation.bootstrap import Estimate
from models.evaluation.exposure_response import (
    Continuation,
    ExposureResponse,
    estimate_exposure_response,
    proposed_cap,
)
from models.evaluation.position_bias import estimate_position_bias
from models.evaluation.proportions import wilson_bounds
from shopsight.consent import CONSENTS, allows

if TYPE_CHECKING:
    import duckdb

PLACEMENT_RESPONSE: Final = "placement_response"
"""The export of all rows."""
MAX_NUMBER: Final = 8
"""The last number stands for all beyond."""
MAX_POSITION: Final = 20
SAME_DAYS: Final = 7
"""Days back over which impressions of a thing to a shopper are counted."""
CAP_WORTH: Final = 0.5
"""Share of the first impression's response below which another one is not worth its place."""

IMPRESSIONS: Final = """
    create temp table impressions as
    with counted as (
        select user_id from users where not is_bot and list_contains($permitting, consent)
    ), events as (
        select events.* from warehouse.marts.events as events semi join counted on events.user_id = counted.user_id
        where list_contains($permitting, events.consent)
    ), shown as (
        select distinct
            case when event_name = 'view_promotion' then 'promotion' else 'list' end as kind,
            coalesce(placement, case when event_name = 'view_promotion' then 'promotion' else 'list' end) as placement,
            user_id,
            case when event_name = 'view_promotion' then campaign_id else item_id end as thing,
            case when list_position is null then 1 else least(list_position, $max_position) end as position,
            event_timestamp
        from events
        where event_name in ('view_item_list', 'view_promotion')
            and case when event_name = 'view_promotion' then campaign_id else item_id end is not null
    ), first_places as (
        -- A thing that stands in two places of one page is seen at the upper one.
        select kind, placement, user_id, thing, event_timestamp, min(position) as position
        from shown group by all
    ), numbered as (
        select
            row_number() over (order by user_id, event_timestamp, kind, placement, thing) as impression,
            *,
            least($max_number, count(*) over (
                partition by kind, placement, user_id, thing order by event_timestamp
                range between to_days($days) preceding and current row
            )) as number,
            lead(event_timestamp) over pair is not null as is_followed
        from first_places
        window pair as (partition by kind, placement, user_id, thing order by event_timestamp)
    ), clicks as (
        select
            case when event_name = 'select_promotion' then 'promotion' else 'list' end as kind,
            user_id,
            case when event_name = 'select_promotion' then campaign_id else item_id end as thing,
            event_timestamp
        from events where event_name in ('select_item', 'select_promotion')
    ), clicked as (
        select distinct numbered.impression
        from clicks asof join numbered
            on clicks.kind = numbered.kind and clicks.user_id = numbered.user_id and clicks.thing = numbered.thing
            and clicks.event_timestamp >= numbered.event_timestamp
        where clicks.event_timestamp - numbered.event_timestamp <= to_microseconds($window)
    ), bought as (
        select 'list' as kind, user_id, item_id as thing, ordered_at from order_items where ordered_at is not null
        union all
        -- An order after a promotion is whatever the shopper orders of the visit that carries the campaign.
        select 'promotion', orders.user_id, sessions.campaign_id, orders.ordered_at
        from order_items as orders inner join sessions on orders.session_id = sessions.session_id
        where orders.ordered_at is not null and sessions.campaign_id is not null
    ), ordered as (
        select distinct numbered.impression
        from bought asof join numbered
            on bought.kind = numbered.kind and bought.user_id = numbered.user_id and bought.thing = numbered.thing
            and bought.ordered_at >= numbered.event_timestamp
        where bought.ordered_at - numbered.event_timestamp <= to_microseconds($window)
    )
    select
        numbered.*,
        clicked.impression is not null as is_clicked,
        ordered.impression is not null as is_ordered
    from numbered
    left join clicked on numbered.impression = clicked.impression
    left join ordered on numbered.impression = ordered.impression
"""
LEVELS: Final = """
    select {factor} as level, count(*) as impressions, count(*) filter (where is_clicked) as clicked,
        count(*) filter (where is_ordered) as ordered
    from impressions where kind = $kind and placement = $placement group by all order by all
"""
PAIRS: Final = """
    select dense_rank() over (order by user_id, thing) as pair, position, number, count(*) as shown,
        count(*) filter (where is_clicked) as clicks
    from impressions
    where kind = $kind and placement = $placement and (user_id, thing) in (
        select (user_id, thing) from impressions where kind = $kind and placement = $placement and is_clicked
    )
    group by user_id, thing, position, number
"""
THINGS: Final = """
    select thing, position, count(*) as shown, count(*) filter (where is_clicked) as clicks
    from impressions where kind = $kind and placement = $placement group by all order by all
"""
FOLLOWED: Final = """
    select number, count(*) filter (where is_clicked), count(*) filter (where is_clicked and is_followed),
        count(*) filter (where not is_clicked), count(*) filter (where not is_clicked and is_followed)
    from impressions where kind = $kind and placement = $placement group by number
"""
SCHEMA: Final = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("placement", pa.string(), nullable=False),
        pa.field("factor", pa.string(), nullable=False),
        pa.field("level", pa.int64(), nullable=False),
        pa.field("impressions", pa.int64(), nullable=False),
        pa.field("clicked", pa.int64(), nullable=False),
        pa.field("ordered", pa.int64(), nullable=False),
        *(
            pa.field(f"{rate}{end}", pa.float64(), nullable=False)
            for rate in ("click_through", "conversion")
            for end in ("", "_low", "_high")
        ),
        *(pa.field(f"effect{end}", pa.float64()) for end in ("", "_low", "_high")),
        pa.field("compared", pa.string()),
        pa.field("not_evaluable", pa.string()),
        pa.field("proposed_cap", pa.int64()),
        pa.field("cap_reason", pa.string()),
    ]
)
"""A row is a place (``factor`` position) of a placement, or the number of an impression (frequency)."""


def read_impressions(connection: "duckdb.DuckDBPyConnection", *, window: timedelta) -> None:
    """Make the table ``impressions`` on a connection that :func:`serving.feedback.matching.open_warehouse` prepared."""
    connection.execute(
        IMPRESSIONS,
        {
            "permitting": [consent for consent in CONSENTS if allows(consent, "totals")],
            "max_position": MAX_POSITION,
            "max_number": MAX_NUMBER,
            "days": SAME_DAYS,
            "window": window // timedelta(microseconds=1),
        },
    )


def placement_response(connection: "duckdb.DuckDBPyConnection") -> pa.Table:
    """Return rates by place and by number, the effect of each, and the cap that follows; rows of :data:`SCHEMA`."""
    rows: list[dict[str, Any]] = []
    placements = connection.execute("select distinct kind, placement from impressions order by all").fetchall()
    for kind, placement in placements:
        which = {"kind": kind, "placement": placement}
        made = _estimated(connection, which)
        cap, reason = proposed_cap(made, worth=CAP_WORTH)
        numbers = _with_rates(connection.execute(LEVELS.format(factor="number"), which).fetchall())
        places = _with_rates(connection.execute(LEVELS.format(factor="position"), which).fetchall())
        effects: dict[str, Mapping[int, Estimate]] = {"frequency": made.frequency, "position": made.position}
        compared = dict.fromkeys(effects, "pairs")
        whys: dict[str, str | None] = dict.fromkeys(effects, made.not_evaluable)
        if len(made.position) < len(places):
            # Pairs say too little of some places; clicks of all shoppers on a thing say more, of lists for everybody.
            bias = estimate_position_bias(*map(list, zip(*connection.execute(THINGS, which).fetchall(), strict=True)))
            effects["position"], compared["position"], whys["position"] = bias.examination, "things", bias.not_evaluable
        for factor, levels in (("position", places), ("frequency", numbers)):
            rows += [
                {**which, "factor": factor, **level, **_effect(effects[factor].get(level["level"]))}
                | {"compared": compared[factor], "not_evaluable": whys[factor]}
                | {"proposed_cap": cap, "cap_reason": reason}
                for level in levels
            ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _estimated(connection: "duckdb.DuckDBPyConnection", which: dict[str, str]) -> ExposureResponse:
    columns = connection.execute(PAIRS, which).fetchnumpy()
    counts = np.array(connection.execute(FOLLOWED, which).fetchall(), np.int64).reshape(-1, 5)
    clicked, others = counts[:, 1], np.maximum(counts[:, 3], 1)
    expected = float((clicked * counts[:, 4] / others).sum() / max(clicked.sum(), 1))
    return estimate_exposure_response(
        *(columns[name] for name in ("pair", "position", "number", "shown", "clicks")),
        continuation=Continuation(followed=int(counts[:, 2].sum()), clicked=int(clicked.sum()), expected=expected),
    )


def _with_rates(levels: Sequence[tuple[int, int, int, int]]) -> list[dict[str, Any]]:
    counts = np.array(levels, np.int64).reshape(-1, 4)
    names = ("level", "impressions", "clicked", "ordered")
    rows: list[dict[str, Any]] = [dict(zip(names, level, strict=True)) for level in levels]
    for rate, column in (("click_through", 2), ("conversion", 3)):
        low, high = wilson_bounds(counts[:, column], counts[:, 1])
        for place, row in enumerate(rows):
            value = counts[place, column] / counts[place, 1]
            row |= {rate: float(value), f"{rate}_low": float(low[place]), f"{rate}_high": float(high[place])}
    return rows


def _effect(estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {"effect": None, "effect_low": None, "effect_high": None}
    return {"effect": estimate.value, "effect_low": estimate.low, "effect_high": estimate.high}
