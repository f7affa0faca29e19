"""Where a talk stands: what is wished, what was shown, and what was asked last."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from models.assistant.wish import Wish

MAX_SHOWN: Final = 60
"""Items of one wish that are remembered, so that "more" shows others."""


@dataclass(frozen=True, kw_only=True)
class Talk:
    """The state of one conversation; a message makes another one of it."""

    wish: Wish = field(default_factory=Wish)
    listed: tuple[str, ...] = ()
    """Items of the last list, in its order: "the second one" is of these."""
    seen: tuple[str, ...] = ()
    """All that were shown for this wish."""
    focus: tuple[str, ...] = ()
    """Items that the talk is about: "it", or the two that were compared."""
    asked: str | None = None
    """Facet that the last answer asked for."""
    skipped: tuple[str, ...] = ()
    """Facets that need not be asked any more."""
    language: str | None = None
    turns: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it as what JSON has."""
        return asdict(replace(self, wish=Wish())) | {"wish": self.wish.as_json()}

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> "Talk":
        """Return what :meth:`as_json` gave.

        Raises:
            KeyError, TypeError: it is of another version.
        """
        lists = {name: tuple(document[name]) for name in ("listed", "seen", "focus", "skipped")}
        return cls(
            wish=Wish.of_json(document["wish"]),
            asked=document["asked"],
            language=document["language"],
            turns=document["turns"],
            **lists,
        )

    def showing(self, item_ids: list[str]) -> "Talk":
        """Return the state after a list was shown."""
        seen = (*self.seen, *(item_id for item_id in item_ids if item_id not in self.seen))
        focus = tuple(item_ids) if len(item_ids) == 1 else ()
        return replace(self, listed=tuple(item_ids), seen=seen[-MAX_SHOWN:], focus=focus)
