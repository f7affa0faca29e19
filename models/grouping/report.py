"""The groups of a day: who is in which, what they are called, what they are worth, and where they came from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from models.grouping.groups import MIN_SHOPPERS, Grouping, adjusted_rand_index, fit_groups, match, migration
from models.grouping.traits import TRAITS, ShopperTraits, read_traits

if TYPE_CHECKING:
    import duckdb

WEEK, MONTH = 7.0, 30.0
MONTHS: Final = 3
"""Months back that migration is told of."""
SCHEMA: Final = pa.schema(
    [
        ("user_id", pa.string()),
        ("as_of", pa.timestamp("us", tz="UTC")),
        ("behaviour_group", pa.int64()),
        ("name", pa.string()),
        ("name_zh", pa.string()),
    ]
)
"""Columns of the export ``user_groups``: a shopper and their group, by an id that outlives a refresh."""


@dataclass(frozen=True, kw_only=True)
class GroupsOfDay:
    """Groups and what is said of them."""

    grouping: Grouping
    table: pa.Table
    """A row per shopper; see :data:`SCHEMA`."""
    document: dict[str, Any]
    """As ``shopsight groups --json`` prints it."""


def groups_of_day(
    connection: "duckdb.DuckDBPyConnection", as_of: float, *, seed: int, previous: Grouping | None = None
) -> GroupsOfDay:
    """Return the groups as of a midnight.

    Args:
        connection: with the feature marts as views.
        as_of: in days since 1970 UTC.
        seed: of the draws.
        previous: the groups of an earlier refresh, whose identities go on.

    Raises:
        ValueError: there are too few shoppers.
    """
    now = read_traits(connection, as_of)
    grouping = fit_groups(now.traits, seed=seed, previous=previous)
    places = grouping.assign(now.traits)
    ids, names, names_zh = np.array(grouping.ids), grouping.names(), grouping.names("zh")
    table = pa.table(
        {
            "user_id": pa.array(now.users.tolist(), pa.string()),
            "as_of": pa.array(np.full(len(places), int(as_of * 86_400) * 1_000_000), pa.timestamp("us", tz="UTC")),
            "behaviour_group": ids[places],
            "name": np.array(names, dtype=np.object_)[places],
            "name_zh": np.array(names_zh, dtype=np.object_)[places],
        },
        schema=SCHEMA,
    )
    document = {
        "as_of": str(np.datetime64(int(as_of), "D")),
        "shoppers": len(now.users),
        "groups": [_group(place, grouping, now, names[place], names_zh[place]) for place in range(len(ids))],
        "between_halves": round(grouping.half_index, 4),
        "tried": {str(count): round(index, 4) for count, index in grouping.tried.items()},
        "between_weeks": _between_weeks(connection, as_of, grouping, now, seed=seed),
        "migration": _migrations(connection, as_of, grouping, now),
    }
    return GroupsOfDay(grouping=grouping, table=table, document=document)


def _group(place: int, grouping: Grouping, now: ShopperTraits, name: str, name_zh: str) -> dict[str, Any]:
    inside = grouping.assign(now.traits) == place
    return {
        "id": grouping.ids[place],
        "name": name,
        "name_zh": name_zh,
        "shoppers": int(inside.sum()),
        "share": round(float(inside.mean()), 4),
        "customers": int((now.orders[inside] > 0).sum()),
        "orders_per_shopper": round(float(now.orders[inside].mean()), 3) if inside.any() else 0.0,
        "revenue_28d_per_shopper": round(float(now.revenue[inside].mean()), 2) if inside.any() else 0.0,
        "revenue_28d_share": round(float(now.revenue[inside].sum() / max(now.revenue.sum(), 1e-9)), 4),
        "standard_deviations_from_all": {
            trait: round(float(value), 2) for trait, value in zip(TRAITS, grouping.centres[place], strict=True)
        },
    }


def _between_weeks(
    connection: "duckdb.DuckDBPyConnection", as_of: float, grouping: Grouping, now: ShopperTraits, *, seed: int
) -> dict[str, Any] | None:
    """Return how alike the groups of this week's model and of last week's are on today's shoppers; None too early."""
    then = read_traits(connection, as_of - WEEK)
    if len(then.users) < MIN_SHOPPERS:
        return None
    earlier = fit_groups(then.traits, seed=seed)
    again = match(grouping, earlier, now.traits)
    return {
        "adjusted_rand_index": round(adjusted_rand_index(grouping.assign(now.traits), earlier.assign(now.traits)), 4),
        "matched": sum(one in earlier.ids for one in again.ids),
        "groups": [len(earlier.ids), len(grouping.ids)],
    }


def _migrations(
    connection: "duckdb.DuckDBPyConnection", as_of: float, grouping: Grouping, now: ShopperTraits
) -> list[dict[str, Any]]:
    """Return, for each of the last months, the share of each group's shoppers that is in each group a month later."""
    months, later = [], now
    for number in range(MONTHS):
        before = read_traits(connection, as_of - MONTH * (number + 1))
        if len(before.users) < MIN_SHOPPERS:
            break
        _, of_before, of_later = np.intersect1d(before.users, later.users, return_indices=True)
        shares = migration(
            grouping.assign(before.traits)[of_before], grouping.assign(later.traits)[of_later], len(grouping.ids)
        )
        months.append(
            {
                "from": str(np.datetime64(int(as_of - MONTH * (number + 1)), "D")),
                "to": str(np.datetime64(int(as_of - MONTH * number), "D")),
                "shoppers": len(of_before),
                "ids": list(grouping.ids),
                "shares": shares,
            }
        )
        later = before
    return months
