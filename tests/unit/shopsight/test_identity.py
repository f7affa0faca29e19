"""Ids are read alike wherever they come in: one spelling, and none for nobody."""

import pyarrow as pa
import pytest

from shopsight.identity import ID_COLUMNS, clean_id, clean_ids
from shopsight.privacy import Pseudonymiser


@pytest.mark.parametrize(
    "word",
    [
        *("NULL", "null", "undefined", "nan", "NaN", "None", "\\N", "(null)", "n/a", "", "  ", "\u200b", "(not set)"),
        "00000000-0000-0000-0000-000000000000",
    ],
)
@pytest.mark.parametrize("column", ID_COLUMNS)
def test_a_word_for_nothing_is_no_id(word: str, column: str) -> None:
    assert clean_id(word, column) is None


@pytest.mark.parametrize("word", ["0", "-1", "0.0", "guest", "Guest ", "anonymous"])
def test_a_guests_number_is_no_user_but_may_be_a_device(word: str) -> None:
    assert clean_id(word, "user_id") is None
    assert clean_id(word, "anonymous_id") is not None


@pytest.mark.parametrize(
    "spelling",
    ["17850", "17850.0", "17850.0000", "\xa017850", "17850\u3000", "\u200b17850\u200d", "\ufeff17850", " 17850\t"],
)
def test_the_spellings_of_an_id_are_one(spelling: str) -> None:
    assert clean_id(spelling, "user_id") == "17850"


@pytest.mark.parametrize("text", ["Maya", "maya", "007", "1.5", "v1.0", "nullable", "17.850", "a b", "guesthouse"])
def test_an_id_that_only_looks_odd_stays(text: str) -> None:
    assert clean_id(text, "user_id") == text


@pytest.mark.parametrize("column", ID_COLUMNS)
def test_a_column_is_read_as_its_ids_one_by_one(column: str) -> None:
    ascii_only = ["NULL", "0", "17850.0", " x ", "", None, "007", "\\N", "1.5", "-3.00", "a\x1f"]
    for ids in (ascii_only, [*ascii_only, "ünï\xa0", "\ufeff7.0", "\u3000"], [None], []):
        alone = [None if text is None else clean_id(text, column) for text in ids]
        assert clean_ids(pa.chunked_array([pa.array(ids, pa.string())]), column).to_pylist() == alone


def test_a_service_finds_a_person_under_every_spelling_that_an_import_reads_as_one() -> None:
    pseudonymiser = Pseudonymiser(b"a key for tests only")
    imported = clean_ids(pa.chunked_array([["17850.0", "\xa017850"]]), "user_id")
    assert {pseudonymiser.user(raw) for raw in ("17850", "17850.0", "17850\u200b")} == set(
        pseudonymiser.users(imported).to_pylist()
    )


def test_a_service_finds_nobody_under_a_word_for_nobody() -> None:
    pseudonymiser = Pseudonymiser(b"a key for tests only")
    assert pseudonymiser.user("NULL") == pseudonymiser.user("0") == pseudonymiser.user("")
