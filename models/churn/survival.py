"""A survival model of the wait for the next order: its hazard in each period, grown by trees on that of BG/NBD.

A customer whose horizon is not over yet still says how the periods went that are: nothing of the newest weeks is
thrown away, as it is where one label stands for the whole horizon.

Source: J. Singer, J. Willett, "It's about time: using discrete-time survival analysis" (1993).

Shapes: R rows, K periods of the horizon, F features.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.churn.bg_nbd import BetaGeometric, RecencyFrequency
from models.churn.classifier import bg_nbd_known_at, log_odds
from models.churn.config import ChurnConfig
from models.churn.features import churn_features
from models.churn.histories import Histories, LabelledRows
from models.evaluation.calibration import LogitScaling, fit_level
from models.tabular.committee import Committee, fit_committee

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ChurnSurvival:
    """A fitted BG/NBD and the trees on top of its hazards."""

    bg_nbd: BetaGeometric
    committee: Committee
    ends: tuple[int, ...]
    """Days from the as-of date to the end of each period."""

    def hazards(self, histories: Histories) -> Floats:
        """Return the probability of an order in each period, given none in those before, shape (R, K)."""
        features = churn_features(histories, self.bg_nbd, horizon_days=self.ends[-1])
        begin = _hazards_of(self.bg_nbd, histories, self.ends)
        columns = [
            self.committee.probabilities(_with_period(features, period), begin[:, period])
            for period in range(len(self.ends))
        ]
        return np.stack(columns, axis=1)

    def survival(self, histories: Histories) -> Floats:
        """Return the probability of no order by the end of each period, shape (R, K)."""
        return np.asarray(np.cumprod(1.0 - self.hazards(histories), axis=1), dtype=np.float64)

    def probabilities(self, histories: Histories) -> Floats:
        """Return the probability of no order in any period, shape (R,)."""
        return self.survival(histories)[:, -1]


def fit_survival(
    rows: LabelledRows, *, until: float, config: ChurnConfig, seed: int, ends: tuple[int, ...] | None = None
) -> ChurnSurvival:
    """Fit on what was known at ``until``, the newest ``level_days`` of which set the level.

    Args:
        rows: customers at as-of dates; orders at ``until`` or later are not read.
        until: the moment of fitting, in days since 1970 UTC; ``level_days`` before it lies an as-of date,
            or the newest before that day is taken.
        config: settings.
        seed: seed of the trees.
        ends: days to the end of each period, rising; the settings' equal periods where none are given.

    Raises:
        ValueError: too little is known at ``until``.
    """
    ends = ends or tuple(config.period_days * (period + 1) for period in range(config.periods))
    dates = rows.as_of[rows.as_of <= until - config.level_days]
    if len(dates) == 0:
        raise ValueError(f"no as-of date lies {config.level_days} days before the moment of fitting")
    start = float(dates.max())
    newest = rows.take(rows.as_of == start)
    earlier = _grow(rows, ends, until=start, config=config, seed=seed)
    forecasts = log_odds(earlier.hazards(newest.histories))
    at_risk, ordered = _at_risk(newest, until, ends)
    level = fit_level(forecasts[at_risk], ordered[at_risk])
    final = _grow(rows, ends, until=until, config=config, seed=seed)
    scaling = final.committee.scaling
    moved = LogitScaling(slope=scaling.slope, intercept=scaling.intercept + level)
    return replace(final, committee=replace(final.committee, scaling=moved))


def _grow(rows: LabelledRows, ends: tuple[int, ...], *, until: float, config: ChurnConfig, seed: int) -> ChurnSurvival:
    closed_rows = rows.take(rows.as_of + ends[0] <= until)
    if len(closed_rows) == 0:
        raise ValueError("no period after an as-of date is over by the moment of fitting")
    model = bg_nbd_known_at(rows, until)
    features = churn_features(closed_rows.histories, model, horizon_days=ends[-1])
    begin = _hazards_of(model, closed_rows.histories, ends)
    at_risk, ordered = _at_risk(closed_rows, until, ends)
    row, period = np.nonzero(at_risk)
    committee = fit_committee(
        np.column_stack([features[row], period]),
        ordered[row, period],
        config=config.trees,
        seed=seed,
        groups=closed_rows.histories.customers[row],
        offsets=begin[row, period],
    )
    return ChurnSurvival(bg_nbd=model, committee=committee, ends=ends)


def _at_risk(rows: LabelledRows, until: float, ends: tuple[int, ...]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return, shape (R, K), which periods are over with no order before them, and in which one came."""
    begins, waits = np.array([0, *ends[:-1]]), rows.outcomes.days_to_next[:, None]
    over = rows.as_of[:, None] + np.array(ends) <= until
    return (waits >= begins) & over, waits < np.array(ends)


def _hazards_of(model: BetaGeometric, histories: Histories, ends: tuple[int, ...]) -> Floats:
    """Return the log odds of BG/NBD's hazards, shape (R, K)."""
    customers = RecencyFrequency.of(histories)
    waits = [np.ones(len(histories)), *(model.no_order(customers, days=end) for end in ends)]
    survival = np.stack(waits, axis=1)
    return log_odds(1.0 - survival[:, 1:] / np.maximum(survival[:, :-1], 1e-12))


def _with_period(features_RF: Floats, period: int) -> Floats:
    return np.column_stack([features_RF, np.full(len(features_RF), float(period))])
