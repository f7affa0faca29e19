"""Texts in languages that no label is taught in, so that a German text is not read as odd English.

``corpus/untaught/<language>.txt`` holds a few dozen sentences of each. They teach how Latin letters look, and sentence
vectors lie, where the language is another one: of a language that is left out of them nearly as many texts are noticed.
"""

from pathlib import Path
from typing import Final

from models.intent.corpus import CORPUS_DIR
from models.text.normalise import has_cjk, letters_by_script, normalise
from shopsight.errors import ShopsightError

UNTAUGHT_DIR: Final = CORPUS_DIR / "untaught"


def read_untaught(folder: Path = UNTAUGHT_DIR) -> dict[str, list[str]]:
    """Return the texts of every language that is not taught, by the language's code, in a fixed order.

    Raises:
        ShopsightError: there is none.
    """
    texts = {
        path.stem: [normalise(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        for path in sorted(folder.glob("*.txt"))
    }
    if not texts:
        raise ShopsightError(
            f"there are no texts of untaught languages in {folder}",
            why="the folder is missing or empty",
            fix="restore models/intent/corpus/untaught from the repository",
        )
    return texts


def is_latin(text: str) -> bool:
    """Return whether a text has Latin letters and none of Chinese, Japanese or Korean.

    >>> is_latin("ein Hut"), is_latin("iPhone 手机壳"), is_latin("42")
    (True, False, False)
    """
    return not has_cjk(text) and letters_by_script(text)["LATIN"] > 0
