"""The market of a week, read from a home's marts: for the asset, and for ``shopsight brief``."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from shopsight.errors import ShopsightError
from shopsight.marts import export_path, mart_exists, open_marts
from shopsight.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from models.insights.findings import Week

MARKET_INSIGHTS: Final = "market_insights"
"""The export of all findings."""
WEEKS_KEPT: Final = 53
REVIEWS: Final = "review_insights"


def week_of(settings: Settings, week: date | None = None) -> "Week":
    """Return what a week has brought.

    Args:
        settings: the home.
        week: any day of it; the newest week that is over where omitted.

    Raises:
        ShopsightError: the marts are missing, or the week is not over in them or lies before them.
    """
    from models.insights.market import MARTS, market_of_week, newest_whole_week

    has_reviews = mart_exists(export_path(settings, REVIEWS))
    names = [name for name in MARTS if name != REVIEWS or has_reviews]
    if missing := [name for name in names if not mart_exists(export_path(settings, name))]:
        raise ShopsightError(
            "there is no brief yet",
            why=f"these marts are missing: {', '.join(missing)}",
            fix="run `shopsight run`, then try again",
        )
    with open_marts(settings, names) as connection:
        row = connection.execute("select min(started_at), max(ended_at) from sessions").fetchone()
        if row is None or row[1] is None:
            raise ShopsightError(
                "there is no brief yet",
                why="the mart `sessions` has no visit",
                fix="import or collect events, and run `shopsight run`",
            )
        newest = newest_whole_week(row[1], zone=settings.zone)
        monday = newest if week is None else week - timedelta(days=week.weekday())
        if not row[0].date() - timedelta(days=6) <= monday <= newest:
            raise ShopsightError(
                f"there is no brief of the week from {monday}",
                why=f"visits begin on {row[0].date()}, and the newest week that is over on {newest}",
                fix="name a day of a week in between",
            )
        return market_of_week(connection, monday, zone=settings.zone, has_reviews=has_reviews)


def with_earlier_weeks(settings: Settings, table: "pa.Table") -> "pa.Table":
    """Return a week's findings and those of the weeks before, as the export has them by now."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = export_path(settings, MARKET_INSIGHTS)
    if not path.exists() or not table.num_rows:
        return table
    before = pq.read_table(path)
    if before.schema.names != table.schema.names:  # another version wrote it, with other columns
        return table
    before = before.cast(table.schema)
    week = table["week"][0].as_py()
    is_other = pc.and_(
        pc.not_equal(before["week"], week), pc.greater(before["week"], week - timedelta(weeks=WEEKS_KEPT))
    )
    return pa.concat_tables([before.filter(is_other), table])
