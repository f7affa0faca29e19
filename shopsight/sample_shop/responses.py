"""How shoppers answer an offer that is sent to them, and what they would have done without it: planted, one kind each.

Nobody's kind is in any event. It follows from what a shop can see of a shopper (when they came, from where, with which
device), so that a model can learn it, and for some it follows from nothing.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop.people import COUNTRIES, DEVICES, People

Floats = NDArray[np.float64]
KINDS: Final = ("lost_cause", "sure_thing", "persuadable", "sleeping_dog")
WITHOUT: Final = (0.02, 0.45, 0.04, 0.45)
"""Chance of each kind to order within the campaign, had nothing been sent."""
WITH: Final = (0.02, 0.45, 0.44, 0.05)
"""The same with the offer: it brings the persuadable, changes nothing for two kinds, and drives sleeping dogs away."""
ORDER_VALUE: Final = 40.0
"""Median of an order, in euro; logarithms have a standard deviation of .5."""
EXCEPTIONS: Final = 0.04
"""Share of the shoppers whose kind follows from nothing that can be seen."""
FAR: Final = ("GB", "PL", "CN")
"""Countries where an offer is worth nothing, for the postage is more."""


@dataclass(frozen=True, kw_only=True)
class Responses:
    """What each shopper would do; U shoppers."""

    kind_U: NDArray[np.intp]
    """Place in :data:`KINDS`."""
    without_U: Floats
    """Chance to order without the offer."""
    with_U: Floats
    """Chance to order with it."""

    @property
    def effect_U(self) -> Floats:
        """Orders that the offer adds."""
        return np.asarray(self.with_U - self.without_U)


def draw_responses(people: People, *, seed: int) -> Responses:
    """Return how each shopper answers; the same people and seed answer alike.

    Who joined after the opening and comes with a mobile can be persuaded, unless they live far away. Who has been there
    from the first day and lives far away wants to be left alone. Of the others, those at a desktop order anyway.
    """
    rng = np.random.default_rng([seed, 7])
    new_U = people.joined_U > 0
    far_U = np.isin(people.country_U, [COUNTRIES.index(country) for country in FAR])
    mobile_U = people.device_U == DEVICES.index("mobile")
    kind_U = np.where(mobile_U, KINDS.index("lost_cause"), KINDS.index("sure_thing"))
    kind_U = np.where(new_U & mobile_U & ~far_U, KINDS.index("persuadable"), kind_U)
    kind_U = np.where(~new_U & far_U, KINDS.index("sleeping_dog"), kind_U)
    exceptions = rng.random(len(kind_U)) < EXCEPTIONS
    kind_U = np.where(exceptions, rng.integers(0, len(KINDS), len(kind_U)), kind_U).astype(np.intp)
    return Responses(kind_U=kind_U, without_U=np.array(WITHOUT)[kind_U], with_U=np.array(WITH)[kind_U])


def answer(responses: Responses, sent_U: NDArray[np.bool_], *, rng: np.random.Generator) -> Floats:
    """Return what each shopper spends while a campaign runs, in euro, 0 for no order; shape (U,)."""
    chance_U = np.where(sent_U, responses.with_U, responses.without_U)
    orders_U = rng.random(len(sent_U)) < chance_U
    return np.where(orders_U, ORDER_VALUE * np.exp(rng.normal(0.0, 0.5, len(sent_U))), 0.0).round(2)
