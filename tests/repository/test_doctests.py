"""The examples in docstrings are run: what they show is what the code answers."""

import doctest
import importlib
from typing import Final

import pytest

from shopsight.settings import REPO_ROOT

FOLDERS: Final = ("cli", "orchestration", "serving", "models", "shopsight", "benchmarks")

MODULES: Final = sorted(
    ".".join(path.relative_to(REPO_ROOT).with_suffix("").parts)
    for folder in FOLDERS
    for path in (REPO_ROOT / folder).rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_answer_what_they_show(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_an_example_that_shows_another_answer_fails() -> None:
    example = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "example", None, None)
    outcome = doctest.DocTestRunner(verbose=False).run(example)
    assert (outcome.attempted, outcome.failed) == (1, 1)
