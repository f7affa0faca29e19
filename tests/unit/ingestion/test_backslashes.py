"""Databases escape quotes and nulls by a backslash, where RFC 4180 doubles the one and leaves the other empty."""

from pathlib import Path

import pytest

from shopsight.ingestion.readers.delimited import read_delimited


def rows_of(tmp_path: Path, text: str, delimiter: str = ",") -> list[list[str]]:
    (tmp_path / "rows.csv").write_text(delimiter.join("abc") + "\n" + text)
    return [list(row.values()) for chunk in read_delimited(tmp_path / "rows.csv") for row in chunk.rows.to_pylist()]


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (r'1,"5\" screen",2', ["1", '5" screen', "2"]),
        (r'1,"\"cheap\" one",2', ["1", '"cheap" one', "2"]),
        (r'1,"say \"cheap\"",2', ["1", 'say "cheap"', "2"]),
        (r'1,"{\"a\": \"x\\\\y\"}",2', ["1", r'{"a": "x\\y"}', "2"]),
        (r'1,"{\"a\": \"x\\\"y\"}",2', ["1", r'{"a": "x\"y"}', "2"]),
        (r'1,"C:\",2', ["1", "C:\\", "2"]),  # RFC 4180: a field that ends in a backslash
        (r'1,"{""a"": ""x\""y""}",2', ["1", r'{"a": "x\"y"}', "2"]),  # RFC 4180: JSON with a quote in it
        (r"1,\N,2", ["1", "", "2"]),
        (r"1,a\Nb,2", ["1", r"a\Nb", "2"]),
    ],
)
def test_a_field_is_what_its_writer_meant(tmp_path: Path, line: str, fields: list[str]) -> None:
    assert rows_of(tmp_path, line + "\n") == [fields]


def test_an_escaped_quote_opens_no_field_over_the_lines_that_follow(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, '1,"5\\" screen",x\n2,plain,y\n3,"6\\" screen",z\n')
    assert [row[0] for row in rows] == ["1", "2", "3"]


def test_the_original_bytes_of_a_row_stay_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('a,b\n1,"5\\" screen"\n')
    (chunk,) = read_delimited(tmp_path / "rows.csv")
    assert chunk.raw(chunk.lines - 2) == [b'1,"5\\" screen"']
