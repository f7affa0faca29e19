"""Trials whose effects are planted."""

import numpy as np

from models.uplift.trial import Floats, Trial


def planted_trial(rows: int, *, seed: int = 0, effects: bool = True) -> tuple[Trial, Floats]:
    """Return a trial of two arms and a control, and the effect of each arm on each shopper, shape (rows, 3).

    The first arm works for those whose first feature is above 0 and harms the others; the second does the opposite.
    """
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, 4))
    kind = np.sign(features[:, 0])
    effect_RK = np.stack([np.zeros(rows), 0.25 * kind, -0.15 * kind], axis=1) * effects
    arm = rng.integers(0, 3, rows)
    chance = 0.4 + 0.1 * np.tanh(features[:, 1]) + effect_RK[np.arange(rows), arm]
    trial = Trial(
        features_RF=features,
        arm_R=arm.astype(np.intp),
        outcome_R=(rng.random(rows) < chance).astype(np.float64),
        chance_RK=np.full((rows, 3), 1 / 3),
    )
    return trial, effect_RK
