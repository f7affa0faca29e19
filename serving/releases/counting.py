"""Counts the answers of both sides of a release, and says when the version under release is surely too bad."""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

import orjson

from models.evaluation.release.judgement import COMPARED, Tally, worse
from serving.http.warm_up import LISTS
from serving.releases.orders import Order, Seen

NEWEST: Final = 500
"""Answers of each side whose seconds are remembered."""
MIN_TIMED: Final = 20
"""Answers of the champion before it is known what is usual."""
RENEWED_EVERY: Final = 20
"""Answers of the champion after which it is found out anew."""


class Made(NamedTuple):
    """What an answer was."""

    failed: bool = False
    """No answer, an error, or one that came too late."""
    empty: bool = False
    fallback: bool = False
    seconds: float = 0.0


FAILED: Final = Made(failed=True)


class Counting:
    """The counts of one step of a release."""

    def __init__(self, order: Order, *, seen: Seen | None = None, seconds_now: Callable[[], float] = time.time) -> None:
        """Begin with nothing, or with what was counted before this process began.

        Args:
            order: of the step.
            seen: counted by the process before.
            seconds_now: a clock of the wall.
        """
        self.order = order
        self._seconds_now = seconds_now
        started = seen or Seen(record=order.record, candidate=Tally(), champion=order.reference)
        self._seen = started
        self.candidate, self.champion = started.candidate, started.champion
        self._seconds: dict[str, deque[float]] = {name: deque(maxlen=NEWEST) for name in ("candidate", "champion")}
        self._since_renewed = 0
        self._usual = order.reference_ms / 1000 or math.inf
        self._agreement = (started.agreement or 0.0) * started.compared

    @property
    def is_stopped(self) -> bool:
        """Whether the version gets no request any more."""
        return bool(self._seen.worse)

    @property
    def slow_from(self) -> float:
        """Seconds from which an answer is slow; infinite until it is known what is usual."""
        order = self.order
        return max(self._usual * order.latency_ratio, self._usual + order.latency_extra_ms / 1000)

    def of_champion(self, made: Made) -> None:
        """Count an answer of the champion; it is timed against what was usual before it."""
        self.champion = self._counted(self.champion, "champion", made)
        self._since_renewed += 1
        times = self._seconds["champion"]
        if len(times) >= MIN_TIMED and (math.isinf(self._usual) or self._since_renewed >= RENEWED_EVERY):
            self._usual, self._since_renewed = _within(times, 0.95), 0

    def of_candidate(self, made: Made) -> None:
        """Count an answer of the version under release, and stop it where it is surely too bad."""
        before = self.candidate
        self.candidate = self._counted(before, "candidate", made)
        is_bad = any(getattr(self.candidate, hits) > getattr(before, hits) for hits, _, _ in COMPARED.values())
        if is_bad:
            self._seen = replace(self._seen, first_bad=self._seen.first_bad or self._seconds_now())
            self.judge()

    def judge(self) -> None:
        """Stop the version where it is surely too bad: the champion's own answers say more with each of them, too."""
        if self._seen.first_bad is None or self.is_stopped:
            return
        if reason := worse(self.candidate, self.champion, self.order.limits):
            self._seen = replace(self._seen, worse=reason, stopped=self._seconds_now())

    def of_both(self, agreement: float | None) -> None:
        """Count how far two answers to one request agree; None where nothing of them can be compared."""
        if agreement is not None:
            self._agreement += agreement
            self._seen = replace(self._seen, compared=self._seen.compared + 1)

    def of_dropped(self) -> None:
        """Count a shadow request that was not sent."""
        self._seen = replace(self._seen, dropped=self._seen.dropped + 1)

    def seen(self) -> Seen:
        """Return what was counted until now."""
        times = {name: self._times(name) for name in self._seconds}
        compared = self._seen.compared
        return replace(
            self._seen,
            candidate=self.candidate,
            champion=self.champion,
            candidate_ms=times["candidate"],
            champion_ms=times["champion"],
            agreement=round(self._agreement / compared, 4) if compared else None,
        )

    def _times(self, side: str) -> tuple[float, float] | None:
        times = self._seconds[side]
        return (_ms(_within(times, 0.5)), _ms(_within(times, 0.95))) if times else None

    def _counted(self, tally: Tally, side: str, made: Made) -> Tally:
        if made.failed:
            return tally.plus(answers=1, failed=1)
        self._seconds[side].append(made.seconds)
        is_timed = not math.isinf(self._usual)
        return tally.plus(
            answers=1,
            whole=1,
            empty=int(made.empty),
            fallback=int(made.fallback),
            timed=int(is_timed),
            slow=int(is_timed and made.seconds > self.slow_from),
        )


def document_of(body: bytes) -> dict[str, Any] | None:
    """Return an answer's document, or None where it is none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def made_of(document: Mapping[str, Any], seconds: float) -> Made:
    """Return what a whole answer was.

    Args:
        document: the answer.
        seconds: what it took.
    """
    elements = _elements(document)
    inner = [document, *(_answer_in(element) for element in elements or ())]
    is_empty = elements is not None and not elements
    return Made(
        empty=is_empty or any(_is_nothing(one) for one in inner[1:]),
        fallback=any(one.get("fallback") is not None for one in inner),
        seconds=seconds,
    )


def _answer_in(element: Any) -> Mapping[str, Any]:
    """Return an element of an answer; of a batch of lists, the list in it."""
    if not isinstance(element, dict):
        return {}
    answer = element.get("answer")
    return answer if isinstance(answer, dict) else element


def _is_nothing(element: Mapping[str, Any]) -> bool:
    return element.get("error") is not None or element.get("items") == []


def agreement(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> float | None:
    """Return how far two answers to one request agree, from 0 to 1; None where nothing of them can be compared.

    Of two lists of items it is the share of items that both have; of labels, the share that is equal; of
    probabilities, 1 less their mean distance.
    """
    first, second = _elements(ours), _elements(theirs)
    if not first or not second:
        return None
    if "item_id" in first[0]:
        one, other = ({element.get("item_id") for element in elements} for elements in (first, second))
        return len(one & other) / max(len(one), len(other))
    if len(first) != len(second):
        return None
    pairs = list(zip(first, second, strict=True))
    if "label" in first[0]:
        return sum(bool(one.get("label") == other.get("label")) for one, other in pairs) / len(pairs)
    distances = [
        abs(float(one["probability"]) - float(other["probability"]))
        for one, other in pairs
        if isinstance(one.get("probability"), float) and isinstance(other.get("probability"), float)
    ]
    return 1 - sum(distances) / len(distances) if distances else None


def _elements(document: Mapping[str, Any]) -> list[Any] | None:
    return next((document[name] for name in (*LISTS, "results") if isinstance(document.get(name), list)), None)


def _within(times: deque[float], share: float) -> float:
    """Return within how many seconds a share of the answers came."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
