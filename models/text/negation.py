"""Which of a text's names stand behind a "not"."""

import re
from collections.abc import Sequence

from models.text.attribute_words import CHAIN, NEGATION


def said_no_to(text: str, spans: Sequence[tuple[int, int]], *, behind: "re.Pattern[str] | None" = None) -> list[bool]:
    """Return whether a text says no to each of some names, itself or by an "or" that hangs on to such a one.

    Args:
        text: what was said.
        spans: where each name begins and ends, from left to right.
        behind: what says no to the name that it follows; None: nothing.

    >>> said_no_to("no leather or suede, black please", [(3, 10), (14, 19), (21, 26)])
    [True, True, False]
    """
    answers: list[bool] = []
    ends: list[int] = []
    for start, end in spans:
        chained = any(CHAIN.match(text[other:start]) for other in ends if other <= start)
        no = chained or NEGATION.search(text[:start]) is not None
        no = no or (behind is not None and behind.match(text[end:]) is not None)
        answers.append(no)
        if no:
            ends.append(end)
    return answers
