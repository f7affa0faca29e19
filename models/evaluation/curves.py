"""What a marketer asks of probabilities: are they true, how many outcomes has the first tenth, when does acting pay?

Shapes: R rows; a weight per row, as in :mod:`models.evaluation.probability`.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.evaluation.probability import equal_mass_bins
from shopsight.whole_files import write_json

Floats = NDArray[np.float64]

CURVES_FILE = "curves.json"
SHARES = tuple(round(0.05 * step, 2) for step in range(1, 21))
"""Shares of the rows, likeliest first, at which gain and lift are told."""
RATIOS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""What acting on a row costs, as a share of what it earns where the outcome comes, at which net benefit is told."""


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
class BenefitPoint:
    """What acting on the rows above a threshold earns, in units of what one row with the outcome earns.

    Where an action costs ``ratio`` times that, it pays on rows whose true probability is above ``ratio``.
    Source: A. Vickers, E. Elkin, "Decision curve analysis", Medical Decision Making 26 (2006), per row and for a cost
    that every action has.
    """

    ratio: float
    """Cost over benefit, and so the threshold."""
    share: float
    """The share of rows acted on: those with a probability of at least the threshold."""
    net: float
    """Mean net benefit per row of acting on them."""
    net_of_all: float
    """That of acting on every row; acting on none has 0."""


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Reliability, gain, lift and net benefit of a candidate on its test split."""

    outcome: str
    """What the probability is of, in words."""
    reliability: tuple[ReliabilityBin, ...]
    gain: tuple[GainPoint, ...]
    benefit: tuple[BenefitPoint, ...]
    """Empty in folders that were written before it was told."""

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
        share_of_rows = np.append(0.0, np.cumsum(np.bincount(group, weights=weights))) / weights.sum()
        share_of_outcomes = np.cumsum(np.bincount(group, weights=weights * outcomes)) / (weights * outcomes).sum()
        gains = np.interp(SHARES, share_of_rows, np.append(0.0, share_of_outcomes))
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
            benefit=tuple(_benefit(outcomes, probabilities, weights / weights.sum(), ratio) for ratio in RATIOS),
        )

    def write(self, folder: Path) -> None:
        """Write the curves into an artefact folder."""
        write_json(folder / CURVES_FILE, asdict(self))

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
            benefit=tuple(BenefitPoint(**row) for row in raw.get("benefit", ())),
        )


def _benefit(outcomes: NDArray[np.bool_], probabilities: Floats, shares: Floats, ratio: float) -> BenefitPoint:
    acted = probabilities >= ratio
    earned = shares * (outcomes - ratio)
    return BenefitPoint(
        ratio=ratio, share=float(shares[acted].sum()), net=float(earned[acted].sum()), net_of_all=float(earned.sum())
    )
