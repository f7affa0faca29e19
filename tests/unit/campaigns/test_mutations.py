"""A mutation is one small change that still runs, is drawn the same from a seed, and is known again by its line."""

import ast
import random

import pytest
from mutants.areas import AREAS
from mutants.mutation import draw
from mutants.python_mutations import python_mutations
from mutants.sql_mutations import sql_mutations

from shopsight.settings import REPO_ROOT

PYTHON = '''
"""A docstring of 1 word."""

def share(values, limit=3):
    """Return 2."""
    if not values:
        raise ValueError("fewer than 1")
    return max(value / 2 for value in values if value < limit)
'''
SQL = """
-- at least 1 of them
select user_id, coalesce(orders, 0) as orders
from {{ ref('users') }}
where not is_bot
    and age <= 30
"""


def test_every_change_of_python_has_a_meaning_and_messages_have_none() -> None:
    changes = {(mutation.kind, mutation.replacement) for mutation in python_mutations("share.py", PYTHON)}
    assert changes == {
        ("number", "4"),
        ("number", "3"),
        ("not or minus dropped", "values"),
        ("opposite", "min((value / 2 for value in values if value < limit))"),
        ("filter dropped", "(value / 2 for value in values)"),
        ("operator", "(value * 2)"),
        ("comparison", "(value <= limit)"),
    }


def test_every_change_of_sql_is_of_a_word_that_counts() -> None:
    changes = {(mutation.kind, mutation.original, mutation.replacement) for mutation in sql_mutations("users.sql", SQL)}
    assert changes == {
        ("coalesce", "orders, 0", "0, orders"),
        ("number", "0", "1"),
        ("number", "30", "31"),
        ("not dropped", "not ", ""),
        ("edge", " <= ", " < "),
        ("and/or", "and ", "or "),
        ("condition dropped", "    and age <= 30", ""),
    }


def test_a_mutated_module_is_python_and_another_one() -> None:
    for path in AREAS["registry"].files(REPO_ROOT):
        text = path.read_text()
        for mutation in python_mutations(path.name, text):
            assert ast.dump(ast.parse(mutation.applied(text))) != ast.dump(ast.parse(text)), str(mutation)


def test_a_seed_draws_the_same_mutations_and_each_kind_has_its_turn() -> None:
    candidates = list(python_mutations("share.py", PYTHON))
    drawn = draw(candidates, random.Random(7))
    assert drawn == draw(candidates[::-1], random.Random(7))
    assert sorted(map(str, drawn)) == sorted(map(str, candidates))


def test_a_mutation_of_a_text_that_has_changed_is_refused() -> None:
    mutation = next(python_mutations("share.py", PYTHON))
    with pytest.raises(ValueError, match="has changed"):
        mutation.applied(PYTHON.replace("limit=3", "limit=4"))
