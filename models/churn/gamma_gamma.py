"""Gamma-Gamma: what a customer's next order will bring, shrunk towards what orders of the shop bring.

Source: P. Fader, B. Hardie, "The Gamma-Gamma model of monetary value" (2013), of P. Fader, B. Hardie, K. L. Lee,
"RFM and CLV" (2005).

Shapes: R customers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class GammaGamma:
    """A fitted model: order values are gamma with shape ``p``; over customers their scale is, with ``q`` and ``v``."""

    p: float
    q: float
    v: float

    def expected_value(self, orders: Floats, means: Floats) -> Floats:
        """Return the expected value of a next order, shape (R,).

        Args:
            orders: orders of each customer that ``means`` averages; 0 gives the shop's own mean.
            means: mean value of those orders.
        """
        return np.asarray(self.p * (self.v + orders * means) / (self.p * orders + self.q - 1), dtype=np.float64)


def fit_gamma_gamma(orders: Floats, means: Floats) -> GammaGamma:
    """Fit by maximum likelihood on customers with orders of positive mean value.

    Raises:
        ValueError: there are none.
    """
    paid = (orders > 0) & (means > 0)
    if not paid.any():
        raise ValueError("Gamma-Gamma needs customers with orders of some value")
    x, scale = orders[paid], float(means[paid].mean())
    m = means[paid] / scale

    def loss(logs: Floats) -> float:
        p, more_than_one, v = np.exp(logs)
        q = 1.0 + more_than_one  # below 1 the mean over customers does not exist
        likelihood = (
            gammaln(p * x + q)
            - gammaln(p * x)
            - gammaln(q)
            + q * np.log(v)
            + (p * x - 1) * np.log(m)
            + p * x * np.log(x)
            - (p * x + q) * np.log(v + x * m)
        )
        return float(-likelihood.mean() + 1e-4 * (logs**2).sum())

    optimum = minimize(loss, np.zeros(3), method="L-BFGS-B", bounds=[(-12.0, 12.0)] * 3)
    p, more_than_one, v = (float(value) for value in np.exp(optimum.x))
    return GammaGamma(p=p, q=1.0 + more_than_one, v=v * scale)
