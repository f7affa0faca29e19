"""Words that a shop's people use for the same thing, as the shop says them.

A group is a list of phrases, such as ``[trainers, sneakers, running shoes]``: who asks for one is shown the others too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from models.search.words import plain_words

MAX_VARIANTS: Final = 4
"""Other wordings of one query that are searched for."""


@dataclass(frozen=True, kw_only=True)
class Synonyms:
    """Groups of phrases that mean the same."""

    groups: Sequence[Sequence[str]] = field(default_factory=tuple)

    def variants(self, text: str) -> tuple[str, ...]:
        """Return other wordings of a text, each with one phrase replaced by another of its group.

        >>> Synonyms(groups=[["trainers", "running shoes"]]).variants("red trainers")
        ('red running shoes',)
        """
        asked = plain_words(text)
        wordings: dict[str, None] = {}
        for group in self.groups:
            phrases = [plain_words(phrase) for phrase in group]
            for phrase in phrases:
                place = _place(phrase, asked)
                if place is None:
                    continue
                for other in phrases:
                    if other != phrase:
                        wordings.setdefault(" ".join([*asked[:place], *other, *asked[place + len(phrase) :]]))
                break
        return tuple(wordings)[:MAX_VARIANTS]


NO_SYNONYMS: Final = Synonyms()


def _place(phrase: Sequence[str], words: Sequence[str]) -> int | None:
    """Return where a phrase begins among words, or None."""
    if not phrase:
        return None
    starts = range(len(words) - len(phrase) + 1)
    return next((start for start in starts if list(words[start : start + len(phrase)]) == list(phrase)), None)
