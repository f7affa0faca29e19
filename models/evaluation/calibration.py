"""Log odds and probabilities, and their calibration on a later fold: a slope and an intercept on the log odds.

Chosen over isotonic regression for two reasons. It keeps the order of all scores (isotonic steps tie scores, which
costs PR AUC) and needs tens of positives instead of about a thousand; and contributions that sum to the raw log odds
still sum to the calibrated log odds after scaling, so that reasons stay exact.

Sources: J. Platt (1999); A. Niculescu-Mizil, R. Caruana, "Predicting good probabilities with supervised learning"
(2005).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MIN_SLOPE = 0.05
"""The slope never falls below this: a calibration fold may flatten the order of scores, but not turn it round."""


@dataclass(frozen=True, kw_only=True)
class LogitScaling:
    """``log odds = intercept + slope * raw log odds``; slope 1 and intercept 0 change nothing."""

    slope: float
    intercept: float

    def log_odds(self, raw: Floats) -> Floats:
        """Return calibrated log odds of shape ``(rows,)``."""
        return self.intercept + self.slope * raw

    def probabilities(self, raw: Floats) -> Floats:
        """Return calibrated probabilities of shape ``(rows,)``."""
        return sigmoid(self.log_odds(raw))


def sigmoid(log_odds: Floats) -> Floats:
    """Return ``1 / (1 + exp(-log_odds))`` without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * log_odds))


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return probabilities over the last axis."""
    shifted: NDArray[np.float64] = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = shifted / shifted.sum(axis=-1, keepdims=True)
    return probabilities


def fit_logit_scaling(raw: Floats, outcomes: NDArray[np.bool_], weights: Floats) -> LogitScaling:
    """Return the scaling of least weighted log loss, by Newton's method, with a prior that is worth one case.

    Args:
        raw: log odds of the model, shape ``(rows,)``.
        outcomes: what happened.
        weights: weight of each row; they sum to the number of independent cases (sessions).

    Raises:
        ValueError: there are no rows, or all outcomes are the same.
    """
    if len(raw) == 0 or outcomes.all() or not outcomes.any():
        raise ValueError("calibration needs both outcomes")
    design = np.stack([raw, np.ones_like(raw)], axis=1)
    start = parameters = np.array([1.0, 0.0])

    def loss(at: Floats) -> float:
        log_odds = design @ at
        # The prior (variance 1 around "change nothing") keeps the slope finite where a fold is separable.
        return float(weights @ (np.logaddexp(0.0, log_odds) - outcomes * log_odds) + ((at - start) ** 2).sum() / 2)

    for _ in range(100):
        forecast = sigmoid(design @ parameters)
        gradient = design.T @ (weights * (forecast - outcomes)) + (parameters - start)
        hessian = (design.T * (weights * forecast * (1 - forecast))) @ design + np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        # The loss is convex, but a whole Newton step overshoots where forecasts are saturated: halve it until it helps.
        while loss(parameters - step) > loss(parameters) and np.abs(step).max() > 1e-9:
            step = step / 2
        if np.abs(step).max() <= 1e-9:
            break
        parameters = parameters - step
    slope, intercept = float(parameters[0]), float(parameters[1])
    return LogitScaling(slope=max(slope, MIN_SLOPE), intercept=intercept)


def fit_level(log_odds: Floats, outcomes: NDArray[np.bool_]) -> float:
    """Return what to add to all log odds so that the mean probability is the rate of the outcome.

    For a model whose order and spread were fitted on many rows, and whose level moves with the season: the newest
    closed days have too few outcomes to fit both, and enough for one number.

    Raises:
        ValueError: there are no rows, or all outcomes are the same.
    """
    if len(log_odds) == 0 or outcomes.all() or not outcomes.any():
        raise ValueError("calibration needs both outcomes")
    level = 0.0
    for _ in range(100):
        forecast = sigmoid(log_odds + level)
        step = float((outcomes - forecast).sum() / max((forecast * (1 - forecast)).sum(), 1e-12))
        level += min(max(step, -2.0), 2.0)  # a whole Newton step overshoots where forecasts are saturated
        if abs(step) <= 1e-9:
            break
    return level
