"""BG/NBD and Gamma-Gamma as a model of churn: what stands in where the gate refuses the trees or cannot judge them.

Everything is told from the rhythm of a customer's orders alone: the chance of no order within the horizon, when the
next one comes, and what is brought until then. Source: see :mod:`models.churn.bg_nbd`.

Shapes: R rows.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from models.churn.baselines import SteadyBuyers, fit_steady_buyers
from models.churn.bg_nbd import BetaGeometric, RecencyFrequency
from models.churn.classifier import log_odds
from models.churn.config import ChurnConfig
from models.churn.dataset import CustomerRows
from models.churn.gamma_gamma import GammaGamma
from models.churn.histories import Histories
from models.churn.next_order import WITHIN_DAYS, NextOrder, next_order, steady_curve
from models.churn.reasons import BG_NBD, Contribution, ExplainedChurn, in_words
from models.churn.value import ForecastValue
from shopsight.whole_files import write_json

Floats = NDArray[np.float64]

STEADY_FILE: Final = "steady_churn.json"
MIN_REPEATERS: Final = 10
"""Customers with a second order that the four numbers of BG/NBD are told from, at least."""
MAX_ORDERS: Final = 200
"""Orders within the horizon that the interval of the revenue reaches to."""


@dataclass(frozen=True, kw_only=True)
class SteadyChurn:
    """The answers of :class:`models.churn.predict.ChurnModel`, by BG/NBD and Gamma-Gamma alone."""

    steady: SteadyBuyers
    horizon_days: int
    """The N of "no order within N days"."""
    base_rate: float
    """What it says of the customers it was fitted to, on average: the answer for somebody without an order."""
    value_quantiles: tuple[float, float]
    """Ends of the interval around a customer's value."""

    def probabilities(self, histories: Histories) -> Floats:
        """Return the probability of no order within the horizon, shape (R,)."""
        return self.steady.probabilities(histories, horizon_days=self.horizon_days)

    def forecast(self, histories: Histories) -> ForecastValue:
        """Return the revenue to expect within the horizon; its spread is that of the number of orders.

        A customer who has not stopped makes a negative binomial number of orders, for the rate that BG/NBD draws for
        each is gamma distributed; each order is worth what Gamma-Gamma expects.
        """
        customers = RecencyFrequency.of(histories)
        mean = self.steady.revenue(histories, horizon_days=self.horizon_days)
        expected = self.steady.bg_nbd.expected_orders(customers, days=self.horizon_days)
        worth = np.divide(mean, expected, out=np.zeros_like(mean), where=expected > 0)
        alpha = self.steady.bg_nbd.alpha + customers.age
        waits, alive = alpha / (alpha + self.horizon_days), self.steady.bg_nbd.alive(customers)
        low, high = self.value_quantiles
        orders = {share: np.zeros(len(histories)) for share in (low, 0.5, high)}
        for number in range(MAX_ORDERS):  # a matrix of a million customers would not fit
            at_most = 1.0 - alive + alive * betainc(self.steady.bg_nbd.r + customers.repeats, number + 1, waits)
            for share, count in orders.items():
                count += at_most < share
            if (at_most >= high).all():
                break
        return ForecastValue(mean=mean, median=orders[0.5] * worth, low=orders[low] * worth, high=orders[high] * worth)

    def next_order(self, histories: Histories, churn: Floats) -> NextOrder:
        """Return when each customer orders next; ``churn`` is what :meth:`probabilities` said of them."""
        assert len(churn) == len(histories)
        ends = tuple(sorted({*WITHIN_DAYS, self.horizon_days}))
        return next_order(steady_curve(self.steady.bg_nbd, ends, histories))

    def explain(self, histories: Histories) -> list[ExplainedChurn]:
        """Return probabilities with the one thing that they come from: the rhythm of the orders."""
        probabilities = self.probabilities(histories)
        base, log_odds_R = log_odds(np.array([self.base_rate]))[0], log_odds(probabilities)
        return [
            ExplainedChurn(
                probability=float(probability),
                base_log_odds=float(base),
                contributions=(
                    Contribution(
                        feature=BG_NBD,
                        value=float(probability),
                        log_odds=float(odds - base),
                        words=in_words(BG_NBD, float(probability), raises=bool(odds > base)),
                    ),
                ),
            )
            for probability, odds in zip(probabilities, log_odds_R, strict=True)
        ]

    def raising_words(self, histories: Histories, *, max_words: int) -> list[list[str]]:
        """Return what raises each customer's risk, at most ``max_words`` in words."""
        return [
            [part.words for part in explained.contributions[:max_words] if part.log_odds > 0]
            for explained in self.explain(histories)
        ]

    def save(self, folder: Path) -> None:
        """Write it as one JSON file."""
        folder.mkdir(parents=True, exist_ok=True)
        gamma_gamma = self.steady.gamma_gamma
        write_json(
            folder / STEADY_FILE,
            {
                "horizon_days": self.horizon_days,
                "base_rate": self.base_rate,
                "value_quantiles": list(self.value_quantiles),
                "bg_nbd": asdict(self.steady.bg_nbd),
                "gamma_gamma": asdict(gamma_gamma) if gamma_gamma else None,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> "SteadyChurn":
        """Load what :meth:`save` wrote."""
        raw = json.loads((folder / STEADY_FILE).read_text())
        low, high = raw["value_quantiles"]
        return cls(
            steady=SteadyBuyers(
                bg_nbd=BetaGeometric(**raw["bg_nbd"]),
                gamma_gamma=GammaGamma(**raw["gamma_gamma"]) if raw["gamma_gamma"] else None,
            ),
            horizon_days=raw["horizon_days"],
            base_rate=raw["base_rate"],
            value_quantiles=(low, high),
        )


def fit_steady_churn(customers: CustomerRows, config: ChurnConfig) -> SteadyChurn | None:
    """Fit to the customers of the newest as-of date; None where fewer than ten of them ordered a second time."""
    rows = customers.labelled
    if not len(rows):
        return None
    newest = rows.take(rows.as_of == rows.as_of.max()).histories
    if (RecencyFrequency.of(newest).repeats > 0).sum() < MIN_REPEATERS:
        return None
    steady = fit_steady_buyers(rows, until=float(rows.as_of.max()))
    return SteadyChurn(
        steady=steady,
        horizon_days=config.horizon_days,
        base_rate=float(steady.probabilities(newest, horizon_days=config.horizon_days).mean()),
        value_quantiles=config.value_quantiles,
    )
