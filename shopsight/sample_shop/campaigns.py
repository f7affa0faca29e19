"""Mailings to half of the shoppers, drawn by lot; their effect on orders is planted: none, more, or only earlier."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

OPENED: Final = 0.3
"""Share of the visits that a mailing brings, among those of a treated shopper while it runs."""


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """A mailing to every treated shopper; moments are shares of the history."""

    campaign_id: str
    starts: float
    ends: float
    effect: float
    """Orders of treated shoppers over those of the others while it runs; 1 is no effect."""
    effect_after: float = 1.0
    """The same for as long again after it ended."""


CAMPAIGNS: Final = (
    Campaign(campaign_id="new-arrivals", starts=0.05, ends=0.21, effect=1.7),
    Campaign(campaign_id="summer-sale", starts=0.22, ends=0.36, effect=1.6, effect_after=0.4),
    Campaign(campaign_id="news-of-the-month", starts=0.52, ends=0.68, effect=1.0),
)
"""One that brings orders, one whose orders would have come two weeks later anyway, and one that does nothing.

No effect reaches the later half of the history, on which forecasts are judged: they know of no campaign.
"""


def draw_treated(size: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return whom each campaign is sent to, by lot, shape (size, campaigns)."""
    return np.asarray(rng.random((size, len(CAMPAIGNS))) < 0.5)


def effect_on_orders(treated_UC: NDArray[np.bool_], day_share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the order rate is multiplied by, for shoppers at moments of the history (0 to 1)."""
    effect = np.ones(len(day_share))
    for number, campaign in enumerate(CAMPAIGNS):
        runs = _lies_in(day_share, campaign.starts, campaign.ends)
        after = _lies_in(day_share, campaign.ends, 2 * campaign.ends - campaign.starts)
        now = np.where(runs, campaign.effect, np.where(after, campaign.effect_after, 1.0))
        effect *= np.where(treated_UC[:, number], now, 1.0)
    return effect


def mailed(treated_UC: NDArray[np.bool_], day_share: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the campaign that a shopper is being sent at a moment of the history, or -1."""
    campaign = np.full(len(day_share), -1)
    for number, one in enumerate(CAMPAIGNS):
        campaign[treated_UC[:, number] & _lies_in(day_share, one.starts, one.ends)] = number
    return campaign


def _lies_in(day_share: NDArray[np.float64], start: float, end: float) -> NDArray[np.bool_]:
    return np.asarray((day_share >= start) & (day_share < end))
