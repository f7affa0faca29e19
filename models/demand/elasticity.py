"""How much demand answers a price: own and cross elasticity of each item, and whether to trust them.

Double machine learning with cross-fitting: trees predict sales and price from season, promotion and the shelf,
fitted on other weeks than they predict; what is left of the price then explains what is left of sales, by a Poisson
regression
for each item, so that weeks without a sale count. Items are drawn to their common mean as far as each is unsure
(empirical Bayes). A week in which the item was sold out is left out: its sales are not its demand.

Sources: V. Chernozhukov et al., "Double/debiased machine learning for treatment and structural parameters" (2018);
J. M. C. Santos Silva, S. Tenreyro, "The log of gravity" (2006), for the Poisson regression;
R. DerSimonian, N. Laird, "Meta-analysis in clinical trials" (1986), for the spread between items.

Shapes: R rows (a series in a period), S series (an item, or an item in a store), I items.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.demand.panel import Floats, Numbers
from shopsight.errors import ShopsightError

FOLDS: Final = 5
BLOCK: Final = 4
"""Periods of a block; every fifth block is predicted by trees that were fitted on the others."""
HARMONICS: Final = 2
MIN_PERIODS: Final = 20
"""Periods with a price below which an item is not estimated."""
MIN_SALES: Final = 12
"""Periods with sales below which an elasticity is not to be trusted."""
MIN_PRICE_SPREAD: Final = 0.02
"""Standard deviation of what is left of the logarithm of the price, below which it never moved by itself."""
MAX_WITH_RIVALS: Final = 0.95
"""Correlation with the rivals' prices above which what is the item's own and what is theirs cannot be told apart."""
MAX_SPREAD: Final = 0.2
"""Standard error above which an elasticity is not to be trusted: the mean error of one that is stays near .15."""
COLUMNS: Final = ("level", "own", "cross")
"""What an item's answer is a sum of."""
RIDGE: Final = 1e-3
TREES: Final = 150
PARAMETERS: Final[dict[str, Any]] = {
    "learning_rate": 0.08,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "lambda_l2": 5.0,
    "verbosity": -1,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
}


@dataclass(frozen=True, kw_only=True)
class Elasticities:
    """What a price does to each item, in the order of ``item_ids``."""

    item_ids: NDArray[np.str_]
    """Shape (I,)."""
    own: Floats
    """Percent that sales change by when the price rises by one percent; ``nan`` where it cannot be estimated."""
    low: Floats
    """Lower end of the 95% interval."""
    high: Floats
    cross: Floats
    """The same, when the mean price of the rivals of its category rises; ``nan`` where it has none."""
    distrust: NDArray[np.str_]
    """Why an elasticity is not to be trusted; '' where it is."""
    model: "DemandModel"
    """What predicts sales at a price."""


@dataclass(frozen=True, kw_only=True)
class DemandModel:
    """Sales without the price, the price that was to be expected, and each item's answer to the rest."""

    sales: Any
    price: Any
    rival: Any
    series: pd.DataFrame
    """By series: mean of sales, of the logarithms of its price and of its rivals'."""
    answers: pd.DataFrame
    """By item: what multiplies each of :data:`COLUMNS`, and its mean log sales beside the log of their mean."""
    shelves: pd.Index
    """The shelves that were learnt from, as the trees number them."""

    def predict(self, rows: pd.DataFrame) -> Floats:
        """Return the expected units of rows of :func:`prepared`, shape (R,); ``nan`` of a new series."""
        log_base, own, rival = _residuals(vars(self), rows)
        answers = self.answers.reindex(rows["item_id"].to_numpy())
        steps = (_design(own, rival) * answers[list(COLUMNS)].to_numpy()).sum(axis=1)
        return np.asarray(np.exp(log_base + steps), dtype=np.float64)

    def predict_log(self, rows: pd.DataFrame) -> Floats:
        """Return the expected logarithm of units where something is sold: below that of the expected units."""
        bias = self.answers["log_bias"].reindex(rows["item_id"].to_numpy()).to_numpy()
        return np.asarray(np.log(self.predict(rows)) + bias, dtype=np.float64)


