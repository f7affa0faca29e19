"""What a marketer asks of probabilities: are they true, and how many outcomes do the first tenth of people hold?

Shapes: R rows; a weight per row, as in :mod:`models.evaluation.probability`.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.evaluation.probability import equal_mass_bins

Floats = NDArray[np.float64]

CURVES_FILE = "curves.json"
SHARES = tuple(round(0.05 * step, 2) for step in range(1, 21))
"""Shares of the rows, likeliest first, at which gain and lift are told."""


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Rows of similar probability."""

    forecast: float
    """Their mean probability."""
    observed: float
    """The share of them with the outcome."""
    share: float
    """Their share of all rows."""


@dataclass(frozen=True, kw_only=True)
class GainPoint:
    """The rows likeliest to have the outcome."""

    share: float
    """Their share of all rows."""
    gain: float
    """The share of all outcomes among them."""
    lift: float
    """How many times more outcomes than among as many rows drawn at random."""


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Reliability, gain and lift of a candidate on its test split."""

    outcome: str
    """What the probability is of, in words."""
    reliability: tuple[ReliabilityBin, ...]
    gain: tuple[GainPoint, ...]

    @classmethod
    def of(
        cls, outcomes: NDArray[np.bool_], probabilities: Floats, weights: Floats | None = None, *, outcome: str
    ) -> "Curves":
        """Draw the curves; equal probabilities share a bin, and no order among them is rewarded.

        Raises:
            ValueError: there are no rows, or no row has the outcome.
        """
        weights = np.ones(len(outcomes)) if weights is None else weights
        if not outcomes.any():
            raise ValueError("curves need rows with the outcome")
        bins = equal_mass_bins(probabilities, weights)
        mass, forecast, observed = (
            np.bincount(bins, weights=weights * values) for values in (1.0, probabilities, outcomes)
        )
        there = mass > 0
        reliability = zip(
            forecast[there] / mass[there], observed[there] / mass[there], mass[there] / mass.sum(), strict=True
        )
        _, group = np.unique(-probabilities, return_inverse=True)
        shown = np.append(0.0, np.cumsum(np.bincount(group, weights=weights))) / weights.sum()
        found = np.cumsum(np.bincount(group, weights=weights * outcomes)) / (weights * outcomes).sum()
        gains = np.interp(SHARES, shown, np.append(0.0, found))
        return cls(
            outcome=outcome,
            reliability=tuple(
                ReliabilityBin(forecast=float(said), observed=float(rate), share=float(part))
                for said, rate, part in reliability
            ),
            gain=tuple(
                GainPoint(share=share, gain=float(gain), lift=float(gain / share))
                for share, gain in zip(SHARES, gains, strict=True)
            ),
        )

    def write(self, folder: Path) -> None:
        """Write the curves into an artefact folder."""
        (folder / CURVES_FILE).write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Curves | None":
        """Read what :meth:`write` wrote; ``None`` where a folder has no curves."""
        path = folder / CURVES_FILE
        if not path.is_file():
            return None
        raw = json.loads(path.read_text())
        return cls(
            outcome=raw["outcome"],
            reliability=tuple(ReliabilityBin(**row) for row in raw["reliability"]),
            gain=tuple(GainPoint(**row) for row in raw["gain"]),
        )
