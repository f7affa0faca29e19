"""Names of those who decide: what can be one, and which spellings are the same one."""

import unicodedata
from typing import Final

BLANK_LETTERS: Final = "\u115f\u1160\u3164\uffa0"
"""Fillers of Hangul: letters to Unicode, nothing to the eye."""


def is_a_name(text: str) -> bool:
    r"""Return whether a text has a letter, and no character that nobody sees.

    >>> is_a_name("Ada"), is_a_name("."), is_a_name("Ada\u200b")
    (True, False, False)
    """
    unseen = any(unicodedata.category(character)[0] == "C" or character in BLANK_LETTERS for character in text)
    return not unseen and any(character.isalpha() for character in text)


def spelling_of(name: str) -> str:
    """Return what all spellings of a name share: its letters and digits, without case, accents, blanks and signs.

    >>> spelling_of("Training  Run") == spelling_of("training-run")
    True
    """
    return "".join(character for character in unicodedata.normalize("NFKD", name).casefold() if character.isalnum())


_LOOKS_LIKE: Final = str.maketrans(
    # Cyrillic and Greek letters, and the digits and capitals, that are read as the Latin letter below them.
    "АаВЕеІіЈјКкМНОоРрСсТУуХхѕԛԝһ" + "ΑαΒΕΖΗΙικΚΜΝνΟοΡρΤτυΥΧχ" + "01I|",
    "AaBEeliJjKkMHOoPpCcTYyXxsqwh" + "AaBEZHlikKMNvOoPpTtuYXx" + "Olll",
)


def looks_of(name: str) -> str:
    """Return what all names share that the eye takes for one another, whatever alphabets their letters are of.

    >>> looks_of("Ada") == looks_of("\u0410d\u0430"), looks_of("Ida") == looks_of("lda")
    (True, True)
    """
    plain = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    return spelling_of(plain.translate(_LOOKS_LIKE))


def are_alike(name: str, other: str) -> bool:
    """Return whether two names are spellings of one, or could be taken for one another.

    >>> are_alike("ada lovelace", "Ada-Lovelace"), are_alike("Ivan", "lvan"), are_alike("Ada", "Bob")
    (True, True, False)
    """
    return spelling_of(name) == spelling_of(other) or looks_of(name) == looks_of(other)