def prepared(rows: pd.DataFrame) -> pd.DataFrame:
    """Return ``series, item_id, date, units, log_price, log_rival, promotion`` of rows that have a price.

    Args:
        rows: ``item_id, date, units, price`` and, where they are there, ``store, promotion, category, sold_out``; a
        row per item,
            store and period.

    Raises:
        ShopsightError: no row has a price.
    """
    table = rows[(rows["price"] > 0) & rows["units"].notna()].copy()
    if "sold_out" in table:
        table = table[~table["sold_out"].fillna(False).astype(bool)]
    if table.empty:
        raise ShopsightError("no row has a price", why="an elasticity needs prices", fix="give a column price")
    store = table["store"].astype(str) if "store" in table else pd.Series("", index=table.index)
    category = table["category"].astype(str) if "category" in table else pd.Series("", index=table.index)
    # What shares a season: a shelf, or in a shop of one shelf the item itself.
    table["shelf"] = category if category.nunique() > 1 else table["item_id"].astype(str)
    table["series"] = table["item_id"].astype(str) + "|" + store
    table["log_price"] = np.log(table["price"])
    table["promotion"] = table["promotion"].fillna(0.0).astype(float) if "promotion" in table else 0.0
    # The rivals' prices beside their own usual ones: which of them has a row must not move the mean.
    table["price_move"] = table["log_price"] - table.groupby("series")["log_price"].transform("mean")
    usual = table["price_move"]
    shelf = usual.groupby([category, store, table["date"]])
    rivals = shelf.transform("size") - 1
    table["log_rival"] = ((shelf.transform("sum") - usual) / rivals.where(rivals > 0)).astype(float)
    columns = [
        "series",
        "item_id",
        "date",
        "units",
        "price",
        "log_price",
        "log_rival",
        "price_move",
        "promotion",
        "shelf",
    ]
    return table[columns].sort_values(["series", "date"]).reset_index(drop=True)


def elasticities(table: pd.DataFrame, *, seed: int) -> Elasticities:
    """Estimate every item's elasticity from the rows of :func:`prepared`.

    Raises:
        ShopsightError: the rows are of too few periods to be cut into blocks.
    """
    dates = np.unique(table["date"].to_numpy())
    if len(dates) < MIN_PERIODS:
        raise ShopsightError(
            f"{len(dates)} periods are too few for an elasticity",
            why=f"{MIN_PERIODS} are needed to tell a price from a season",
            fix="give a longer history",
        )
    block_R = np.searchsorted(dates, table["date"].to_numpy()) // BLOCK % FOLDS
    log_base, own, rival = (np.full(len(table), np.nan) for _ in range(3))
    for block in range(FOLDS):
        there = block_R == block
        fitted = _fit_trees(table[~there], seed)
        log_base[there], own[there], rival[there] = _residuals(fitted, table[there])
    item_ids, item_R = np.unique(table["item_id"].to_numpy(dtype=str), return_inverse=True)
    fits = [_answer(table, np.flatnonzero(item_R == item), log_base, own, rival) for item in range(len(item_ids))]
    coefficients, error, distrust = map(np.array, zip(*fits, strict=True))
    cross = coefficients[:, COLUMNS.index("cross")]
    mean, spread = shrunken(coefficients[:, COLUMNS.index("own")], error)
    distrust = np.where((distrust == "") & (spread > MAX_SPREAD), "the interval is wide", distrust)
    distrust = np.where((distrust == "") & (mean + 1.96 * spread >= 0), "it may be 0 or above", distrust)
    answers = pd.DataFrame(np.nan_to_num(coefficients), index=item_ids, columns=list(COLUMNS))
    answers["own"], answers["log_bias"] = np.nan_to_num(mean), 0.0
    model = DemandModel(**_fit_trees(table, seed), answers=answers)
    sold = table[table["units"] > 0]
    off = pd.Series(np.log(sold["units"].to_numpy()) - np.log(model.predict(sold)))
    answers["log_bias"] = off.groupby(sold["item_id"].to_numpy()).mean().reindex(item_ids).fillna(0.0)
    return Elasticities(
        item_ids=item_ids,
        own=mean,
        low=mean - 1.96 * spread,
        high=mean + 1.96 * spread,
        cross=cross,
        distrust=distrust,
        model=model,
    )


