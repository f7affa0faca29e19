from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shopsight.ingestion.readers.delimited import read_delimited
from shopsight.ingestion.readers.source_files import SourceFileError

Seen = tuple[list[tuple[int, dict[str, str], bytes]], list[tuple[int, str, bytes]]]


def read(path: Path, content: bytes, *, block_bytes: int = 1 << 20) -> Seen:
    """Rows as (line, fields, bytes), and broken lines as (line, reason, bytes)."""
    path.write_bytes(content)
    rows, broken = [], []
    for chunk in read_delimited(path, required=("a", "b"), block_bytes=block_bytes):
        raws = chunk.raw(np.arange(chunk.rows.num_rows))
        rows += list(zip(chunk.lines.tolist(), chunk.rows.to_pylist(), raws, strict=True))
        broken += [(row.line, row.reason, row.raw) for row in chunk.broken]
    return rows, sorted(broken)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


def test_rows_keep_their_line_and_their_bytes(file: Path) -> None:
    rows, broken = read(file, b'a,b\r\n1,x\r\n\r\n"2, or 3","say ""hi"""\r\n4,z')
    assert rows == [
        (2, {"a": "1", "b": "x"}, b"1,x"),
        (4, {"a": "2, or 3", "b": 'say "hi"'}, b'"2, or 3","say ""hi"""'),
        (5, {"a": "4", "b": "z"}, b"4,z"),
    ]
    assert broken == []


def test_a_quoted_field_may_run_over_lines(file: Path) -> None:
    rows, broken = read(file, b'a,b\n1,"first\nsecond\n\nfourth"\n2,y\n')
    assert [(line, row["b"]) for line, row, _ in rows] == [(2, "first\nsecond\n\nfourth"), (6, "y")]
    assert broken == []


@pytest.mark.parametrize("inside", [b"two\nlines", b"two\r\nlines"])
def test_lines_that_end_in_a_carriage_return_alone_may_have_any_break_in_quotes(file: Path, inside: bytes) -> None:
    rows, broken = read(file, b'a,b\r1,"' + inside + b'"\r2,y\r')
    assert [(row["a"], row["b"].split()) for _, row, _ in rows] == [("1", ["two", "lines"]), ("2", ["y"])]
    assert broken == []


def test_lines_that_end_in_several_ways_are_refused_with_a_reason(file: Path) -> None:
    with pytest.raises(SourceFileError) as refused:
        read(file, b"a,b\r1,x\r2,two\nlines\r")
    assert "some of its lines end in CR alone" in refused.value.why


def test_a_line_with_the_wrong_number_of_fields_is_set_aside(file: Path) -> None:
    rows, broken = read(file, b"a,b\n1,x\n2\n3,y,z\n4,w\n")
    assert [line for line, _, _ in rows] == [2, 5]
    assert broken == [(3, "wrong_number_of_fields", b"2"), (4, "wrong_number_of_fields", b"3,y,z")]


def test_a_quote_that_is_never_closed_costs_its_own_line_only(file: Path) -> None:
    rows, broken = read(file, b'a,b\n1,"oops\n2,x\n3,y\n4,"fine"\n5,"oops again\n6,z\n')
    assert [line for line, _, _ in rows] == [3, 4, 5, 7]
    assert broken == [(2, "unclosed_quote", b'1,"oops'), (6, "unclosed_quote", b'5,"oops again')]


def test_a_quote_inside_a_field_is_text(file: Path) -> None:
    rows, broken = read(file, b'a,b\n1,5" screen\n2,x\n3,7" screen\n')
    assert [row["b"] for _, row, _ in rows] == ['5" screen', "x", '7" screen']
    assert broken == []


def test_a_quote_that_arrow_reads_otherwise_costs_no_neighbour(file: Path) -> None:
    rows, broken = read(file, b'a,b\n"x"y"z,"d\n2,x\n3,y\n')
    assert [line for line, _, _ in rows][-2:] == [3, 4]
    assert len(rows) + len(broken) == 3


def test_lines_that_are_not_text_are_set_aside(file: Path) -> None:
    rows, broken = read(file, b"a,b\n1,caf\xe9\n2,caf\xc3\xa9\n3,\x00\n4,x\n")
    assert [row["b"] for _, row, _ in rows] == ["café", "x"]
    assert broken == [(2, "not_utf8", b"1,caf\xe9"), (4, "nul_byte", b"3,\x00")]


