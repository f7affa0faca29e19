"""What a comparison of two windows is asked, and what it answers."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["stable", "drifted", "not evaluable"]

Kind = Literal["number", "category", "identity", "key", "time", "text", "list", "empty"]
"""What a column holds. An identity names what is many and comes and goes (items, shoppers), a key its row alone."""


@dataclass(frozen=True, kw_only=True)
class DriftColumns:
    """The columns that are compared, by kind; every one must be in both windows."""

    numerical: tuple[str, ...] = ()
    """Columns of numbers."""
    categorical: tuple[str, ...] = ()
    """Columns of names."""
    identities: tuple[str, ...] = ()
    """Columns of names that are many and come and go, such as items: judged by how many are new, and by one that takes
    over, for how often each is seen always moves."""
    unit: str | None = None
    """Column that names the independent unit (session, user), of which one row is kept: the rows of one session
    repeat each other, and a test that takes them for independent cries drift at random."""

    def __post_init__(self) -> None:
        """Refuse an empty or ambiguous list."""
        if not self.names:
            raise ValueError("there are no columns to compare")
        if len(set(self.names)) < len(self.names):
            raise ValueError("a column is named twice")

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, in the order they are judged in."""
        return (*self.numerical, *self.categorical, *self.identities)

    @property
    def kinds(self) -> dict[str, Kind]:
        """What each column holds."""
        kinds: dict[str, Kind] = dict.fromkeys(self.numerical, "number")
        return kinds | dict.fromkeys(self.categorical, "category") | dict.fromkeys(self.identities, "identity")


@dataclass(frozen=True, kw_only=True)
class DriftConfig:
    """How far is too far, and how few is too few.

    A column has drifted when it moved *further than matters* (an effect size) and *further than chance* (a test whose
    p-value is adjusted for all tests of all columns): the first keeps large windows quiet, the second small ones.
    """

    min_rows: int = 100
    """Minimum number of rows (of different units) of a window that is judged."""
    min_values: int = 30
    """Minimum number of values that are not null of a column that is measured."""
    max_rows: int = 20_000
    """Rows of a window whose distributions are compared; a larger one is sampled by the seed. Nulls, ranges and values
    never seen before are counted in all rows that are given."""
    wasserstein: float = 0.1
    """Distance of numerical windows, in standard deviations of the reference, that matters (Evidently's own limit)."""
    kolmogorov_smirnov: float = 0.1
    """Largest difference of two cumulative shares that matters."""
    psi: float = 0.1
    """Population stability index of categorical windows that matters; customarily 0.1 is moderate and 0.2 large."""
    share: float = 0.2
    """Cohen's h of two shares that matters; customarily 0.2 is small: 0.10 and 0.17, or 0.50 and 0.60."""
    novelty: float = 0.1
    """Cohen's h that matters of what never was before, or is no more: 0.25% of the rows. A sign, a category or a
    way of writing that is new is a change of kind, not of degree."""
    turnover: float = 0.5
    """Cohen's h that matters of values not seen before where values come and go: 6% of the rows instead of none."""
    false_alarm_rate: float = 0.01
    """Share of false alarms among all alarms of a comparison (Benjamini and Hochberg), and so the chance that two
    windows without drift raise any."""

    def __post_init__(self) -> None:
        """Refuse settings under which nothing, or everything, drifts."""
        if not 2 <= self.min_values <= self.min_rows <= self.max_rows:
            counts = (self.min_values, self.min_rows, self.max_rows)
            raise ValueError(f"2 <= min_values <= min_rows <= max_rows, got {counts}")
        for name in ("wasserstein", "kolmogorov_smirnov", "psi", "share", "novelty", "turnover"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if not 0 < self.false_alarm_rate < 1:
            raise ValueError(f"false_alarm_rate must lie in (0, 1), got {self.false_alarm_rate}")


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One way in which two windows were compared."""

    method: str
    """``wasserstein``, ``null share``, …"""
    effect: float
    """How far apart they are, in the unit of the method."""
    limit: float
    """Effect from which it matters."""
    p_value: float
    """Chance of such an effect where nothing changed; of this test alone."""
    said: str
    """For a person: ``null share went from 0.02 to 0.31``."""


@dataclass(frozen=True, kw_only=True)
class ColumnFinding:
    """What was found about one column."""

    column: str
    status: Status
    reason: str
    """For a person: ``null share went from 0.02 to 0.31``."""
    method: str | None = None
    """What was measured: of a column that drifted what moved furthest, of a stable one what came nearest to it."""
    effect: float | None = None
    p_value: float | None = None
    """Adjusted for all tests of all columns."""
    kind: Kind | None = None
    alerts: bool = False
    """Whether someone should look: it drifted, or a change keeps it from being judged."""
