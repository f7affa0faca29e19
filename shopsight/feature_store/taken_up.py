"""What of a mart the online store has taken up: a note in the store itself, so that it goes where the rows go."""

import heapq
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shopsight.feature_store.online_rows import EVENT_US, KEY, OnlineRow
from shopsight.marts import Mart

MAX_WITHHELD: Final = 10_000
"""Entities that a note names at most; where more are left out, the next materialisation reads the mart whole."""
Newest = list[tuple[int, str]]
"""Moments, in microseconds since 1970, and entities of a view's newest rows, the newest first."""
NEWEST_NOTED: Final = 3
"""Some of each view, for one may have asked to be forgotten since."""


@dataclass(frozen=True, kw_only=True)
class TakenUp:
    """What a materialisation of a feature view left in the online store."""

    parts: tuple[str, ...]
    """Files of the mart whose rows it read; their names are never used twice."""
    deletes: tuple[str, ...]
    """Records of deletes that it minded."""
    until_us: int
    """What became known later was left for another time."""
    data_end_us: int | None
    """The last moment that any row describes."""
    newest: Newest
    """Some of the newest rows."""
    withheld: tuple[str, ...] = ()
    """Entities that the mart holds and the store does not: of whoever refused, or was erased."""

    @classmethod
    def of(cls, mart: Mart, *, until_us: int, newest: Newest, withheld: Iterable[str]) -> "TakenUp":
        """Return what has been taken up once all of a mart is in the store."""
        return cls(
            parts=tuple(part.path.name for part in mart.parts),
            deletes=tuple(part.path.name for part in mart.deletes),
            until_us=until_us,
            data_end_us=max((event_us for event_us, _ in newest), default=None),
            newest=newest,
            withheld=tuple(sorted(withheld)),
        )

    def goes_on_to(self, mart: Mart, *, until_us: int) -> bool:
        """Return whether a mart is what was taken up and what came since: it was neither made anew nor merged."""
        return (
            bool(mart.parts)
            and {part.path.name for part in mart.parts} >= set(self.parts)
            and {part.path.name for part in mart.deletes} >= set(self.deletes)
            and until_us >= self.until_us
        )

    def without(self, entities: Iterable[str]) -> "TakenUp | None":
        """Return the note of a store from which some entities were taken out.

        None where one of them had a newest row, for how far the data reach has to be seen anew.
        """
        gone = set(entities)
        if gone.intersection(entity for _, entity in self.newest):
            return None
        return replace(self, withheld=tuple(sorted(gone.union(self.withheld))))

    def text(self) -> str | None:
        """Return the note as the store keeps it; None where it would be too long, and nothing is to be kept."""
        return None if len(self.withheld) > MAX_WITHHELD else json.dumps(self.__dict__)

    @classmethod
    def read(cls, text: str | None) -> "TakenUp | None":
        """Return what :meth:`text` wrote."""
        if text is None:
            return None
        raw = json.loads(text)
        raw |= {name: tuple(raw[name]) for name in ("parts", "deletes", "withheld")}
        raw["newest"] = [(event_us, entity) for event_us, entity in raw["newest"]]
        return cls(**raw)


def newest_of(newest: Newest, rows: Sequence[OnlineRow]) -> Newest:
    """Return the newest of some entities and of the rows that were written after them."""
    moments = {entity: event_us for event_us, entity in newest}
    moments |= {str(row[KEY]): int(row[EVENT_US]) for row in rows}
    return heapq.nlargest(NEWEST_NOTED, ((event_us, entity) for entity, event_us in moments.items()))
