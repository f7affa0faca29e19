"""Finds local times that no clock showed, or that clocks showed twice, where daylight saving time begins and ends."""

from typing import Final

LAST_HOUR: Final = 4
"""Clocks are put forward and back before this hour, everywhere; asking of other hours would take four times as long."""


def skipped(local: str, zone: str) -> str:
    """Return SQL for whether a local time does not exist, and so was read as that time before the clocks changed.

    Args:
        local: SQL of a timestamp without a zone.
        zone: literal of a zone.
    """
    return f"hour({local}) <= {LAST_HOUR} and timezone({zone}, timezone({zone}, {local})) <> {local}"


def shown_twice(local: str, zone: str) -> str:
    """Return SQL for whether a local time stands for two moments, of which the later was taken."""
    moment = f"timezone({zone}, {local})"
    others = " or ".join(f"timezone({zone}, {moment} {sign} interval 1 hour) = {local}" for sign in "+-")
    return f"hour({local}) <= {LAST_HOUR} and ({others})"
