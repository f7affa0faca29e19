"""The curve of a loop as a picture: NDCG@10 of what served day by day, beside what would have served without it."""

from collections.abc import Mapping
from typing import Any

from shopsight.drawing import Axis, as_svg, line_chart


def curve_svg(run: Mapping[str, Any]) -> str:
    """Return the picture of one shop's days: what served, and dashed the first model, had nothing been trained."""
    points = run["curve"]
    first, last = points[0]["day"], points[-1]["day"]
    top = max(max(point["served"], point["stale"]) for point in points)
    events = sorted({run["change"], *([run["release"]] if run["release"] is not None else []), first, last})
    return as_svg(
        [
            line_chart(
                [(point["day"], point["served"]) for point in points],
                title="NDCG@10 of what served; dashed: had nothing been trained again",
                x=Axis(
                    label=f"day; the taste changes on day {run['change']}",
                    low=first,
                    high=last,
                    ticks=tuple(float(day) for day in events),
                    number_format=".0f",
                ),
                y=Axis(label="", low=0.0, high=top, ticks=(0.0, top / 2, top)),
                reference=[(point["day"], point["stale"]) for point in points],
            )
        ]
    )
