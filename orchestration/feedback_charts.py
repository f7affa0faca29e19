"""What the UI draws of feedback: how far down a list is clicked, and how each day went."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from orchestration.drawing import picture
from shopsight.drawing import Axis, Drawing, Points, line_chart

Row = Mapping[str, Any]

PLACEMENTS_DRAWN = 4
"""The busiest; the tables below have all."""
POSITIONS_DRAWN = 20


def feedback_pictures(days: Sequence[Row]) -> dict[str, dg.MarkdownMetadataValue]:
    """Return click-through by position and by day, each with its numbers below; nothing where nothing was shown.

    Args:
        days: rows of ``feedback_daily``.
    """
    if not days:
        return {}
    impressions: dict[str, int] = {}
    for row in days:
        impressions[row["placement"]] = impressions.get(row["placement"], 0) + row["impressions"]
    busiest = sorted(impressions, key=lambda placement: (-impressions[placement], placement))
    by_position = {
        place: _rates(days, place, "position", lambda row: row["position"] <= POSITIONS_DRAWN) for place in busiest
    }
    by_day = {place: _rates(days, place, "answered_on", lambda _: True) for place in busiest}
    first = min(row["answered_on"] for row in days)
    header = ("placement", "position", "shown", "clicked", "click-through")
    return {
        "clicks by position": picture(
            "Click-through by position",
            [_drawing(place, by_position[place], label="position") for place in busiest[:PLACEMENTS_DRAWN]],
            header,
            _cells(by_position),
        ),
        "clicks by day": picture(
            "Click-through by day",
            [
                _drawing(
                    place,
                    {(day - first).days: rate for day, rate in by_day[place].items()},
                    label=f"days since {first}",
                )
                for place in busiest[:PLACEMENTS_DRAWN]
            ],
            ("placement", "day", *header[2:]),
            _cells(by_day),
        ),
    }


def promise_picture(days: Sequence[Row]) -> dict[str, dg.MarkdownMetadataValue]:
    """Return what models kept of their promise day by day, dashed what their cards say; nothing before the first day.

    Where the line falls and rises again, the shoppers changed and a newer model learnt it.

    Args:
        days: of the feedback's report, with days as dates.
    """
    busiest: dict[Any, Row] = {}
    for row in days:
        if row["promised"] is not None and row["contacts"] > busiest.get(row["day"], {"contacts": 0})["contacts"]:
            busiest[row["day"]] = row
    if not busiest:
        return {}
    rows = [busiest[day] for day in sorted(busiest)]
    first = rows[0]["day"]
    measured: Points = [((row["day"] - first).days, row["measured"]["value"]) for row in rows]
    promised: Points = [((row["day"] - first).days, row["promised"]["value"]) for row in rows]
    last, top = max(measured[-1][0], 1.0), max(y for _, y in [*measured, *promised]) or 1.0
    chart = line_chart(
        measured,
        title="kept, and dashed what was promised",
        x=Axis(label=f"days since {first}", low=0.0, high=last, ticks=(0.0, last), number_format=".0f"),
        y=Axis(label="recall", low=0.0, high=top, ticks=(0.0, top), number_format=".2%"),
        reference=promised,
    )
    cells = [
        [str(row["day"]), row["model_version"], row["metric"], f"{row['contacts']:,}"]
        + [f"{row[name]['value']:.2%}" for name in ("measured", "promised")]
        for row in rows
    ]
    header = ("day", "version", "figure", "contacts", "kept", "promised")
    return {"promise by day": picture("Promise by day", [chart], header, cells)}


def _rates(days: Sequence[Row], placement: str, key: str, wanted: Any) -> dict[Any, tuple[int, int]]:
    """Return how often something was shown, and clicked of that, by one column of a placement's rows."""
    rates: dict[Any, tuple[int, int]] = {}
    for row in days:
        if row["placement"] == placement and wanted(row):
            impressions, clicked = rates.get(row[key], (0, 0))
            rates[row[key]] = (impressions + row["impressions"], clicked + row["clicked"])
    return dict(sorted(rates.items()))


def _drawing(title: str, rates: Mapping[int, tuple[int, int]], *, label: str) -> Drawing:
    points: Points = [(float(place), clicked / impressions) for place, (impressions, clicked) in rates.items()]
    low, last, top = min(x for x, _ in points), max(x for x, _ in points), max(y for _, y in points) or 1.0
    last = max(last, low + 1.0)
    return line_chart(
        points,
        title=title,
        x=Axis(label=label, low=low, high=last, ticks=(low, last), number_format=".0f"),
        y=Axis(label="click-through", low=0.0, high=top, ticks=(0.0, top), number_format=".2%"),
    )


def _cells(rates: Mapping[str, Mapping[Any, tuple[int, int]]]) -> list[list[str]]:
    return [
        [placement, str(key), f"{impressions:,}", f"{clicked:,}", f"{clicked / impressions:.2%}"]
        for placement, places in rates.items()
        for key, (impressions, clicked) in places.items()
    ]
