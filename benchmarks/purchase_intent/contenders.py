"""Who contends on visits of an event log: glances, boosted trees, networks over events in order, and their mean."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from benchmarks.purchase_intent.event_log import Bools, Floats, Ints
from benchmarks.purchase_intent.sequence import EventRows, SequenceConfig, fit_sequence
from benchmarks.purchase_intent.signals import COUNTS, EVENT, EVERYTHING, SESSION, SHOPPER, columns
from models.evaluation.calibration import fit_logit_scaling

TREES: dict[str, tuple[str, ...]] = {
    "lightgbm_counts": COUNTS,
    "lightgbm_session": SESSION,
    "lightgbm_without_past": tuple(name for name in EVERYTHING if not name.startswith("shopper_")),
    "lightgbm": EVERYTHING,
}
"""Signals that each forest reads; the first is a baseline, the third shows what the shopper's past is worth."""
SEQUENCES = {"gru": SequenceConfig(kind="gru"), "transformer": SequenceConfig(kind="transformer")}
MEAN = "mean_of_lightgbm_gru_transformer"
PROPOSABLE = ("lightgbm_session", "lightgbm", "gru", "transformer", MEAN)
"""Among these validation chooses."""
SEQUENCE_SIGNALS = tuple(dict.fromkeys((*EVENT, *SHOPPER)))

TREE_SETTINGS = {
    "objective": "binary",
    "learning_rate": 0.03,
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "lambda_l2": 5.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "num_threads": 2,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
MAX_TREES = 2_000
PATIENCE = 50


@dataclass(frozen=True, kw_only=True)
class Visits:
    """Moments of visits with all that the contenders read; R rows, visit by visit."""

    signals: dict[str, Floats]
    """Each of shape (R,)."""
    types: Ints
    """Kind of each event."""
    outcomes: Bools
    """Whether a purchase follows within the visit."""
    visits: Ints
    """Visit number, rising."""
    shoppers: Ints
    """Shopper number."""

    def __len__(self) -> int:
        return len(self.outcomes)

    def take(self, rows: Bools) -> "Visits":
        """Return the rows where ``rows`` is true."""
        return Visits(
            signals={name: column[rows] for name, column in self.signals.items()},
            types=self.types[rows],
            outcomes=self.outcomes[rows],
            visits=self.visits[rows],
            shoppers=self.shoppers[rows],
        )

    @property
    def weights(self) -> Floats:
        """One over the visit's rows: a figure is that of a random moment of a random visit."""
        return np.asarray(1.0 / np.bincount(self.visits)[self.visits], dtype=np.float64)

    @property
    def events(self) -> EventRows:
        """The same rows as the networks read them."""
        return EventRows(
            types=self.types,
            gaps=self.signals["seconds_since_last_event"],
            signals_RF=columns(self.signals, SEQUENCE_SIGNALS),
            sessions=self.visits,
            outcomes=self.outcomes,
        )


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Log odds of every contender with one seed."""

    validation: dict[str, Floats]
    """By models that saw training visits; validation stopped them, and they are chosen by it."""
    test: dict[str, Floats]
    """By models grown anew on training and validation visits, calibrated on later ones."""


def contend(
    train: Visits, validation: Visits, calibration: Visits, test: Visits, *, train_and_validation: Visits, seed: int
) -> Answers:
    """Fit every contender, and answer validation and test."""
    of_validation: dict[str, Floats] = {}
    of_calibration: dict[str, Floats] = {}
    of_test: dict[str, Floats] = {}
    for name, names in TREES.items():
        stopped = _grow(train, names, seed=seed, watched=validation)
        of_validation[name] = _log_odds(stopped, validation, names)
        final = _grow(train_and_validation, names, seed=seed, rounds=stopped.best_iteration)
        of_calibration[name], of_test[name] = (_log_odds(final, rows, names) for rows in (calibration, test))
    for name, config in SEQUENCES.items():
        trained = fit_sequence(train.events, validation.events, config=config, types=2, seed=seed)
        of_validation[name] = trained.log_odds(validation.events)
        again = fit_sequence(
            train_and_validation.events, None, config=config.for_epochs(trained.epochs), types=2, seed=seed
        )
        of_calibration[name], of_test[name] = (again.log_odds(rows.events) for rows in (calibration, test))
    for answers in (of_validation, of_calibration, of_test):
        answers[MEAN] = np.mean([answers[name] for name in ("lightgbm", "gru", "transformer")], axis=0)
    scaled = {
        name: fit_logit_scaling(of_calibration[name], calibration.outcomes, calibration.weights).log_odds(raw)
        for name, raw in of_test.items()
    }
    return Answers(validation=of_validation, test=scaled)


def cart_seen(train: Visits, rows: Visits) -> Floats:
    """Return the training rate of moments with, or without, something put into the cart so far, as log odds."""
    log_odds = np.empty(len(rows))
    for seen in (False, True):
        chosen = (train.signals["carts_so_far"] > 0) == seen
        rate = np.average(train.outcomes[chosen], weights=train.weights[chosen])
        log_odds[(rows.signals["carts_so_far"] > 0) == seen] = np.log(rate / (1.0 - rate))
    return log_odds


def _grow(
    rows: Visits,
    names: tuple[str, ...],
    *,
    seed: int,
    watched: Visits | None = None,
    rounds: int = MAX_TREES,
) -> lgb.Booster:
    learning = lgb.Dataset(columns(rows.signals, names), rows.outcomes, weight=_mean_one(rows.weights))
    settings = TREE_SETTINGS | {"seed": seed}
    if watched is None:
        return lgb.train(settings, learning, num_boost_round=rounds)
    judging = lgb.Dataset(
        columns(watched.signals, names), watched.outcomes, weight=_mean_one(watched.weights), reference=learning
    )
    stop = lgb.early_stopping(PATIENCE, verbose=False)
    return lgb.train(settings, learning, num_boost_round=rounds, valid_sets=[judging], callbacks=[stop])


def _log_odds(booster: lgb.Booster, rows: Visits, names: tuple[str, ...]) -> Floats:
    raw = booster.predict(columns(rows.signals, names), raw_score=True, num_iteration=booster.best_iteration or None)
    return np.asarray(raw, dtype=np.float64)


def _mean_one(weights: Floats) -> Floats:
    scaled: Floats = weights / weights.mean()
    return scaled
