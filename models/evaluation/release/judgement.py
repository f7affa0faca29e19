"""Is a version under release worse than the champion? Asked after every answer, with few false alarms over all."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from models.evaluation.release.shares import bounds

MIN_HITS: Final = 5
"""Bad answers of a version before anything is said: fewer may be one and the same hiccup, no two chances."""
SIDES: Final = 2
"""Each comparison has an interval of either side, which share its chance of an error."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What was counted of the answers of one side."""

    answers: int = 0
    failed: int = 0
    """Of these: no answer, an error, or one that came too late."""
    timed: int = 0
    """Answers whose seconds are compared with the champion's usual ones."""
    slow: int = 0
    """Of these: those that took much longer."""
    whole: int = 0
    """Answers that did not fail."""
    empty: int = 0
    """Of these: those with nothing in them, or with an element's error."""
    fallback: int = 0
    """Of these: those in which something stood in for the model."""

    def plus(self, **counts: int) -> "Tally":
        """Return the tally with more counted."""
        return Tally(**{name: value + counts.get(name, 0) for name, value in asdict(self).items()})

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Tally":
        """Return the tally that ``asdict`` wrote.

        Raises:
            TypeError, ValueError: it is none.
        """
        return cls(**{field.name: int(document[field.name]) for field in fields(cls) if field.name in document})


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much worse than the champion a version may be."""

    more_failed: float = 0.01
    """Largest share of failed answers above the champion's."""
    more_slow: float = 0.1
    """Largest share of slow answers above the champion's."""
    more_empty: float = 0.1
    """Largest share of empty answers above the champion's."""
    more_fallback: float = 0.1
    """Largest share above the champion's of answers in which something stands in for the model."""
    false_alarms: float = 0.01
    """Largest chance that a version as good as the champion is ever stopped, over all looks of a step."""

    def __post_init__(self) -> None:
        if not all(0 <= getattr(self, limit) <= 1 for _, _, limit in COMPARED.values()):
            raise ValueError("every limit is a share between 0 and 1")
        if not 0 < self.false_alarms < 1:
            raise ValueError("false_alarms is a chance between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One share of both sides, and whether the version's is surely too large."""

    what: str
    candidate: tuple[int, int]
    """Hits and answers."""
    champion: tuple[int, int]
    at_least: float
    """Lowest share of the version that its answers still allow."""
    at_most: float
    """Highest share of the champion that its answers still allow."""
    allowed: float
    """By how much the version's may be larger."""
    may_be: float
    """Highest share of the version that its answers still allow, above the lowest of the champion."""

    @property
    def is_worse(self) -> bool:
        """Whether the version is worse by more than is allowed, whatever else chance did."""
        return self.candidate[0] >= MIN_HITS and self.at_least > self.at_most + self.allowed

    def is_fine(self, doubt: float) -> bool:
        """Whether the version is surely not worse by more than is allowed and ``doubt`` together."""
        return self.may_be <= self.allowed + doubt

    def sentence(self) -> str:
        """Return it in words."""
        ours, theirs = (f"{hits:,} of {answers:,}" for hits, answers in (self.candidate, self.champion))
        return (
            f"{ours} answers {self.what}, and {theirs} of the champion's: "
            f"at least {self.at_least:.1%} against at most {self.at_most:.1%}, and {self.allowed:.0%} more are allowed"
        )


COMPARED: Final[Mapping[str, tuple[str, str, str]]] = {
    "failed": ("failed", "answers", "more_failed"),
    "were slow": ("slow", "timed", "more_slow"),
    "were empty": ("empty", "whole", "more_empty"),
    "were a stand-in's": ("fallback", "whole", "more_fallback"),
}
"""Of each comparison: the hits, the answers and the limit."""


def compare(candidate: Tally, champion: Tally, limits: Limits) -> list[Comparison]:
    """Return every comparison of a version with the champion.

    Args:
        candidate: of the version under release.
        champion: of the champion, over the same time or of just before.
        limits: what is put up with.
    """
    alpha = limits.false_alarms / (len(COMPARED) * SIDES)
    comparisons = []
    for what, (hits, answers, limit) in COMPARED.items():
        ours, theirs = ((getattr(one, hits), getattr(one, answers)) for one in (candidate, champion))
        (our_least, our_most), (their_least, their_most) = (bounds(*one, alpha=alpha) for one in (ours, theirs))
        comparisons.append(
            Comparison(
                what=what,
                candidate=ours,
                champion=theirs,
                at_least=our_least,
                at_most=their_most,
                allowed=getattr(limits, limit),
                may_be=our_most - their_least,
            )
        )
    return comparisons


def worse(candidate: Tally, champion: Tally, limits: Limits) -> str:
    """Return in what a version is surely worse than is allowed, in words; nothing where in nothing."""
    return "; ".join(one.sentence() for one in compare(candidate, champion, limits) if one.is_worse)


def doubts(candidate: Tally, champion: Tally, limits: Limits, *, doubt: float) -> list[str]:
    """Return in what a version may still be worse by more than is allowed and ``doubt`` together."""
    return [one.what for one in compare(candidate, champion, limits) if not one.is_fine(doubt)]
