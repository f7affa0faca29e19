"""Files in the S3-Rec text format: what is read, and what is refused with its line."""

import numpy as np
import pytest

from benchmarks.recommendation.reader import UnreadableInteractionsError, read_attributes, read_sequences


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "file.txt"
        path.write_text(text)
        return path

    return write


def test_each_line_is_a_user_and_items_in_the_order_of_the_file(written):
    sequences = read_sequences(written("1 30 4 12\n\nada 4 x\n"))
    assert sequences.users == ["1", "ada"]
    assert sequences.items == [["30", "4", "12"], ["4", "x"]]
    assert sequences.interactions == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no user"),
        (" \n\n", "holds no user"),
        ("1 2 3\n2\n", "Line 2 of .* names a user and no item"),
        ("1 2 3\n2 3\n1 4\n", "Line 3 of .* repeats user '1' of line 1"),
    ],
)
def test_a_file_that_says_less_than_it_should_is_refused_with_its_line(written, text, message):
    with pytest.raises(UnreadableInteractionsError, match=message):
        read_sequences(written(text))


def test_a_file_that_is_absent_or_not_text_is_refused(tmp_path):
    with pytest.raises(UnreadableInteractionsError, match="cannot be read"):
        read_sequences(tmp_path / "absent.txt")
    (tmp_path / "bytes").write_bytes(b"1 \xff\xfe\n")
    with pytest.raises(UnreadableInteractionsError, match="cannot be read"):
        read_sequences(tmp_path / "bytes")


def test_attributes_are_coded_and_padded_and_items_without_any_have_none(written):
    path = written('{"4": [7, 9, 7], "30": [9], "unknown": [1]}')
    attributes = read_attributes(path, np.array(["30", "4", "x"], dtype=object))
    assert attributes.tolist() == [[2, 0], [1, 2], [0, 0]]


@pytest.mark.parametrize("text", ["{", "[1]", '{"4": 1}'])
def test_attributes_that_are_no_object_of_lists_are_refused(written, text):
    with pytest.raises(UnreadableInteractionsError, match="is not"):
        read_attributes(written(text), np.array(["4"], dtype=object))
