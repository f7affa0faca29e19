"""Serving side of purchase intent: loads an artefact folder; needs LightGBM and numpy alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.evaluation.calibration import LogitScaling
from models.purchase_intent.encoding import FeatureEncoder, Row
from models.purchase_intent.reasons import in_words
from models.tabular.errors import BadArtefactError
from shopsight.whole_files import write_json

MODEL_FILE = "model.txt"
CONFIG_FILE = "config.json"


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """How far one feature moved the log odds of a purchase away from the average row."""

    feature: str
    value: float | str | None
    log_odds: float
    words: str
    """The feature and what it does, for people."""


@dataclass(frozen=True, kw_only=True)
class ExplainedProbability:
    """A probability and what made it; ``base_log_odds`` and all contributions add up to its log odds."""

    probability: float
    base_log_odds: float
    contributions: tuple[Contribution, ...]
    """All features, the strongest first."""


class PurchaseIntentModel:
    """Calibrated probability that a session, seen so far, ends in a purchase."""

    def __init__(self, booster: lgb.Booster, encoder: FeatureEncoder, scaling: LogitScaling) -> None:
        self._booster = booster
        self._encoder = encoder
        self._scaling = scaling

    @classmethod
    def load(cls, folder: Path) -> "PurchaseIntentModel":
        """Load what :meth:`save` wrote.

        Raises:
            BadArtefactError: a file is missing, or the trees and the configuration disagree on the features.
        """
        missing = [name for name in (MODEL_FILE, CONFIG_FILE) if not (folder / name).is_file()]
        if missing:
            raise BadArtefactError(
                f"{folder} holds no purchase intent model",
                why=f"{', '.join(missing)} is missing (a run with too few sessions writes an evaluation only)",
                fix="load the folder of an approved version",
            )
        raw = json.loads((folder / CONFIG_FILE).read_text())
        encoder = FeatureEncoder(names=tuple(raw["feature_names"]), categories=raw["categories"])
        booster = lgb.Booster(model_file=str(folder / MODEL_FILE))
        if tuple(booster.feature_name()) != encoder.names:
            raise BadArtefactError(
                f"{folder} is not one model",
                why=f"{MODEL_FILE} and {CONFIG_FILE} name different features",
                fix="restore the folder from the registry",
            )
        return cls(booster, encoder, LogitScaling(**raw["calibration"]))

    def save(self, folder: Path) -> None:
        """Write the trees as LightGBM's text and everything else as JSON; nothing is pickled."""
        folder.mkdir(parents=True, exist_ok=True)
        self._booster.save_model(str(folder / MODEL_FILE))
        config = {
            "feature_names": list(self._encoder.names),
            "categories": {name: dict(codes) for name, codes in self._encoder.categories.items()},
            "calibration": {"slope": self._scaling.slope, "intercept": self._scaling.intercept},
        }
        write_json(folder / CONFIG_FILE, config)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Features that every row must have, ``None`` where a value is missing."""
        return self._encoder.names

    def predict(self, rows: Sequence[Row]) -> NDArray[np.float64]:
        """Return calibrated probabilities of shape ``(rows,)``.

        Raises:
            KeyError: a row lacks a feature.
            ValueError: a value is infinite, or a text stands where a number belongs.
        """
        if not rows:
            return np.empty(0)
        # One thread: waking a second one costs more than the trees of a few rows.
        raw = self._booster.predict(self._encoder.rows(rows), raw_score=True, num_threads=1)
        return self._scaling.probabilities(np.asarray(raw, dtype=np.float64))

    def predict_with_reasons(self, rows: Sequence[Row]) -> list[ExplainedProbability]:
        """Return probabilities with the exact contribution of each feature (TreeSHAP).

        Source: S. Lundberg et al., "From local explanations to global understanding with explainable AI for trees"
        (2020).

        Raises:
            KeyError: a row lacks a feature.
            ValueError: a value is infinite, or a text stands where a number belongs.
        """
        if not rows:
            return []
        shares = np.asarray(
            self._booster.predict(self._encoder.rows(rows), pred_contrib=True, num_threads=1), dtype=np.float64
        )
        probabilities = self._scaling.probabilities(shares.sum(axis=1))
        scaled = shares * self._scaling.slope
        return [
            ExplainedProbability(
                probability=float(probability),
                base_log_odds=float(values[-1] + self._scaling.intercept),
                contributions=tuple(
                    Contribution(
                        feature=name,
                        value=row[name],
                        log_odds=float(value),
                        words=in_words(name, row[name], raises=value > 0),
                    )
                    for name, value in sorted(
                        zip(self.feature_names, values[:-1], strict=True), key=lambda pair: -abs(pair[1])
                    )
                ),
            )
            for row, probability, values in zip(rows, probabilities, scaled, strict=True)
        ]
