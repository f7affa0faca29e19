"""Settings of a purchase intent training run, and the presets of each training size."""

from dataclasses import dataclass

from shopsight.settings import Size


@dataclass(frozen=True, kw_only=True)
class PurchaseIntentConfig:
    """How sessions are split, how the trees grow, and what stops the run."""

    validation_share: float = 0.15
    """Share of sessions, after the training ones in time, that stops the trees and chooses among contenders."""
    calibration_share: float = 0.10
    """Share of sessions, after validation, on which probabilities are calibrated."""
    test_share: float = 0.20
    """Share of sessions, the latest, that are looked at once."""
    gap_minutes: int = 60
    """Sessions that start within this time before the next fold are left out: they may still run when it starts."""
    max_categories: int = 50
    """Categories of a text column that are kept, the most frequent of the training fold; the rest count as missing."""
    rounds: int = 600
    """Maximum number of trees grown; the validation fold stops earlier."""
    early_stopping_rounds: int = 50
    """Trees without a lower validation log loss before growing stops."""
    learning_rate: float = 0.05
    """Shrinkage of each tree."""
    num_leaves: int = 7
    """Leaves of a tree; chosen on validation sessions, as the next three."""
    min_rows_in_leaf: int = 300
    """Minimum number of rows in a leaf: a shopper has tens of rows, and no leaf may be able to remember one of them."""
    l2: float = 5.0
    """L2 penalty on leaf values."""
    feature_fraction: float = 0.5
    """Share of the columns that each tree may use."""
    min_sessions: int = 100
    """Minimum number of sessions in any fold; below it nothing is judged."""
    min_purchases: int = 20
    """Minimum number of sessions with a purchase, and without one, in any fold; below it nothing is judged."""
    too_good_roc_auc: float = 0.985
    """A validation ROC AUC above this stops the run: a feature then holds the outcome."""
    newcomers_with_past: float = 0.05
    """Share of shoppers' first sessions that may come with a past (ids joined late); above it the run stops."""
    largest_loss_of_a_day: float = 0.05
    """Validation ROC AUC that shoppers' features of the day before may cost; above it the run stops."""
    resamples: int = 1000
    """Bootstrap resamples behind each interval."""
    threads: int = 2
    """Threads that the trees grow with."""

    def __post_init__(self) -> None:
        """Refuse settings that no run can have."""
        shares = (self.validation_share, self.calibration_share, self.test_share)
        if min(shares) <= 0 or sum(shares) >= 0.9:
            raise ValueError(f"shares must be above 0 and leave a tenth for training, got {shares}")
        if self.gap_minutes < 0:
            raise ValueError(f"gap_minutes must not be negative, got {self.gap_minutes}")
        if not (0 < self.learning_rate <= 1 and 0 < self.feature_fraction <= 1):
            raise ValueError("learning_rate and feature_fraction must lie in (0, 1]")
        if not 0.5 < self.too_good_roc_auc <= 1:
            raise ValueError(f"too_good_roc_auc must lie in (0.5, 1], got {self.too_good_roc_auc}")
        if not (0 < self.newcomers_with_past < 1 and 0 < self.largest_loss_of_a_day < 0.5):
            raise ValueError("newcomers_with_past must lie in (0, 1), largest_loss_of_a_day in (0, 0.5)")
        if self.l2 < 0:
            raise ValueError(f"l2 must not be negative, got {self.l2}")
        for name, minimum in (
            ("max_categories", 1),
            ("rounds", 1),
            ("early_stopping_rounds", 1),
            ("num_leaves", 2),
            ("min_rows_in_leaf", 1),
            ("min_sessions", 2),
            ("min_purchases", 1),
            ("resamples", 1),
            ("threads", 1),
        ):
            if getattr(self, name) < minimum:
                raise ValueError(f"{name} must be at least {minimum}, got {getattr(self, name)}")


def for_size(size: Size) -> PurchaseIntentConfig:
    """Return the settings of a training size: more data carries more and larger trees."""
    if size == "tiny":
        return PurchaseIntentConfig(
            rounds=60,
            early_stopping_rounds=15,
            learning_rate=0.1,
            min_rows_in_leaf=20,
            min_sessions=30,
            min_purchases=5,
        )
    if size == "small":
        return PurchaseIntentConfig()
    if size == "medium":
        return PurchaseIntentConfig(rounds=2000, learning_rate=0.03, num_leaves=15, min_rows_in_leaf=500)
    return PurchaseIntentConfig(rounds=4000, learning_rate=0.03, num_leaves=31, min_rows_in_leaf=1000)