def test_other_separators_and_a_byte_order_mark_are_understood(file: Path) -> None:
    assert read(file, b"\xef\xbb\xbfa;b\n1;x,y\n")[0][0][1] == {"a": "1", "b": "x,y"}
    assert read(file, b"a\tb\n1\tx,y\n")[0][0][1] == {"a": "1", "b": "x,y"}


def test_a_header_alone_is_a_file_without_rows(file: Path) -> None:
    assert read(file, b"a,b\n") == ([], [])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"a,c\n1,2\n", "its header has no column b; it has: a, c"),
        (b"a,b,a\n", "its header names a twice"),
        (b"a,b,caf\xe9\n", "its header is not UTF-8"),
        (b"A,b\n1,2\n", "its header has no column a; it has: A, b"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_says_why(file: Path, content: bytes, why: str) -> None:
    with pytest.raises(SourceFileError, match=r"cannot import .*file\.csv") as error:
        read(file, content)
    assert why in error.value.why
    assert error.value.fix


def test_a_file_without_line_breaks_is_refused_before_it_fills_the_memory(file: Path) -> None:
    with pytest.raises(SourceFileError, match="longer than a megabyte"):
        read(file, b"a,b\n" + b"x" * 3_000_000, block_bytes=500_000)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match="No such file"):
        list(read_delimited(tmp_path / "nowhere.csv", required=()))


# Without commas no line inside a field can pass for a whole row, so there is one way only to read the file.
FIELD = st.text(alphabet='x"\n é', max_size=6)


@given(rows=st.lists(st.tuples(FIELD, FIELD), max_size=12), block_bytes=st.integers(1, 64))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_well_formed_rows_come_back_whole_whatever_the_size_of_the_blocks(
    file: Path, rows: list[tuple[str, str]], block_bytes: int
) -> None:
    quoted = [[field.replace('"', '""') for field in ("key", *row)] for row in rows]
    text = "k,a,b\n" + "".join('"' + '","'.join(row) + '"\n' for row in quoted)
    read_rows, broken = read(file, text.encode(), block_bytes=block_bytes)
    assert [(row["a"], row["b"]) for _, row, _ in read_rows] == rows
    assert broken == []


LINES = st.sampled_from([b"1,x", b'2,"y', b"3", b'"', b'4,"a\nb"', b"5,\xff", b"", b"6,z"])


@given(content=st.lists(LINES, max_size=14), block_bytes=st.integers(1, 64))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_line_is_lost_whatever_the_file(file: Path, content: list[bytes], block_bytes: int) -> None:
    rows, broken = read(file, b"a,b\n" + b"\n".join(content), block_bytes=block_bytes)
    seen = b"\n".join(raw for _, raw in sorted([(r[0], r[2]) for r in rows] + [(b[0], b[2]) for b in broken]))
    lines = b"\n".join(content).split(b"\n")
    assert [line for line in seen.split(b"\n") if line] == [line for line in lines if line]


def test_text_inside_a_quoted_field_never_becomes_a_row(file: Path) -> None:
    rows, broken = read(file, b'a,b\n1,"loved it\n2,x\n3,y\nbye"\n4,z\n')
    assert [(line, row["b"]) for line, row, _ in rows] == [(2, "loved it\n2,x\n3,y\nbye"), (6, "z")]
    assert broken == []


def test_a_closed_field_in_a_row_with_too_many_fields_gives_none_of_its_lines(file: Path) -> None:
    rows, broken = read(file, b'a,b\n1,"loved it\n2,x\nbye",extra\n4,z\n')
    assert [line for line, _, _ in rows] == [5]
    assert broken == [(2, "wrong_number_of_fields", b'1,"loved it\n2,x\nbye",extra')]


@pytest.mark.parametrize("block_bytes", [7, 1 << 20])
def test_a_field_of_hundreds_of_lines_is_set_aside_with_all_that_look_like_rows(file: Path, block_bytes: int) -> None:
    rows, broken = read(file, b'a,b\n1,"' + b"2,x\n" * 300 + b'bye"\n4,z\n', block_bytes=block_bytes)
    assert [line for line, _, _ in rows] == [303]
    assert [(line, reason) for line, reason, _ in broken] == [(2, "unclosed_quote")]


