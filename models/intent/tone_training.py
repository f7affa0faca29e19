"""Learn tone from star ratings, and say how well: split by shopper, three stars left out.

Shapes: R reviews, W buckets of words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from models.evaluation.bootstrap import Estimate, bootstrap_clusters
from models.evaluation.calibration import fit_logit_scaling, sigmoid
from models.evaluation.probability import RankedScores, calibration_error, equal_mass_bins
from models.intent.tone import BUCKETS, ToneModel, bucket, term_weights, terms, word_list_share
from models.text.normalise import normalise, skeleton

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PENALTIES: Final = (10.0, 100.0)
"""Inverse strengths of the L2 penalty; the shoppers of the training side choose."""
FOLDS: Final = 5
INNER_FOLDS: Final = 3
MAX_REVIEWS: Final = 4_000
"""Reviews that are learnt from, the latest: more of them cost minutes and change little."""
MIN_REVIEWS: Final = 30
"""Reviews of each kind, of which nothing can be learnt and judged with fewer."""


@dataclass(frozen=True, kw_only=True)
class Reviews:
    """Reviews with a clear verdict, each text once."""

    texts: list[str]
    praises: Bools
    """Four or five stars, against one or two."""
    shoppers: NDArray[np.intp]

    @classmethod
    def of(cls, texts: Sequence[str | None], stars: Sequence[float | None], shoppers: Sequence[Any]) -> "Reviews":
        """Leave out three stars, empty texts and repetitions of a text."""
        distinct: dict[str, tuple[str, bool, Any]] = {}
        for text, star, shopper in zip(texts, stars, shoppers, strict=True):
            clean = normalise(text or "")
            if clean and star is not None and 1 <= star <= 5 and round(star) != 3:
                distinct.setdefault(skeleton(clean), (clean, star > 3, shopper))
        names = {shopper: number for number, shopper in enumerate(dict.fromkeys(row[2] for row in distinct.values()))}
        return cls(
            texts=[row[0] for row in distinct.values()],
            praises=np.array([row[1] for row in distinct.values()], dtype=np.bool_),
            shoppers=np.array([names[row[2]] for row in distinct.values()], dtype=np.intp),
        )

    def __len__(self) -> int:
        return len(self.texts)

    def only(self, rows: NDArray[np.intp]) -> "Reviews":
        """Return some of the reviews."""
        return Reviews(
            texts=[self.texts[row] for row in rows], praises=self.praises[rows], shoppers=self.shoppers[rows]
        )

    @property
    def too_few(self) -> str | None:
        """Why nothing can be learnt, or None."""
        good, bad = int(self.praises.sum()), int((~self.praises).sum())
        people = min(len(np.unique(self.shoppers[side])) for side in (self.praises, ~self.praises)) if len(self) else 0
        if min(good, bad) < MIN_REVIEWS or people < FOLDS:
            return (
                f"{good} praising and {bad} complaining reviews; {MIN_REVIEWS} of each, by {FOLDS} shoppers, are needed"
            )
        return None


def fit_tone(reviews: Reviews, *, seed: int) -> ToneModel:
    """Return a model of these reviews; penalty and calibration come from folds of shoppers.

    Raises:
        ValueError: too few reviews of a kind.
    """
    if reviews.too_few:
        raise ValueError(reviews.too_few)
    features, truth = _features(reviews.texts), reviews.praises
    folds = list(
        StratifiedGroupKFold(INNER_FOLDS, shuffle=True, random_state=seed).split(truth, truth, groups=reviews.shoppers)
    )
    raw = {penalty: _held_out(features, truth, folds, penalty) for penalty in PENALTIES}
    scaled = {penalty: fit_logit_scaling(values, truth, np.ones(len(truth))) for penalty, values in raw.items()}
    best = min(PENALTIES, key=lambda penalty: _log_loss(scaled[penalty].log_odds(raw[penalty]), truth))
    line, scaling = _fit(features, truth, best), scaled[best]
    weights = line.coef_[0] * scaling.slope
    return ToneModel(
        weights_W=weights[:BUCKETS].astype(np.float32),
        word_list_weight=float(weights[BUCKETS]),
        intercept=float(line.intercept_[0]) * scaling.slope + scaling.intercept,
        # The line was fitted on balanced kinds, so 0 is where its words say nothing either way.
        usual=scaling.intercept,
        rate=float(truth.mean()),
    )


def cross_validated(reviews: Reviews, *, seed: int) -> Floats:
    """Return each review's calibrated log odds by a model that saw nothing of its shopper, shape (R,)."""
    log_odds = np.empty(len(reviews))
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for inside, outside in splitter.split(reviews.praises, reviews.praises, groups=reviews.shoppers):
        model = fit_tone(reviews.only(inside), seed=seed)
        log_odds[outside] = [model.log_odds(reviews.texts[row]) for row in outside]
    return log_odds


