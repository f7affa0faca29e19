"""A dossier, checked: every figure is read back from the page and compared with what its evidence says when recomputed.

The page is written again from the registry, the marts and the rules, as of the record of the journal that it names, and
both are compared word by word. So it does not matter what the page says of its own evidence: a figure that was changed,
moved, left out or added differs from what is written again, and so does a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import takewhile, zip_longest
from pathlib import Path
from typing import Any, Final

from serving.audit.dossier.content import dossier
from serving.audit.dossier.page import page
from serving.audit.dossier.proofs import Proof, prove
from serving.audit.dossier.reading import Token, read_page
from serving.audit.dossier.sources import LIVE, Sources
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

MAX_BYTES: Final = 50_000_000
"""Largest page that is read; a dossier has some hundred kilobytes."""
NOTHING: Final = Token(text="nothing")
DIGEST: Final = {source: f"{source}#/sha256" for source in LIVE}


@dataclass(kw_only=True)
class DossierCheck:
    """What came of a check."""

    family: str
    version: str
    figures: int
    """Figures that the page should state."""
    differing: list[dict[str, str]] = field(default_factory=list)
    """Of each figure or text that is not what is recomputed: ``section``, ``evidence``, and what both say."""
    moved_on: list[dict[str, str]] = field(default_factory=list)
    """The same of figures whose source has moved on since, so that nobody can recompute them."""
    proofs: list[Proof] = field(default_factory=list)
    """What was recomputed from the artefacts beyond the page."""

    @property
    def holds(self) -> bool:
        """Whether all was recomputed, and is what the page says."""
        return not (self.differing or self.moved_on or any(proof.outcome == "differs" for proof in self.proofs))


def check_dossier(settings: Settings, path: Path) -> DossierCheck:
    """Check a page against a home.

    Raises:
        ShopsightError: it is no dossier, or the home has not what it is about.
        JournalBrokenError: the journal is not the one that the page names.
        ArtefactChangedError: a file of the version is not what was registered.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ShopsightError(f"{path} is no dossier.", why="it is far too large", fix="name a page that it wrote")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ShopsightError(f"{path} is no dossier.", why=str(error), fix="name a page that it wrote") from error
    read = read_page(text, name=path)
    wanted = page(dossier(settings, read.family, read.version, language=read.language, head=read.head))
    check = compare(text, wanted, name=path)
    check.proofs = prove(Sources(settings, read.family, read.version, read.head))
    return check


def compare(text: str, wanted: str, *, name: str | Path) -> DossierCheck:
    """Compare a page with what it should be, word by word and figure by figure.

    Args:
        text: the page.
        wanted: the page as it is written again.
        name: of the file, for messages.

    Raises:
        ShopsightError: ``text`` is no dossier.
    """
    read, tokens = read_page(text, name=name), _tokens_of(wanted)
    figures = sum(bool(token.evidence) for token in tokens)
    check = DossierCheck(family=read.family, version=read.version, figures=figures)
    differences = _differences(read.tokens, tokens)
    gone = _moved_on(read.tokens, tokens)
    for document, recomputed in differences:
        entry = {
            "section": recomputed.section or document.section,
            "evidence": recomputed.evidence or document.evidence or "words",
            "document": document.text,
            "recomputed": recomputed.text,
        }
        (check.moved_on if _of_any(gone, document, recomputed) else check.differing).append(entry)
    if not differences and text != wanted:
        entry = {"section": "", "evidence": "markup", "document": "other markup", "recomputed": "the page as written"}
        check.differing.append(entry)
    return check


@lru_cache(maxsize=1)
def _tokens_of(wanted: str) -> list[Token]:
    return read_page(wanted, name="the recomputed page").tokens


def _differences(document: Sequence[Token], recomputed: Sequence[Token]) -> list[tuple[Token, Token]]:
    keys = [[token.key for token in tokens] for tokens in (document, recomputed)]
    # What both begin and end with needs no search, which is all of a page but what was changed.
    before = _same_start(*keys)
    after = _same_start(*(part[before:][::-1] for part in keys))
    first, second = (part[before : len(part) - after] for part in keys)
    pairs: list[tuple[Token, Token]] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if tag != "equal":
            here, there = document[before + i1 : before + i2], recomputed[before + j1 : before + j2]
            pairs += zip_longest(here, there, fillvalue=NOTHING)
    return pairs


def _same_start(first: Sequence[Any], second: Sequence[Any]) -> int:
    pairs = zip(first, second, strict=False)  # the shorter one ends it
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _moved_on(document: Sequence[Token], recomputed: Sequence[Token]) -> set[str]:
    """Return the sources of which the page names another state than there is now."""
    states: list[dict[str, Any]] = [
        {token.evidence: token.text for token in tokens if token.evidence in DIGEST.values()}
        for tokens in (document, recomputed)
    ]
    return {source for source, evidence in DIGEST.items() if states[0].get(evidence) != states[1].get(evidence)}


def _of_any(sources: set[str], *tokens: Token) -> bool:
    """Return whether a difference is of one of the sources: the figure itself, its label, or its line of the index."""
    return any(
        token.evidence.startswith(f"{source}#") or token.text.startswith(f"{source}#")
        for source in sources
        for token in tokens
    )
