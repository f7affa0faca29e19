"""Files of marked answers: what of a row is read, and which files are refused."""

import csv
import gzip
from pathlib import Path

import pytest

from shopsight.errors import ShopsightError
from shopsight.marked_answers import COLUMNS, read_marked_answers

TEXT = "The anti-glare works well. Cheap too. ANSWERNOTFOUND"


def _file(path: Path, *rows: tuple[str, str, str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, "domain"])
        for question, words, place in rows:
            writer.writerow(["item", question, f"Is it {question}?", TEXT, words, place, "electronics"])
    return path


def test_what_several_people_made_of_a_question_is_put_together(tmp_path: Path) -> None:
    file = _file(
        tmp_path / "a.csv",
        ("q1", "anti - glare works well", "(4, 25)"),
        ("q1", "ANSWERNOTFOUND", "(37, 51)"),
        ("q2", "ANSWERNOTFOUND", "(37, 51)"),
    )
    first, second = read_marked_answers([file])
    assert (first.people, first.marked, second.marked) == (2, ("anti - glare works well",), ())
    assert first.text == "The anti-glare works well. Cheap too."
    assert [first.text[start:end] for start, end in first.spans] == ["anti-glare works well"]


def test_words_are_looked_up_where_their_place_is_wrong_and_words_apart_have_none(tmp_path: Path) -> None:
    file = _file(tmp_path / "a.csv", ("q1", "Cheap too", "(0, 3)"), ("q2", "anti-glare Cheap", "(4, 32)"))
    together, apart = read_marked_answers([file])
    assert together.text[slice(*together.spans[0])] == "Cheap too"
    assert (apart.marked, apart.spans) == (("anti-glare Cheap",), ())


def test_a_gzipped_file_is_read_too(tmp_path: Path) -> None:
    plain = _file(tmp_path / "a.csv", ("q1", "Cheap too", "(27, 36)"))
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_marked_answers([packed]) == read_marked_answers([plain])


def test_a_file_without_a_column_or_cut_in_two_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("question,review\nx,y\n")
    with pytest.raises(ShopsightError, match=r"b\.csv has no column `item_id`"):
        read_marked_answers([tmp_path / "b.csv"])
    packed = gzip.compress(_file(tmp_path / "a.csv", ("q1", "Cheap too", "(27, 36)")).read_bytes())
    (tmp_path / "c.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(ShopsightError, match="cannot read"):
        read_marked_answers([tmp_path / "c.csv.gz"])
