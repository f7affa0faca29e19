"""Settings of a training run of next best actions."""

from dataclasses import dataclass, field

from models.uplift.config import UpliftConfig
from shopsight.settings import Size


@dataclass(frozen=True, kw_only=True)
class NextBestActionConfig:
    """How much an action must have been tried, and how shoppers of about the same effect are put together."""

    horizon_days: int = 7
    """Days after a campaign's start in which orders count."""
    min_shoppers: int = 200
    """Shoppers on whom an action must have been tried, those held out included."""
    min_side: int = 50
    """Minimum of them who were sent it, and who were held out."""
    shoppers_per_part: int = 150
    """Shoppers of about the same expected effect whose increment is measured together, at least."""
    max_parts: int = 5
    """Parts of the shoppers at most, from the smallest expected effect to the largest."""
    folds: int = 4
    """Parts of the shoppers of which each is judged by a model that learnt from the others."""
    uplift: UpliftConfig = field(default_factory=UpliftConfig)
    """How effects are learnt."""
    resamples: int = 1000
    """Bootstrap resamples behind each interval."""

    def __post_init__(self) -> None:
        """Refuse settings that no run can have."""
        if min(self.horizon_days, self.min_side, self.shoppers_per_part, self.max_parts, self.resamples) < 1:
            raise ValueError("horizon_days, min_side, shoppers_per_part, max_parts and resamples must be at least 1")
        if self.folds < 2 or self.min_shoppers < 2 * self.min_side:
            raise ValueError("folds must be at least 2, and min_shoppers twice min_side")


def for_size(size: Size) -> NextBestActionConfig:
    """Return the settings of a training size; trials are small whatever the shop's size, so that none differs."""
    return NextBestActionConfig(resamples=300) if size == "tiny" else NextBestActionConfig()