@pytest.mark.parametrize(
    "content",
    [
        b"a|b\n1|x\n",
        b"sep=;\na;b\n1;x\n",
        b"# written by a tool\n# in March\na,b\n1,x\n",
        b"\n\r\na,b\n1,x\n",
        b"\xef\xbb\xbf\xef\xbb\xbfa,b\n1,x\n",
        b"a,b\r1,x\r",
        "a\tb\r\n1\tx\r\n".encode("utf-16"),
        "a\tb\r\n1\tx\r\n".encode("utf-16-le"),
        b",a,b\n0,1,x\n",
        b",a,b,\n0,1,x,\n",
        b"a;b\n1;x\n",
    ],
)
def test_headers_as_tools_write_them_give_the_same_row(file: Path, content: bytes) -> None:
    rows, broken = read(file, content)
    assert [row for _, row, _ in rows] == [{"a": "1", "b": "x"}]
    assert broken == []


def test_lines_are_counted_from_the_top_of_the_file_whatever_stands_above_the_header(file: Path) -> None:
    assert [line for line, _, _ in read(file, b"# remark\n\na,b\n1,x\n")[0]] == [4]


def test_a_name_that_holds_the_other_separator_does_not_change_it(file: Path) -> None:
    assert read(file, b'a;b;"price, net, per piece, rounded"\n1;x;5\n')[0][0][1]["b"] == "x"


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_a_file_without_a_header_may_have_any_separator(file: Path, sign: str) -> None:
    file.write_text(f"1{sign}x\n2{sign}y\n")
    chunks = list(read_delimited(file, names=("a", "b")))
    assert [row for chunk in chunks for row in chunk.rows.to_pylist()] == [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]


CHINESE = "红色连衣裙，夏季新款女装短袖修身显瘦中长款气质淑女裙子海淘正品包邮"


def test_a_page_of_chinese_is_read_in_its_encoding(file: Path) -> None:
    rows, broken = read(file, f"a,b\n1,{CHINESE}\n2,{CHINESE}\n".encode("gb18030"))
    assert [row["b"] for _, row, _ in rows] == [CHINESE, CHINESE]
    assert broken == []


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("红色", "gb18030"),
        ("Crème brûlée", "cp1252"),
        ("한국어 상품 이름입니다 " * 20, "euc-kr"),
        ("Привет мир " * 20, "cp1251"),
    ],
)
def test_a_file_whose_encoding_nothing_tells_is_refused_as_a_whole_until_somebody_says(
    file: Path, text: str, encoding: str
) -> None:
    content = f"a,b\n1,plain\n2,{text}\n3,{text}\n4,plain\n".encode(encoding)
    with pytest.raises(SourceFileError, match=r"(?s)not UTF-8.*encoding: gb18030"):
        read(file, content)
    chunks = list(read_delimited(file, required=("a", "b"), encoding=encoding))
    assert [row["b"] for chunk in chunks for row in chunk.rows.to_pylist()] == ["plain", text, text, "plain"]


def test_another_encoding_that_begins_late_is_refused_too(file: Path) -> None:
    plain = b"1,plain text\n" * 100_000
    with pytest.raises(SourceFileError, match=r"line 100002 on it is not UTF-8"):
        read(file, b"a,b\n" + plain + "2,红色\n".encode("gb18030") * 3_000)


@pytest.mark.parametrize(("text", "encoding"), [("女装 > 连衣裙", "gb18030"), ("Müsli > Café", "cp1252")])
def test_one_line_in_another_encoding_in_a_short_file_is_not_set_aside(file: Path, text: str, encoding: str) -> None:
    with pytest.raises(SourceFileError, match="it is not UTF-8 but may be .*" + encoding):
        read(file, b"a,b\n1," + text.encode(encoding) + b"\n2,plain\n")


def test_one_damaged_line_of_many_costs_itself_only(file: Path) -> None:
    rows, broken = read(file, b"a,b\n" + b"1,x\n" * 500 + b"2,caf\xe9\n" + b"3,x\n" * 500)
    assert len(rows) == 1_000
    assert broken == [(502, "not_utf8", b"2,caf\xe9")]
