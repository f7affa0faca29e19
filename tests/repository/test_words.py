"""Names say what they name, in the field's words; domain words mean what the glossary says.

To retire a word, give it a line in ``BOUNDS`` or ``NAMELESS``, and in ``LEFT`` how many names have it today. After a
renaming, lower that number: it may fall, never rise.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from shopsight.settings import REPO_ROOT

FOLDERS: Final = ("cli", "orchestration", "serving", "models", "shopsight", "benchmarks", "feature_repo", "tests")

BOUNDS: Final = {
    "fewest": "min_",
    "least": "min_",
    "shortest": "min_",
    "most": "max_",
    "longest": "max_",
}
"""First words of a name, and what a bound is called instead."""

NAMELESS: Final = {
    "found": "the noun of what was found: scores, windows, matches",
    "told": "the noun of what was said: estimates, predictions",
    "kept": "the noun of what is kept: rows, columns, items",
    "held": "the noun of what is there: stored, columns",
    "known": "the noun of what is known: items, users",
    "shown": "the noun of what is shown: items, lists",
    "dumb": "baseline",
    "somebody": "user or visitor",
    "nobody": "no user, or the empty history",
}
"""Whole names that name nothing, and what to say instead."""

LEFT: Final = {
    "least": 1,
    "most": 2,
    "longest": 2,
    "found": 5,
    "kept": 4,
    "known": 7,
    "shown": 3,
    "nobody": 1,
}
"""How many names are still to be renamed, counted once per file and name. A word that is not here has none."""


def names_given(tree: ast.Module) -> Iterator[str]:
    """Yield every name that a module gives: to a class, a function, an argument, a variable or an attribute."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def retired_word(name: str) -> str | None:
    """Return the retired word that a name starts with, where it is a bound, or is, where it names nothing."""
    plain = name.strip("_").lower()
    first = plain.split("_")[0]
    return plain if plain in NAMELESS else first if first in BOUNDS else None


@cache
def retired_names() -> dict[str, list[str]]:
    """Return where each retired word is a name, as ``file: name``."""
    places: dict[str, list[str]] = {word: [] for word in (*BOUNDS, *NAMELESS)}
    for path in sorted(path for folder in FOLDERS for path in (REPO_ROOT / folder).rglob("*.py")):
        for name in sorted(set(names_given(ast.parse(path.read_text())))):
            word = retired_word(name)
            if word is not None:
                places[word].append(f"{path.relative_to(REPO_ROOT)}: {name}")
    return places


@pytest.mark.parametrize("word", [*BOUNDS, *NAMELESS])
def test_a_retired_word_names_nothing_new(word: str) -> None:
    names = retired_names()[word]
    instead = (BOUNDS | NAMELESS)[word]
    assert len(names) <= LEFT.get(word, 0), "\n".join([f"instead of {word} say {instead}:", *names])


def test_a_bound_counts_where_a_name_starts_with_it_and_a_verb_where_it_is_the_name() -> None:
    tree = ast.parse("FEWEST_USERS = 3\ndef most(found): self.at_most = found_rows = _kept = 1")
    assert {name: retired_word(name) for name in names_given(tree)} == {
        "FEWEST_USERS": "fewest",
        "most": "most",
        "found": "found",
        "at_most": None,
        "found_rows": None,
        "_kept": "kept",
    }


def glossary() -> dict[str, str]:
    """Return the words of the glossary with their meanings."""
    rows = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \|$", (REPO_ROOT / "docs" / "glossary.md").read_text(), flags=re.MULTILINE
    )
    return {word.strip(): meaning.strip() for word, meaning in rows if set(word) != {"-"} and word.strip() != "word"}


def spaced(text: str) -> str:
    """Return a text in small letters, with a single space between the words of names and of lines."""
    return re.sub(r"[\s_-]+", " ", text.lower())


def sources() -> Iterator[Path]:
    """Yield the files that a word may be used in: code, SQL and what describes it."""
    for folder in (*FOLDERS[:-1], "dbt_project/models", "dbt_project/macros", "dbt_project/tests"):
        for suffix in ("py", "sql", "yml", "yaml"):
            yield from (REPO_ROOT / folder).rglob(f"*.{suffix}")


def test_every_word_of_the_glossary_is_used_in_the_code() -> None:
    code = spaced("\n".join(path.read_text() for path in sources()))
    words = glossary()
    assert len(words) > 20
    assert [word for word in words if spaced(word) not in code] == []


def test_every_model_family_and_every_entity_is_in_the_glossary() -> None:
    families = {path.parent.name for path in (REPO_ROOT / "serving").glob("*/service.py")}
    definitions = "\n".join(path.read_text() for path in (REPO_ROOT / "feature_repo").glob("*.py"))
    entities = set(re.findall(r'Entity\(\s*name="(\w+)"', definitions))
    assert {"recommender", "churn"} <= families
    assert {"user", "item"} <= entities
    assert {spaced(noun) for noun in families | entities} - {spaced(word) for word in glossary()} == set()


def test_the_glossary_is_in_order_and_each_meaning_is_one_phrase() -> None:
    words = glossary()
    assert list(words) == sorted(words, key=str.lower)
    assert [word for word, meaning in words.items() if len(meaning.split()) > 30] == []
