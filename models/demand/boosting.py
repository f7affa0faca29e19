"""One boosted model for all items and all periods ahead: what level and season miss, as a factor on both.

LightGBM starts from the logarithm of level times season and learns the rest by a Poisson loss, so that an item about
which the trees know nothing keeps level and season. A forecast of each period ahead is made at once, not step by step.

Sources: G. Ke et al., "LightGBM" (2017); S. Makridakis et al., "M5 accuracy competition" (2022), whose best were
such models.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from models.demand.features import TINY, Origin, origin_of
from models.demand.hierarchy import Hierarchy
from models.demand.panel import Floats, Panel

if TYPE_CHECKING:
    import lightgbm

MAX_ORIGINS: Final = 24
MAX_ROWS: Final = 150_000
"""Rows that are learnt from; where there are more, a sample."""
MIN_ROWS: Final = 2_000
TREES: Final = 100
PARAMETERS: Final = {
    "objective": "poisson",
    "learning_rate": 0.08,
    "num_leaves": 31,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "verbosity": -1,
    "deterministic": True,
    "force_col_wise": True,
    "max_bin": 63,
}


@dataclass(frozen=True, kw_only=True)
class Boosting:
    """A fitted model."""

    booster: "lightgbm.Booster"

    def forecast(self, origin: Origin, horizon: int) -> Floats:
        """Return the expected sales of every item in each period ahead, shape (N, H)."""
        base = origin.base(horizon)
        items, ahead = np.indices(base.shape).reshape(2, -1)
        raw = self.booster.predict(origin.rows(items, ahead), raw_score=True)
        return np.asarray(base * np.exp(np.asarray(raw)).reshape(base.shape))


def fit_boosting(panel: Panel, hierarchy: Hierarchy, *, horizon: int, seed: int, threads: int) -> Boosting | None:
    """Fit on origins whose horizon ends within the panel; None where these have too few rows."""
    import lightgbm

    origins = training_origins(panel, horizon)
    rng = np.random.default_rng(seed)
    items = len(panel.item_ids)
    share = min(MAX_ROWS / max(len(origins) * items * horizon, 1), 1.0)
    features, targets, starts, weights = [], [], [], []
    fano_N = _variance_to_mean(panel)
    for end in origins:
        origin = origin_of(panel.until(end), hierarchy, horizon)
        base = origin.base(horizon)
        # An item that sold nothing so far has no level for the trees to correct.
        usable = np.flatnonzero(((panel.begins < end) & (origin.levels_N > TINY))[:, None] & (base > TINY / 10))
        chosen = usable[rng.random(len(usable)) < share]
        rows, ahead = np.divmod(chosen, horizon)
        features.append(origin.rows(rows, ahead))
        targets.append(panel.units[:, end : end + horizon][rows, ahead])
        starts.append(np.log(base[rows, ahead]))
        weights.append(1.0 / fano_N[rows])
    if sum(map(len, targets)) < MIN_ROWS:
        return None
    data = lightgbm.Dataset(
        np.concatenate(features),
        label=np.concatenate(targets),
        init_score=np.concatenate(starts),
        weight=np.concatenate(weights),
    )
    parameters = {**PARAMETERS, "seed": seed, "num_threads": threads}
    return Boosting(booster=lightgbm.train(parameters, data, num_boost_round=TREES))


def training_origins(panel: Panel, horizon: int) -> list[int]:
    """Return the ends of the histories that are learnt from, newest first; each leaves a whole horizon after it."""
    step = {"day": 6, "week": 1, "month": 1}[panel.period]
    first = max(panel.periods // 4, 2 if panel.season > 7 else 2 * panel.season)
    return list(range(panel.periods - horizon, first - 1, -step))[:MAX_ORIGINS]


def _variance_to_mean(panel: Panel) -> Floats:
    on_sale = np.arange(panel.periods) >= panel.begins[:, None]
    count = np.maximum(on_sale.sum(axis=1), 1)
    mean = panel.units.sum(axis=1) / count
    variance = np.where(on_sale, (panel.units - mean[:, None]) ** 2, 0.0).sum(axis=1) / count
    return np.asarray(np.maximum(variance / np.maximum(mean, TINY), 1.0), dtype=np.float64)
