"""Who may be written to, as the marts knew them when a campaign begins, and who of them is meant.

Shapes: U shoppers, F features. Age band and gender are read to report gaps, and are never features.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from models.campaigns.book import Audience
from models.uplift.trial import Floats

if TYPE_CHECKING:
    import duckdb

MARTS: Final = ("users", "orders", "sessions")
FEATURES: Final = (
    "country",
    "days_since_joined",
    "orders",
    "revenue",
    "days_since_order",
    "visits",
    "days_since_visit",
    "mobile",
    "desktop",
    "tablet",
)
"""What effects are learnt from; the first is a category."""
SHOPPERS: Final = """
    with bought as (
        select user_id, count(*) as orders, sum(net_revenue)::double as revenue, max(ordered_at) as ordered_at
        from orders where ordered_at < $moment group by user_id
    ), came as (
        select user_id, count(*) as visits, max(started_at) as came_at, avg((device = 'mobile')::int) as mobile,
            avg((device = 'desktop')::int) as desktop, avg((device = 'tablet')::int) as tablet
        from sessions where started_at < $moment group by user_id
    )
    select user_id, country, age_band, gender, consent, is_bot,
        date_diff('day', created_at, $moment) as days_since_joined,
        coalesce(bought.orders, 0) as orders, coalesce(bought.revenue, 0) as revenue,
        date_diff('day', ordered_at, $moment) as days_since_order,
        coalesce(visits, 0) as visits, date_diff('day', came_at, $moment) as days_since_visit, mobile, desktop, tablet
    from users left join bought using (user_id) left join came using (user_id)
    where created_at < $moment
    order by user_id
"""


@dataclass(frozen=True)
class Reached:
    """Shoppers with an account, narrowed down step by step."""

    meant: pd.DataFrame
    """A row for each shopper whom the campaign may be sent to, with the columns of :data:`SHOPPERS`."""
    contactable: int
    """Those who may be written to at all."""
    left_out: dict[str, int]
    """Those who are not, by reason."""


def read_shoppers(connection: "duckdb.DuckDBPyConnection", moment: datetime) -> pd.DataFrame:
    """Return every shopper with an account as the marts knew them just before a moment."""
    return connection.execute(SHOPPERS, {"moment": moment}).df()


def reach(shoppers: pd.DataFrame, audience: Audience, *, refusing: frozenset[str], capped: frozenset[str]) -> Reached:
    """Return who is meant and may be written to.

    Args:
        shoppers: see :func:`read_shoppers`.
        audience: the conditions.
        refusing: who refuses personal use now.
        capped: who was written to as often as anybody may be.
    """
    # A step takes out whom those before it did not.
    steps = {
        "bots": shoppers["is_bot"].astype(bool),
        "no consent to personal use": (shoppers["consent"] != "granted") | shoppers["user_id"].isin(refusing),
        "written to as often as may be": shoppers["user_id"].isin(capped),
    }
    open_U = pd.Series(data=True, index=shoppers.index)
    left_out = {}
    for reason, taken_U in steps.items():
        left_out[reason] = int((open_U & taken_U).sum())
        open_U &= ~taken_U
    meant_U = open_U & _meant(shoppers, audience)
    left_out["not in the audience"] = int((open_U & ~meant_U).sum())
    return Reached(shoppers[meant_U].reset_index(drop=True), int(open_U.sum()), left_out)


def features_of(meant: pd.DataFrame) -> Floats:
    """Return the features of shoppers, shape (U, F); countries are numbered by their letters, the same in any shop."""
    country = [float("nan") if not isinstance(one, str) else _number(one) for one in meant["country"]]
    numbers = meant[list(FEATURES[1:])].astype("float64").to_numpy()
    return np.column_stack([np.asarray(country, dtype=np.float64), numbers])


def proposed_cut(reached: Reached) -> str:
    """Return a condition that leaves about a third of an audience, in words."""
    days = reached.meant["days_since_order"].dropna()
    if len(days) < len(reached.meant) / 2:
        visits = reached.meant["days_since_visit"].fillna(3_650)
        cut = int(visits.quantile(1 / 3))
        return f"`max_days_since_visit: {cut}` leaves {int((visits <= cut).sum())} of {len(reached.meant)}"
    cut = int(days.quantile(2 / 3))
    return f"`min_days_since_order: {cut}` leaves {int((days >= cut).sum())} of {len(reached.meant)}"


def _meant(shoppers: pd.DataFrame, audience: Audience) -> "pd.Series[bool]":
    meant_U = pd.Series(data=True, index=shoppers.index)
    for what in ("orders", "days_since_order", "days_since_visit"):
        low, high = getattr(audience, f"min_{what}"), getattr(audience, f"max_{what}")
        if low is not None:
            meant_U &= shoppers[what] >= low
        if high is not None:
            meant_U &= shoppers[what] <= high
    for column, wanted in (
        ("country", audience.countries),
        ("age_band", audience.age_bands),
        ("gender", audience.genders),
    ):
        if wanted:
            meant_U &= shoppers[column].isin(wanted)
    return meant_U


def _number(country: str) -> float:
    """Return a category's number of two letters, below LightGBM's limit; other texts share one."""
    letters = [ord(letter) - ord("A") for letter in country.upper()]
    return float(1 + 26 * letters[0] + letters[1]) if len(letters) == 2 and max(letters) < 26 else 0.0