def shrunken(estimate_I: Floats, error_I: Floats) -> tuple[Floats, Floats]:
    """Return means and standard errors drawn to the common mean, as far as each is unsure; ``nan`` stays so."""
    there = np.isfinite(estimate_I) & np.isfinite(error_I)
    if there.sum() < 3:
        return estimate_I, error_I
    estimate, variance = estimate_I[there], error_I[there] ** 2
    weight = 1.0 / variance
    centre = float(np.average(estimate, weights=weight))
    excess = float((weight * (estimate - centre) ** 2).sum()) - (there.sum() - 1)
    between = max(excess / max(float(weight.sum() - (weight**2).sum() / weight.sum()), 1e-12), 1e-4)
    weight = 1.0 / (variance + between)
    centre = float(np.average(estimate, weights=weight))
    mean_I, spread_I = estimate_I.copy(), error_I.copy()
    mean_I[there] = (estimate / variance + centre / between) / (1 / variance + 1 / between)
    # How unsure the common mean itself is comes on top.
    common = between**-2 / (1 / variance + 1 / between) ** 2 / weight.sum()
    spread_I[there] = np.sqrt(1.0 / (1 / variance + 1 / between) + common)
    return mean_I, spread_I


def _features(rows: pd.DataFrame, fitted: dict[str, Any]) -> Floats:
    """Return season, promotion and shelf; no trend, which trees cannot carry on."""
    dates = pd.DatetimeIndex(rows["date"])
    share = dates.dayofyear.to_numpy() / 365.25
    waves = [wave(2 * np.pi * order * share) for order in range(1, HARMONICS + 1) for wave in (np.sin, np.cos)]
    shelf = fitted["shelves"].get_indexer(rows["shelf"].to_numpy())
    return np.column_stack([*waves, rows["promotion"].to_numpy(), shelf]).astype(np.float64)