def figures(
    reviews: Reviews, tones: Sequence[Floats], baselines: Mapping[str, Floats], *, seed: int, resamples: int
) -> dict[str, Estimate]:
    """Return ROC AUC of tone and of each baseline, tone's calibration and gains, with intervals over shoppers.

    Args:
        reviews: that the scores are of.
        tones: log odds of :func:`cross_validated`, shape (R,) per seed of the folds; figures are means over these.
        baselines: scores by name, shape (R,) each.
        seed: of the resamples.
        resamples: how many.
    """
    ranked = [RankedScores.of(reviews.praises, log_odds) for log_odds in tones]
    others = {name: RankedScores.of(reviews.praises, scores) for name, scores in baselines.items()}
    forecasts = [sigmoid(log_odds) for log_odds in tones]
    bins = [equal_mass_bins(probabilities) for probabilities in forecasts]

    def all_of(weights: Floats) -> dict[str, float]:
        tone = float(np.mean([order.areas(weights).roc_auc for order in ranked]))
        areas = {name: order.areas(weights).roc_auc for name, order in others.items()}
        errors = [
            calibration_error(reviews.praises, probabilities, weights, bin_of_row=bin_of_row)
            for probabilities, bin_of_row in zip(forecasts, bins, strict=True)
        ]
        return (
            {"tone roc_auc": tone, "tone ece": float(np.mean(errors))}
            | {f"{name} roc_auc": area for name, area in areas.items()}
            | {f"gain over {name}": tone - area for name, area in areas.items()}
        )

    return bootstrap_clusters(
        all_of, weights=np.ones(len(reviews)), clusters=reviews.shoppers, seed=seed, resamples=resamples
    )


def train_tone(reviews: pa.Table, *, seed: int, resamples: int) -> tuple[ToneModel | None, dict[str, Any]]:
    """Return a model of a shop's reviews where it beats the word list beyond chance, and the evidence.

    Args:
        reviews: columns ``text``, ``value`` (stars) and ``user_id``, oldest first.
        seed: of the folds and resamples.
        resamples: behind each interval.
    """
    latest = reviews.slice(max(reviews.num_rows - MAX_REVIEWS, 0))
    rated = Reviews.of(*(latest.column(name).to_pylist() for name in ("text", "value", "user_id")))
    evidence: dict[str, Any] = {"reviews": len(rated), "shipped": False}
    few = rated.only(_training_rows(rated, seed)).too_few if len(rated) else "no rated review has a text"
    if few:
        return None, evidence | {"reason": few}
    word_list = np.array([word_list_share(text) for text in rated.texts])
    held_out = cross_validated(rated, seed=seed)
    estimates = figures(rated, [held_out], {"word_list": word_list}, seed=seed, resamples=resamples)
    evidence |= {name: [estimate.value, estimate.low, estimate.high] for name, estimate in estimates.items()}
    if estimates["gain over word_list"].low <= 0:
        return None, evidence | {"reason": "it is not ahead of the word list beyond chance"}
    return fit_tone(rated, seed=seed), evidence | {"shipped": True}


def _training_rows(reviews: Reviews, seed: int) -> NDArray[np.intp]:
    """Return the smallest training side that :func:`cross_validated` will meet."""
    if reviews.too_few:
        return np.arange(len(reviews))
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    sides = [inside for inside, _ in splitter.split(reviews.praises, reviews.praises, groups=reviews.shoppers)]
    return min(sides, key=lambda side: min(reviews.praises[side].sum(), (~reviews.praises[side]).sum()))


def _features(texts: Sequence[str]) -> Any:
    """Return the terms of every text and, last, what the word list says, shape (R, W + 1)."""
    rows, columns, values = [], [], []
    for row, text in enumerate(texts):
        for term, weight in term_weights(terms(text)).items():
            rows.append(row)
            columns.append(bucket(term))
            values.append(weight)
        rows.append(row)
        columns.append(BUCKETS)
        values.append(word_list_share(text))
    # liblinear takes 32-bit indices only.
    places = (np.array(rows, dtype=np.int32), np.array(columns, dtype=np.int32))
    return sparse.csr_matrix((values, places), shape=(len(texts), BUCKETS + 1))


def _fit(features: Any, truth: Bools, penalty: float) -> LogisticRegression:
    # Balanced: of 5,000 real reviews 179 complain, and unweighted they would hardly be learnt.
    return LogisticRegression(C=penalty, class_weight="balanced", solver="liblinear").fit(features, truth)


def _held_out(features: Any, truth: Bools, folds: Sequence[tuple[Any, Any]], penalty: float) -> Floats:
    raw = np.empty(len(truth))
    for inside, outside in folds:
        raw[outside] = _fit(features[inside], truth[inside], penalty).decision_function(features[outside])
    return raw


def _log_loss(log_odds: Floats, truth: Bools) -> float:
    return float(np.mean(np.logaddexp(0.0, log_odds) - truth * log_odds))
