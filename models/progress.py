"""How a training run tells its caller where it is; the caller decides what to do with it (log, plot, draw a bar)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One report of a running computation."""

    message: str
    """What was just finished, for a person: ``epoch 3 of 20``."""
    fraction: float
    """Share of the work done, 0 to 1."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Figures worth plotting over time, such as the training loss."""


ReportProgress = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """Report to nobody."""
