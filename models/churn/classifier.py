"""Trees that correct BG/NBD: will this customer order within the horizon?

The log odds of BG/NBD are where the trees begin. It knows how waiting and age go together in a shop whose customers
pile up, which trees of the first months cannot extrapolate; the trees add what it does not read.

Shapes: R rows, F features.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.churn.bg_nbd import BetaGeometric, RecencyFrequency, fit_bg_nbd
from models.churn.config import ChurnConfig
from models.churn.features import churn_features
from models.churn.histories import Histories, LabelledRows
from models.evaluation.calibration import LogitScaling, fit_level
from models.tabular.committee import Committee, fit_committee

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ChurnClassifier:
    """A fitted BG/NBD and the trees on top."""

    bg_nbd: BetaGeometric
    committee: Committee
    horizon_days: float

    def probabilities(self, histories: Histories) -> Floats:
        """Return the calibrated probability of no order within the horizon, shape (R,)."""
        return self.committee.probabilities(self.features(histories), self.offsets(histories))

    def features(self, histories: Histories) -> Floats:
        """Return what the trees read, shape (R, F)."""
        return churn_features(histories, self.bg_nbd, horizon_days=self.horizon_days)

    def offsets(self, histories: Histories) -> Floats:
        """Return where the trees begin: the log odds of BG/NBD, shape (R,)."""
        return log_odds(self.bg_nbd.no_order(RecencyFrequency.of(histories), days=self.horizon_days))


def fit_classifier(
    rows: LabelledRows, *, until: float, config: ChurnConfig, seed: int, labels: NDArray[np.bool_] | None = None
) -> ChurnClassifier:
    """Fit on what was known at ``until``: the level is set at the last as-of date whose horizon is over by then.

    The model that the level is measured on saw nothing of that date or later; the one returned is grown again with
    all that is known, and keeps the level.

    Args:
        rows: customers at as-of dates; labels of horizons that end after ``until`` are not read.
        until: the moment of fitting, in days since 1970 UTC.
        config: settings.
        seed: seed of the trees.
        labels: labels to use instead of the true ones: for the shuffled-label sentinel.

    Raises:
        ValueError: too little is known at ``until``.
    """
    truth = rows.outcomes.churned if labels is None else labels
    closed = rows.as_of + config.horizon_days <= until
    if not closed.any():
        raise ValueError("no as-of date has a horizon that is over by the moment of fitting")
    newest = rows.as_of[closed].max()
    earlier = grow(rows, truth, until=float(newest), config=config, seed=seed)
    judged = rows.as_of == newest
    histories = rows.take(judged).histories
    raw = earlier.committee.scaling.log_odds(
        earlier.committee.raw_log_odds(earlier.features(histories), earlier.offsets(histories))
    )
    level = fit_level(raw, truth[judged])
    final = grow(rows, truth, until=until, config=config, seed=seed)
    scaling = final.committee.scaling
    moved = LogitScaling(slope=scaling.slope, intercept=scaling.intercept + level)
    return replace(final, committee=replace(final.committee, scaling=moved))


def log_odds(probabilities: Floats) -> Floats:
    """Return log odds; probabilities are held off 0 and 1 by 1e-6."""
    clipped = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))


def bg_nbd_known_at(rows: LabelledRows, until: float) -> BetaGeometric:
    """Fit BG/NBD to the newest histories of an as-of date up to ``until``."""
    dates = rows.as_of[rows.as_of <= until]
    return fit_bg_nbd(RecencyFrequency.of(rows.take(rows.as_of == dates.max()).histories))


def grow(
    rows: LabelledRows, labels: NDArray[np.bool_], *, until: float, config: ChurnConfig, seed: int
) -> ChurnClassifier:
    """Grow on what was known at ``until``; the level is that of all as-of dates together.

    Raises:
        ValueError: no as-of date has a horizon that is over by then.
    """
    closed = rows.as_of + config.horizon_days <= until
    if not closed.any():
        raise ValueError("no as-of date has a horizon that is over by the moment of fitting")
    model = bg_nbd_known_at(rows, until)
    histories = rows.take(closed).histories
    offsets = log_odds(model.no_order(RecencyFrequency.of(histories), days=config.horizon_days))
    committee = fit_committee(
        churn_features(histories, model, horizon_days=config.horizon_days),
        labels[closed],
        config=config.trees,
        seed=seed,
        groups=histories.customers,
        offsets=offsets,
    )
    return ChurnClassifier(bg_nbd=model, committee=committee, horizon_days=config.horizon_days)
