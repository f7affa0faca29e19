"""Colours and materials of a query, in the words that the catalogue has for them: 黑色 is black, and gray is grey."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from models.text.attribute_words import COLOURS, MATERIALS, NO_NAME
from models.text.normalise import normalise

_NAMES: Final = {
    form: (name, *others)
    for kind in (COLOURS, MATERIALS)
    for name, others in kind.items()
    for form in filter(None, (name, *others))
}
"""Every written form, with all forms of the same name."""
_OF_NOTHING: Final = frozenset(COLOURS[NO_NAME])
"""Words that hold a colour's name and name none, such as black tea."""
_ANY: Final = re.compile(
    "|".join(rf"(?<![a-z0-9]){re.escape(form)}(?![a-z0-9])" for form in sorted(_NAMES, key=len, reverse=True))
)


class AttributeNames:
    """Renames what one catalogue calls otherwise."""

    def __init__(self, occurs: Callable[[str], int]) -> None:
        """Make one; ``occurs`` says in how many items a word or a phrase stands."""
        self._occurs = occurs

    def renamed(self, text: str) -> str | None:
        """Return the text with each name that the catalogue lacks put as it has it; None where nothing changes."""
        plain = normalise(text).casefold()
        parts, place = [], 0
        for start, end, name in self._renamings(plain):
            # A Latin word among Han has no space around it, and needs one.
            parts += [plain[place:start], f" {name} "]
            place = end
        return " ".join("".join([*parts, plain[place:]]).split()) if parts else None

    def _renamings(self, plain: str) -> Iterator[tuple[int, int, str]]:
        for match in _ANY.finditer(plain):
            form = match.group()
            if form in _OF_NOTHING or self._occurs(form):
                continue
            others = [other for other in _NAMES[form] if other and self._occurs(other)]
            if others:
                yield match.start(), match.end(), max(others, key=self._occurs)
