"""How effects are learnt and judged."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class UpliftConfig:
    """Effects are small beside the noise of outcomes, so trees are few and their leaves large."""

    learning_rate: float = 0.05
    """Shrinkage of each tree."""
    outcome_rounds: int = 60
    """Trees of a model of outcomes."""
    effect_rounds: int = 40
    """Trees of a model of effects."""
    num_leaves: int = 8
    """Leaves of a tree of outcomes; trees of effects have half as many."""
    min_rows_in_leaf: int = 100
    """Minimum number of rows in a leaf, or a fiftieth of the rows where that is less."""
    feature_fraction: float = 0.7
    """Share of the columns that each tree may use."""
    bagging_fraction: float = 0.7
    """Share of the rows that each tree sees."""
    l2: float = 10.0
    """L2 penalty on leaf values."""
    outcome_cap: float = 0.99
    """Share of the outcomes above 0 that count in full while learning; those above count as the largest of these.
    One order of a thousand times the others would else be a leaf of its own. What is judged is never capped."""
    folds: int = 2
    """Folds inside the training rows: for outcomes by models that did not see the row, and to choose a learner."""
    threads: int = 1
    """Threads that the trees grow with; trees of so few leaves gain little from a second one."""

    def __post_init__(self) -> None:
        """Refuse settings that no run can have."""
        if min(self.outcome_rounds, self.effect_rounds, self.num_leaves - 1, self.min_rows_in_leaf, self.folds - 1) < 1:
            raise ValueError("rounds and leaf rows must be at least 1; num_leaves and folds at least 2")
        shares = (self.learning_rate, self.feature_fraction, self.bagging_fraction, self.outcome_cap)
        if not all(0 < share <= 1 for share in shares):
            raise ValueError("learning_rate, feature_fraction, bagging_fraction and outcome_cap must lie in (0, 1]")
