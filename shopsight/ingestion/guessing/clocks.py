"""Says in a guessed mapping how a file's times are written, and by which clock."""

from typing import Any
from zoneinfo import available_timezones

from shopsight.ingestion.formats.mapping import JOINED
from shopsight.ingestion.guessing.values import doubtful_hours, time_shape
from shopsight.ingestion.guessing.words import snake_case


def add_time(document: dict[str, Any], values: dict[str, list[Any]], warnings: list[str], zone: str) -> None:
    """Say how times are written, in which zone, and how many lie in an hour that is missing there or there twice."""
    column = document["columns"]["event_timestamp"]
    shape = time_shape(values[column])
    if shape is None or not (shape.unit or shape.format or shape.zone):
        return
    said = _zone_of(values) if shape.zone else None
    document["columns"]["event_timestamp"] = origin = {"column": column} | {
        key: value
        for key, value in (("unit", shape.unit), ("format", shape.format), ("zone", shape.zone and zone))
        if value is not None
    }
    if shape.format and ("too" in shape.said or "would" in shape.said or "in order" in shape.said):
        warnings.append(f"{column}: {shape.said}")
    if said is not None:
        zone_column, zones = said
        origin |= {"zone": zones[0]} if len(zones) == 1 else {"zone_column": zone_column}
        if len(zones) > 1:
            del origin["zone"]
        warnings.append(f"{column} names no zone: {zone_column} says {', '.join(zones[:5])}")
    elif shape.zone and zone == "UTC":
        warnings.append(
            f"{column} names no zone: UTC is assumed; if the shop's clock is another, say map --zone Europe/Berlin"
        )
    if "zone" in origin and origin["zone"] != "UTC" and not shape.unit:
        warnings.extend(doubtful_hours(values[column], shape.format, origin["zone"], column))


def _zone_of(values: dict[str, list[Any]]) -> tuple[str, list[str]] | None:
    """Return a column of time zones, and the zones in it."""
    for column, some in values.items():
        if some and snake_case(column.removeprefix(JOINED)) in ("timezone", "time_zone", "tz", "zone"):
            zones = sorted({str(value).strip() for value in some})
            if set(zones) <= available_timezones():
                return column, zones
    return None
