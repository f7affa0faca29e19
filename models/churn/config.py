"""Settings of a churn training run, and the presets of each training size."""

from dataclasses import dataclass, field

from models.tabular.committee import CommitteeConfig
from shopsight.settings import Size


@dataclass(frozen=True, kw_only=True)
class ChurnConfig:
    """What churn is, how the trees grow, and what stops the run."""

    horizon_days: int = 56
    """A customer without an order within this many days has churned; whole weeks hold two of no weekday."""
    period_days: int = 14
    """Length of a period of the survival model; the horizon is a whole number of them."""
    level_days: int = 28
    """The newest days, over before the as-of date, on which the survival model's level is set; whole periods."""
    value_quantiles: tuple[float, float] = (0.1, 0.9)
    """Ends of the interval around a customer's value."""
    trees: CommitteeConfig = field(
        default_factory=lambda: CommitteeConfig(
            members=3,
            repeats=1,
            learning_rate=0.04,
            rounds=400,
            early_stopping_rounds=30,
            num_leaves=6,
            min_rows_in_leaf=150,
            feature_fraction=0.4,
            bagging_fraction=0.7,
            l2=20.0,
            threads=1,
        )
    )
    """How the trees grow: few leaves, for they only correct BG/NBD."""
    min_customers: int = 100
    """Minimum number of customers at any as-of date that is trained, calibrated or judged on."""
    min_churned: int = 30
    """Minimum of them that churned, and that did not."""
    too_good_roc_auc: float = 0.97
    """A ROC AUC above this at the calibration date stops the run: a feature then holds the outcome."""
    largest_shift: float = 0.15
    """Maximum that probabilities may change, on average, when everything is told from a day later."""
    largest_loss_of_older_visits: float = 0.05
    """ROC AUC on the level date that what is known of visits may cost when it is told from the as-of date before."""
    margin_share: float = 0.3
    """Share of an order's revenue that the shop keeps: what a customer who stays is worth."""
    contact_cost: float = 0.5
    """What it costs to write to a customer, in the shop's currency."""
    win_back_rate: float = 0.05
    """Share of customers about to leave that a message brings back; measure it against the hold-out, then set it."""
    hold_out_share: float = 0.1
    """Share of the win-back list that is not written to, by which the list's worth is measured."""
    resamples: int = 1000
    """Bootstrap resamples behind each interval."""

    def __post_init__(self) -> None:
        """Refuse settings that no run can have."""
        if self.period_days < 1 or self.horizon_days % self.period_days or self.level_days % self.period_days:
            raise ValueError("horizon_days and level_days must be whole numbers of period_days, which is at least 1")
        if not 0 < self.level_days <= self.horizon_days:
            raise ValueError("level_days must lie between 1 and horizon_days")
        low, high = self.value_quantiles
        if not 0 < low < 0.5 < high < 1:
            raise ValueError(f"value_quantiles must lie on both sides of the median, got {self.value_quantiles}")
        if not 0.5 < self.too_good_roc_auc <= 1:
            raise ValueError(f"too_good_roc_auc must lie in (0.5, 1], got {self.too_good_roc_auc}")
        shares = (self.margin_share, self.win_back_rate, self.hold_out_share, self.largest_loss_of_older_visits)
        if not all(0 < share < 1 for share in shares) or self.contact_cost < 0 or not 0 < self.largest_shift <= 1:
            raise ValueError("shares lie between 0 and 1, contact_cost is not negative, largest_shift in (0, 1]")
        if min(self.min_customers, self.min_churned, self.resamples) < 1:
            raise ValueError("min_customers, min_churned and resamples must be at least 1")

    @property
    def periods(self) -> int:
        """Periods of the survival model within the horizon."""
        return self.horizon_days // self.period_days


def for_size(size: Size) -> ChurnConfig:
    """Return the settings of a training size; the horizon is that of the mart ``churn_labels``."""
    few = CommitteeConfig(
        members=3,
        repeats=1,
        learning_rate=0.08,
        rounds=60 if size == "tiny" else 200,
        early_stopping_rounds=15,
        num_leaves=5,
        min_rows_in_leaf=20 if size == "tiny" else 40,
        feature_fraction=0.5,
        bagging_fraction=0.7,
        l2=10.0,
        threads=1,
    )
    if size == "tiny":
        return ChurnConfig(horizon_days=28, trees=few, min_customers=60, min_churned=15)
    if size == "small":
        return ChurnConfig(horizon_days=28, trees=few)
    return ChurnConfig(horizon_days=28)