def _fit_trees(table: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Fit what predicts sales, price and the rivals' price, each beside its series' mean."""
    import lightgbm

    series = table.groupby("series").agg(
        units=("units", "mean"), log_price=("log_price", "mean"), log_rival=("log_rival", "mean")
    )
    # A series that sold nothing has no level; a tenth of a unit keeps its logarithm.
    series["units"] = series["units"].clip(lower=0.1 / max(len(table) / len(series), 1.0))
    series["log_rival"] = series["log_rival"].fillna(0.0)
    usual = series.reindex(table["series"].to_numpy())
    fitted: dict[str, Any] = {"series": series, "shelves": pd.Index(np.unique(table["shelf"].to_numpy()))}
    features = _features(table, fitted)
    start = np.log(usual["units"].to_numpy())
    # Large series do not outvote small ones: the deviance of a Poisson grows with the level.
    weight = 1.0 / np.maximum(usual["units"].to_numpy(), 1.0)
    categorical: Any = [features.shape[1] - 1]
    data = lightgbm.Dataset(
        features, label=table["units"].to_numpy(), init_score=start, weight=weight, categorical_feature=categorical
    )
    parameters = {**PARAMETERS, "seed": seed}
    # Weighted by 1 / level, hessians are small, and so is what a leaf needs.
    small = {"objective": "poisson", "min_sum_hessian_in_leaf": 1e-4}
    fitted["sales"] = lightgbm.train({**parameters, **small}, data, num_boost_round=TREES)
    for name in ("price", "rival"):
        label = table[f"log_{name}"].to_numpy() - usual[f"log_{name}"].to_numpy()
        data = lightgbm.Dataset(features, label=np.nan_to_num(label), categorical_feature=categorical)
        fitted[name] = lightgbm.train({**parameters, "objective": "l2"}, data, num_boost_round=TREES)
    return fitted


def _residuals(fitted: dict[str, Any], rows: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    usual = fitted["series"].reindex(rows["series"].to_numpy())
    features = _features(rows, fitted)
    log_base = np.log(usual["units"].to_numpy()) + fitted["sales"].predict(features, raw_score=True)
    own = rows["log_price"].to_numpy() - usual["log_price"].to_numpy() - fitted["price"].predict(features)
    rival = rows["log_rival"].to_numpy() - usual["log_rival"].to_numpy() - fitted["rival"].predict(features)
    return log_base, own, rival


def _answer(
    table: pd.DataFrame, rows: Numbers, log_base: Floats, own: Floats, rival: Floats
) -> tuple[Floats, float, str]:
    """Return what multiplies an item's columns, its elasticity's standard error, and why not to trust it."""
    units = table["units"].to_numpy(dtype=np.float64)[rows]
    usable = np.isfinite(log_base[rows]) & np.isfinite(own[rows])
    rows, units = rows[usable], units[usable]
    dates = table["date"].to_numpy()[rows]
    periods = len(np.unique(dates))
    if periods < MIN_PERIODS or units.sum() == 0:
        return _none(), np.nan, "too few periods with a price"
    # What is left of a price that never moved is what its shelf made the trees expect.
    if min(own[rows].std(), table["price_move"].to_numpy()[rows].std()) < MIN_PRICE_SPREAD:
        return _none(), np.nan, "its price hardly moved"
    with_rivals = bool(np.isfinite(rival[rows]).mean() > 0.5 and np.nanstd(rival[rows]) > MIN_PRICE_SPREAD / 4)
    share = pd.DatetimeIndex(dates).dayofyear.to_numpy() * 2 * np.pi / 365.25
    promotion = table["promotion"].to_numpy()[rows]
    # Trees know the season and promotions of the shelf; these are the item's own beside them.
    beside = [np.sin(share), np.cos(share), *([promotion] if promotion.std() > 0 else [])]
    design = _design(own[rows], rival[rows])[:, : 3 if with_rivals else 2]
    answer, covariance = poisson_regression(np.column_stack([design, *beside]), units, log_base[rows], clusters=dates)
    coefficients = np.array([0.0, answer[1], answer[2] if with_rivals else np.nan])
    # A season that was seen once or twice is a control, and no forecast: the level is that without it.
    steps = design[:, 1:] @ answer[1 : design.shape[1]]
    coefficients[0] = np.log(units.sum() / np.exp(np.clip(log_base[rows] + steps, -30.0, 30.0)).sum())
    few = len(np.unique(dates[units > 0])) < MIN_SALES
    if with_rivals and abs(np.corrcoef(own[rows], np.nan_to_num(rival[rows]))[0, 1]) > MAX_WITH_RIVALS:
        return coefficients, float(np.sqrt(covariance[1, 1])), "its price moves with its rivals' prices"
    return coefficients, float(np.sqrt(covariance[1, 1])), "too few periods with sales" if few else ""


def _none() -> Floats:
    return np.array([0.0, *[np.nan] * (len(COLUMNS) - 1)])


def _design(own: Floats, rival: Floats) -> Floats:
    """Return the :data:`COLUMNS` of each row."""
    return np.column_stack([np.ones(len(own)), own, np.nan_to_num(rival)])


def poisson_regression(
    features: Floats, counts: Floats, offset: Floats, *, clusters: NDArray[Any]
) -> tuple[Floats, Floats]:
    """Return coefficients and their covariance, robust within clusters, of ``counts ~ exp(offset + features @ b)``."""
    width = features.shape[1]
    penalty = RIDGE * np.eye(width)
    answer = np.zeros(width)
    answer[0] = np.log(max(counts.sum(), 0.1) / np.exp(offset).sum())
    for _ in range(50):
        mean = np.exp(np.clip(offset + features @ answer, -30.0, 30.0))
        step = np.linalg.solve(
            features.T @ (mean[:, None] * features) + penalty, features.T @ (counts - mean) - penalty @ answer
        )
        answer = answer + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-8:
            break
    mean = np.exp(np.clip(offset + features @ answer, -30.0, 30.0))
    bread = np.linalg.inv(features.T @ (mean[:, None] * features) + penalty)
    _, place = np.unique(clusters, return_inverse=True)
    scores = np.zeros((place.max() + 1, width))
    np.add.at(scores, place, (counts - mean)[:, None] * features)
    groups = len(scores)
    meat = scores.T @ scores * groups / max(groups - width, 1)
    return answer, bread @ meat @ bread
