"""One small change of one file, and how changes are drawn."""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

VERDICTS = Path(__file__).with_name("verdicts.yml")


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """A piece of a file's text and what stands there instead."""

    path: str
    """Of the file, from the repository's root."""
    kind: str
    line: int
    """The first line of the piece, from 1."""
    start: int
    """Where the piece begins in the text, in characters from 0."""
    original: str
    replacement: str
    code: str
    """The whole line, trimmed."""
    place: int
    """Where in it the piece begins: with the line and the replacement it names the mutation in another commit too."""

    @property
    def name(self) -> str:
        """What tells the mutation from every other one of this text."""
        return f"{self.path}:{self.line}:{self.start}:{self.kind}:{self.replacement}"

    def applied(self, text: str) -> str:
        """Return the file's text with the mutation in it.

        Raises:
            ValueError: the text is not the one that the mutation was drawn from.
        """
        end = self.start + len(self.original)
        if text[self.start : end] != self.original:
            raise ValueError(f"{self.path} has changed since the mutation was drawn")
        return text[: self.start] + self.replacement + text[end:]

    def __str__(self) -> str:
        original, replacement = (" ".join(piece.split()) for piece in (self.original, self.replacement))
        return f"{self.path}:{self.line} [{self.kind}] {original} → {replacement or '(nothing)'}   in: {self.code}"


def mutation_at(path: str, text: str, kind: str, start: int, end: int, replacement: str) -> Mutation:
    """Return the mutation that puts ``replacement`` in the place of ``text[start:end]``."""
    line = text.count("\n", 0, start) + 1
    code = text.splitlines()[line - 1]
    place = start - (text.rfind("\n", 0, start) + 1) - (len(code) - len(code.lstrip()))
    return Mutation(
        path=path,
        kind=kind,
        line=line,
        start=start,
        original=text[start:end],
        replacement=replacement,
        code=code.strip(),
        place=max(place, 0),
    )


def draw(candidates: Iterable[Mutation], rng: random.Random) -> list[Mutation]:
    """Return every candidate once, in an order in which each kind has its turn as often as any other."""
    by_kind: dict[str, list[Mutation]] = defaultdict(list)
    for candidate in candidates:
        by_kind[candidate.kind].append(candidate)
    for kind in sorted(by_kind):
        by_kind[kind].sort(key=lambda mutation: mutation.name)
        rng.shuffle(by_kind[kind])
    drawn: list[Mutation] = []
    while by_kind:
        kind = rng.choice(sorted(by_kind))
        drawn.append(by_kind[kind].pop())
        if not by_kind[kind]:
            del by_kind[kind]
    return drawn


def verdict_of(mutation: Mutation) -> tuple[str, str] | None:
    """Return what was judged of a survivor, ``equivalent`` or ``real``, and why; None where it was not judged yet."""
    for judged in yaml.safe_load(VERDICTS.read_text()) or []:
        if all(judged[key] == getattr(mutation, key) for key in ("path", "code", "place", "kind", "replacement")):
            return judged["verdict"], judged["reason"]
    return None
