"""The checkout, which loses people: how many depends on the device, and on what the parcel costs."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop.people import COUNTRIES, DEVICES

COMPLETED: Final = {"mobile": 0.52, "desktop": 0.72, "tablet": 0.60}
"""Chance that a checkout ends in an order, where shipping costs what it costs within the EU."""

SHIPPING: Final = {"DE": 0.0, "GB": 14.9, "CN": 24.9}
"""Cost of a parcel in euro, by country; elsewhere :data:`SHIPPING_WITHIN_EU`."""
SHIPPING_WITHIN_EU: Final = 4.9

SHIPPING_FACTORS: Final = {0.0: 1.1, SHIPPING_WITHIN_EU: 1.0, 14.9: 0.75, 24.9: 0.6}
"""What a cost of shipping multiplies :data:`COMPLETED` by."""

OWN_DEVICE: Final = 0.82
"""Share of a shopper's visits on the usual device; the others are on any."""


def shipping_costs() -> NDArray[np.float64]:
    """Return the cost of a parcel to each of ``COUNTRIES``, in euro."""
    return np.array([SHIPPING.get(country, SHIPPING_WITHIN_EU) for country in COUNTRIES])


def completion(device: NDArray[np.integer], country: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the chance that a checkout ends in an order, for numbers of ``DEVICES`` and ``COUNTRIES``."""
    by_country = np.array([SHIPPING_FACTORS[cost] for cost in shipping_costs().tolist()])
    return np.asarray(_by_device()[device] * by_country[country])


def expected_completion(usual_device: NDArray[np.integer], country: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the same over all visits of shoppers who mostly come on their usual device."""
    of_usual = completion(usual_device, country)
    of_any = np.mean([completion(np.full_like(usual_device, one), country) for one in range(len(DEVICES))], axis=0)
    return np.asarray(OWN_DEVICE * of_usual + (1.0 - OWN_DEVICE) * of_any)


def _by_device() -> NDArray[np.float64]:
    return np.array([COMPLETED[device] for device in DEVICES])
