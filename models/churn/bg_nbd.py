"""BG/NBD: how many orders a customer will make, by a model of buying at a steady rate until one stops for good.

Rates of buying are gamma distributed over customers, chances of stopping after an order are beta distributed. Fitted
by maximum likelihood.

Source: P. Fader, B. Hardie, K. L. Lee, "Counting your customers the easy way" (2005).

Shapes: R customers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, expit, gammaln, hyp2f1

from models.churn.histories import Histories

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class RecencyFrequency:
    """All that the model reads of a customer."""

    repeats: Floats
    """Days with an order after the first such day, shape (R,)."""
    last: Floats
    """Days from the first order to the last."""
    age: Floats
    """Days from the first order to the as-of date."""

    @classmethod
    def of(cls, histories: Histories) -> "RecencyFrequency":
        """Count days with orders, as the literature does: two orders of one day are one decision to buy."""
        whole = np.floor(histories.days)
        is_first_of_day = np.append(True, (np.diff(whole) != 0) | (np.diff(histories.rows) != 0))
        days = np.bincount(histories.rows, weights=is_first_of_day.astype(np.float64), minlength=len(histories))
        first, last = histories.days[histories.starts], histories.days[histories.ends - 1]
        return cls(
            repeats=np.asarray(days - 1, dtype=np.float64),
            last=np.where(days > 1, last - first, 0.0),
            age=histories.as_of - first,
        )


@dataclass(frozen=True, kw_only=True)
class BetaGeometric:
    """A fitted model; ``r`` and ``alpha`` (in days) shape the rates of buying, ``a`` and ``b`` the chances to stop."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, customers: RecencyFrequency) -> Floats:
        """Return the probability that each customer has not stopped, shape (R,)."""
        x = customers.repeats
        log_odds_stopped = (
            (self.r + x) * np.log((self.alpha + customers.age) / (self.alpha + customers.last))
            + np.log(self.a)
            - np.log(self.b + np.maximum(x, 1) - 1)
        )
        return np.where(x > 0, expit(-log_odds_stopped), 1.0)

    def no_order(self, customers: RecencyFrequency, *, days: float) -> Floats:
        """Return the probability of no order in the next ``days``: stopped, or alive and waiting that long."""
        waits = ((self.alpha + customers.age) / (self.alpha + customers.age + days)) ** (self.r + customers.repeats)
        return 1.0 - self.alive(customers) * (1.0 - waits)

    def expected_orders(self, customers: RecencyFrequency, *, days: float) -> Floats:
        """Return the expected number of days with an order in the next ``days``; equation 10 of the source."""
        x, later = customers.repeats, self.alpha + customers.age + days
        waits = ((self.alpha + customers.age) / later) ** (self.r + x)
        stopping = hyp2f1(self.r + x, self.b + x, self.a + self.b + x - 1, days / later)
        return np.asarray(
            (self.a + self.b + x - 1) / (self.a - 1) * (1 - waits * stopping) * self.alive(customers), dtype=np.float64
        )


def log_likelihood(model: BetaGeometric, customers: RecencyFrequency) -> Floats:
    """Return each customer's log likelihood; equation 6 of the source."""
    x = customers.repeats
    buying = gammaln(model.r + x) - gammaln(model.r) + model.r * np.log(model.alpha)
    going_on = betaln(model.a, model.b + x) - betaln(model.a, model.b)
    still = -(model.r + x) * np.log(model.alpha + customers.age)
    stopped = (
        np.log(model.a) - np.log(model.b + np.maximum(x, 1) - 1) - (model.r + x) * np.log(model.alpha + customers.last)
    )
    return np.asarray(buying + going_on + np.where(x > 0, np.logaddexp(still, stopped), still), dtype=np.float64)


def fit_bg_nbd(customers: RecencyFrequency) -> BetaGeometric:
    """Fit the four parameters.

    Raises:
        ValueError: there is no customer, or nobody ordered twice.
    """
    if not (customers.repeats > 0).any():
        raise ValueError("BG/NBD needs customers with a second order")
    scale = float(customers.age.mean())  # alpha is a time: in units of the mean age all four are of order one

    def loss(logs: Floats) -> float:
        r, alpha, a, b = np.exp(logs)
        model = BetaGeometric(r=r, alpha=alpha * scale, a=a, b=b)
        # A whisper of a prior: where nobody seems to stop, a runs to 0 and b to infinity and the search never ends.
        return float(-log_likelihood(model, customers).mean() + 1e-4 * (logs**2).sum())

    optimum = minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=[(-12.0, 12.0)] * 4)
    r, alpha, a, b = (float(value) for value in np.exp(optimum.x))
    return BetaGeometric(r=r, alpha=alpha * scale, a=a, b=b)
