"""A seeded grammar that multiplies products, brands, attributes and ways of asking into training texts.

``corpus/grammar/<language>.txt`` holds ``[template <label> <style>]`` sections, whose lines are templates, and
``[slot <name>]`` or ``[slot <name> <domain>]`` sections, whose lines fill ``{name}``; a filling may hold slots itself.
A text stays within one domain, so that a lipstick has no battery.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from models.intent.corpus import CORPUS_DIR, LANGUAGES, STYLES, Utterance
from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError

GRAMMAR_DIR: Final = CORPUS_DIR / "grammar"
CHINESE_SHARE: Final = 0.3
_SLOT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[A-Za-z]{4,}")
_VOWELS: Final = "aeiou"


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """Templates by label and fillings by slot name and domain, of one language."""

    language: str
    templates: dict[str, list[tuple[str, str, str]]] = field(default_factory=lambda: defaultdict(list))
    """By label: group, style and text."""
    slots: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """By slot name and domain; the domain of a slot that fits everywhere is empty."""

    @classmethod
    def read(cls, language: str, folder: Path = GRAMMAR_DIR) -> "Grammar":
        """Read the grammar of a language.

        Raises:
            ShopsightError: a section or a slot is unknown.
        """
        grammar = cls(language=language)
        path = folder / f"{language}.txt"
        section: list[str] = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            if text.startswith("[") and text.endswith("]"):
                section = text[1:-1].split()
            elif section[:1] == ["template"] and len(section) == 3 and section[1] in INTENTS and section[2] in STYLES:
                grammar.templates[section[1]].append((f"grammar.{language}:{number}", section[2], text))
            elif section[:1] == ["slot"] and len(section) in (2, 3):
                grammar.slots.setdefault((section[1], "".join(section[2:])), []).append(text)
            else:
                raise _malformed(path, number, f"section {section} is neither [template <label> <style>] nor [slot …]")
        grammar._check(path)
        return grammar

    @property
    def domains(self) -> list[str]:
        """Every domain that slots are given for."""
        return sorted({domain for _, domain in self.slots if domain})

    def fill(self, template: str, *, domain: str, rng: np.random.Generator) -> str:
        """Return ``template`` with every slot filled: the same name is the same filling throughout a text.

        ``{brand2}`` where no slot has that name is another filling of ``brand``.
        """
        chosen: dict[str, str] = {}

        def pick(match: re.Match[str]) -> str:
            name = match[1]
            if name not in chosen:
                fillings = self._fillings(name, domain)
                fresh = [f for f in fillings if f not in chosen.values()] or fillings
                chosen[name] = fresh[rng.integers(len(fresh))]
            return chosen[name]

        while _SLOT.search(template):
            template = _SLOT.sub(pick, template)
        return template

    def _fillings(self, name: str, domain: str) -> list[str]:
        for key in ((name, domain), (name, ""), (name.rstrip("0123456789"), domain)):
            if key in self.slots:
                return self.slots[key]
        return self.slots.get((name.rstrip("0123456789"), ""), [])

    def _check(self, path: Path) -> None:
        lines = [text for entries in self.templates.values() for _, _, text in entries]
        lines += [filling for fillings in self.slots.values() for filling in fillings]
        for name in {name for line in lines for name in _SLOT.findall(line)}:
            missing = [domain for domain in self.domains if not self._fillings(name, domain)]
            if missing:
                raise _malformed(path, 0, f"slot {name!r} is not given for {', '.join(missing)}")


def generate(count: int, *, seed: int, chinese_share: float = CHINESE_SHARE) -> list[Utterance]:
    """Return ``count`` texts, spread evenly over the labels; about a third is misspelt or unpunctuated."""
    rng = np.random.default_rng(seed)
    grammars = {language: Grammar.read(language) for language in LANGUAGES}
    return list(_draw_texts(count, grammars, rng, chinese_share))


def roughen(text: str, rng: np.random.Generator) -> str:
    """Return ``text`` as a hurried thumb types it: slips in long words, punctuation gone, both or neither.

    A second and a third slip follow with falling odds, so that a short query may be spelt wrong throughout.
    """
    chance = 0.5
    while rng.random() < chance and (words := list(_WORD.finditer(text))):
        word = words[rng.integers(len(words))]
        text = text[: word.start()] + _slip(word[0], rng) + text[word.end() :]
        chance *= 0.8
    if rng.random() < 0.6:
        text = text.rstrip("?!.？！。 ").replace("'", "").replace(",", "")
    return text


def _draw_texts(
    count: int, grammars: dict[str, Grammar], rng: np.random.Generator, chinese_share: float
) -> Iterator[Utterance]:
    for index in range(count):
        label = INTENTS[index % len(INTENTS)]
        language = "zh" if rng.random() < chinese_share else "en"
        grammar = grammars[language]
        templates = grammar.templates[label]
        styles = sorted({style for _, style, _ in templates})
        style = styles[rng.integers(len(styles))]
        choices = [entry for entry in templates if entry[1] == style]
        group, style, template = choices[rng.integers(len(choices))]
        domain = grammar.domains[rng.integers(len(grammar.domains))]
        text = grammar.fill(template, domain=domain, rng=rng)
        if rng.random() < 0.35:
            text = roughen(text, rng)
        yield Utterance(text=text, label=label, language=language, style=style, group=group, source="grammar")


def _slip(word: str, rng: np.random.Generator) -> str:
    """Return ``word`` with a letter left out, doubled or swapped with the next, or a vowel taken for another."""
    at = int(rng.integers(1, len(word) - 1))
    kind = rng.integers(4)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at] + word[at:]
    vowels = [place for place in range(1, len(word)) if word[place] in _VOWELS]
    if kind == 2 and vowels:
        at = vowels[rng.integers(len(vowels))]
        return word[:at] + _VOWELS[rng.integers(len(_VOWELS))] + word[at + 1 :]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _malformed(path: Path, line: int, why: str) -> ShopsightError:
    return ShopsightError(f"cannot read the grammar at {path}:{line}", why=why, fix="correct that line")
