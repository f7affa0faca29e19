"""Load and use a trained churn model: needs LightGBM, NumPy and SciPy alone."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.churn.baselines import SteadyBuyers
from models.churn.bg_nbd import BetaGeometric
from models.churn.classifier import ChurnClassifier
from models.churn.dataset import ACTIVITY
from models.churn.features import feature_names
from models.churn.gamma_gamma import GammaGamma
from models.churn.histories import Histories
from models.churn.next_order import NextOrder, next_order, waiting_curve
from models.churn.reasons import BG_NBD, Contribution, ExplainedChurn, in_words
from models.churn.steady_churn import STEADY_FILE, SteadyChurn
from models.churn.survival import ChurnSurvival
from models.churn.value import ForecastValue, ValueModel
from models.evaluation.calibration import LogitScaling
from models.tabular.committee import Committee
from models.tabular.errors import BadArtefactError
from shopsight.whole_files import write_json

Floats = NDArray[np.float64]

CONFIG_FILE = "config.json"
VALUE_FILES = ("value_mean.txt", "value_low.txt", "value_median.txt", "value_high.txt")


@dataclass(frozen=True, kw_only=True)
class ChurnModel:
    """Calibrated probability of no order within the horizon, revenue within it, and when the next order comes."""

    classifier: ChurnClassifier
    value: ValueModel
    waiting: ChurnSurvival
    base_rate: float
    """Share of the training rows that churned: the answer for somebody without an order."""

    @property
    def horizon_days(self) -> int:
        """The N of "no order within N days"."""
        return int(self.classifier.horizon_days)

    def probabilities(self, histories: Histories) -> Floats:
        """Return calibrated probabilities, shape (R,)."""
        return self.classifier.probabilities(histories)

    def forecast(self, histories: Histories) -> ForecastValue:
        """Return the revenue to expect within the horizon."""
        return self.value.forecast(histories)

    def next_order(self, histories: Histories, churn: Floats) -> NextOrder:
        """Return when each customer orders next, given their probability of no order within the horizon."""
        return next_order(waiting_curve(self.waiting, histories, churn=churn, horizon_days=self.horizon_days))

    def explain(self, histories: Histories) -> list[ExplainedChurn]:
        """Return probabilities with the exact contribution of each feature (TreeSHAP) and of BG/NBD.

        Source: S. Lundberg et al., "From local explanations to global understanding with explainable AI for trees"
        (2020).
        """
        features = self.classifier.features(histories)
        shares = self.classifier.committee.contributions(features)
        offsets = self.classifier.offsets(histories)
        steady = self.classifier.committee.scaling.slope * offsets
        names = (*feature_names(), *ACTIVITY)[: features.shape[1]]
        no_order = features[:, names.index("bg_nbd_no_order")]
        explained = []
        for row, probability in enumerate(self.classifier.probabilities(histories)):
            parts = [
                Contribution(
                    feature=name,
                    value=float(value) if np.isfinite(value) else None,
                    log_odds=float(share),
                    words=in_words(name, float(value), raises=share > 0),
                )
                for name, value, share in zip(
                    (*names, BG_NBD),
                    (*features[row], no_order[row]),
                    (*shares[row, :-1], steady[row]),
                    strict=True,
                )
            ]
            explained.append(
                ExplainedChurn(
                    probability=float(probability),
                    base_log_odds=float(shares[row, -1]),
                    contributions=tuple(sorted(parts, key=lambda part: -abs(part.log_odds))),
                )
            )
        return explained

    def raising_words(self, histories: Histories, *, max_words: int) -> list[list[str]]:
        """Return what raises each customer's risk, at most ``max_words`` in words, the strongest first.

        The same contributions as :meth:`explain`, for a million customers: only those that are told get words.
        """
        features = self.classifier.features(histories)
        steady = self.classifier.committee.scaling.slope * self.classifier.offsets(histories)
        shares = np.column_stack([self.classifier.committee.contributions(features)[:, :-1], steady])
        names = (*feature_names(), *ACTIVITY)[: features.shape[1]]
        values = np.column_stack([features, features[:, names.index("bg_nbd_no_order")]])
        names = (*names, BG_NBD)
        strongest = np.argsort(-shares, axis=1, kind="stable")[:, :max_words]
        raising = np.take_along_axis(shares, strongest, axis=1) > 0
        strongest_values = np.take_along_axis(values, strongest, axis=1)
        return [
            [in_words(names[place], value, raises=True) for place, value, yes in zip(*row, strict=True) if yes]
            for row in zip(strongest.tolist(), strongest_values.tolist(), raising.tolist(), strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Write the trees as LightGBM's text and everything else as JSON; nothing is pickled."""
        folder.mkdir(parents=True, exist_ok=True)
        committee = self.classifier.committee
        for number, booster in enumerate(committee.boosters):
            booster.save_model(str(folder / f"tree_{number}.txt"))
        for number, booster in enumerate(self.waiting.committee.boosters):
            booster.save_model(str(folder / f"wait_{number}.txt"))
        for name, booster in zip(VALUE_FILES, (self.value.mean, *self.value.quantiles), strict=True):
            booster.save_model(str(folder / name))
        steady = self.value.steady
        config = {
            "horizon_days": self.horizon_days,
            "features": [*feature_names(), *ACTIVITY],
            "members": len(committee.boosters),
            "calibration": asdict(committee.scaling),
            "bg_nbd": asdict(self.classifier.bg_nbd),
            "value_bg_nbd": asdict(steady.bg_nbd),
            "value_gamma_gamma": asdict(steady.gamma_gamma) if steady.gamma_gamma else None,
            "value_mean_scale": self.value.mean_scale,
            "value_margin": self.value.margin,
            "wait_members": len(self.waiting.committee.boosters),
            "wait_calibration": asdict(self.waiting.committee.scaling),
            "wait_bg_nbd": asdict(self.waiting.bg_nbd),
            "wait_ends": list(self.waiting.ends),
            "base_rate": self.base_rate,
        }
        write_json(folder / CONFIG_FILE, config)

    @classmethod
    def load(cls, folder: Path) -> "ChurnModel":
        """Load what :meth:`save` wrote.

        Raises:
            BadArtefactError: a file is missing, or the model was made for other features than this code computes.
        """
        missing = [
            name for name in (CONFIG_FILE, "tree_0.txt", "wait_0.txt", *VALUE_FILES) if not (folder / name).is_file()
        ]
        if missing:
            raise BadArtefactError(
                f"{folder} holds no churn model",
                why=f"{', '.join(missing)} is missing: a run with too few customers writes an evaluation only, "
                "and a model from before the next order was told lacks its trees",
                fix="load the folder of an approved version, or train again",
            )
        raw = json.loads((folder / CONFIG_FILE).read_text())
        if raw["features"] != [*feature_names(), *ACTIVITY]:
            raise BadArtefactError(
                f"{folder} was trained on other features",
                why="config.json lists them, and this code computes others",
                fix="serve it with the code of its own Bento, or train again",
            )
        gamma_gamma = GammaGamma(**raw["value_gamma_gamma"]) if raw["value_gamma_gamma"] else None
        mean, low, median, high = (lgb.Booster(model_file=str(folder / name)) for name in VALUE_FILES)
        return cls(
            classifier=ChurnClassifier(
                bg_nbd=BetaGeometric(**raw["bg_nbd"]),
                committee=_committee(folder, "tree", raw["members"], raw["calibration"]),
                horizon_days=raw["horizon_days"],
            ),
            value=ValueModel(
                steady=SteadyBuyers(bg_nbd=BetaGeometric(**raw["value_bg_nbd"]), gamma_gamma=gamma_gamma),
                horizon_days=raw["horizon_days"],
                mean=mean,
                quantiles=(low, median, high),
                mean_scale=raw["value_mean_scale"],
                margin=raw["value_margin"],
            ),
            waiting=ChurnSurvival(
                bg_nbd=BetaGeometric(**raw["wait_bg_nbd"]),
                committee=_committee(folder, "wait", raw["wait_members"], raw["wait_calibration"]),
                ends=tuple(raw["wait_ends"]),
            ),
            base_rate=raw["base_rate"],
        )


def _committee(folder: Path, name: str, members: int, calibration: dict[str, float]) -> Committee:
    boosters = tuple(lgb.Booster(model_file=str(folder / f"{name}_{number}.txt")) for number in range(members))
    return Committee(boosters=boosters, scaling=LogitScaling(**calibration), held_out=np.empty(0))


ChurnPredictor = ChurnModel | SteadyChurn
"""What tells of churn: the trees on BG/NBD, or BG/NBD alone where it stands in for them."""


def load(folder: Path) -> ChurnPredictor:
    """Load the artefact of an approved version, of a model or of the baseline that stands in.

    Raises:
        BadArtefactError: a file is missing, or the model was made for other features than this code computes.
    """
    return SteadyChurn.load(folder) if (folder / STEADY_FILE).is_file() else ChurnModel.load(folder)
