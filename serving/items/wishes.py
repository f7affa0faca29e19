"""What a shop's rules, and a request, ask of an order of items.

Shapes: N items of the catalogue.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

CANDIDATES: Final = 200
"""How many items are looked at, at least, where a list is put in another order."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What to do to a list; nothing by default."""

    boosts: tuple[tuple[NDArray[np.bool_], float], ...] = ()
    """Which items, shape (N,), and how far they move up."""
    prefer_new: tuple[tuple[float, float], ...] = ()
    """How far an item moves up on its first day, and the days after which it is half of that."""
    less_popular: float = 0.0
    """How far the most popular item moves down beside the least popular one."""
    diversity: float = 0.0
    """0 leaves the order, 1 takes categories in turn."""
    caps: Mapping[str, int] = field(default_factory=dict)
    """Most places of one ``category`` or ``brand``."""
    pins: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """From which place on, counted from 1, these items stand."""
    max_cold: int | None = None
    """Most places of items that nobody had touched; a bound of its own, no reason to put a list in another order."""
    spare: int = 0
    """How many items more are wanted, which could stand on the list as well: the caps hold for all of them together."""

    @property
    def any(self) -> bool:
        """Whether there is anything to do."""
        moved = self.boosts or self.prefer_new or self.less_popular
        return bool(moved or self.diversity or self.caps or self.pins or self.spare)

    def stricter(self, caps: Mapping[str, int | None]) -> "Wishes":
        """Return the wishes with further caps: of two, the lower holds."""
        asked = {per: min(places, self.caps.get(per, places)) for per, places in caps.items() if places is not None}
        return replace(self, caps={**self.caps, **asked})
