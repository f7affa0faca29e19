import json

import pytest

from serving.http.body_checks import MAX_DEPTH, json_object_in
from serving.http.problems import ProblemError


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b"\xff\xfe", 400, "malformed_json"),
        (b'{"a": "\\ud800"', 400, "malformed_json"),
        (b'{"a": "\\ud800", "b": NaN}', 422, "non_finite_number"),
        ('{"a": "\\ud800"}'.encode("utf-16"), 400, "malformed_json"),
        (b'{"a": 1,}', 400, "malformed_json"),
        (b"[" * 5000, 400, "malformed_json"),
        (b'{"a": ' * 400 + b"1" + b"}" * 400, 400, "too_deep"),
        (b'{"a": NaN}', 422, "non_finite_number"),
        (b'{"a": -Infinity}', 422, "non_finite_number"),
        (b'{"a": 1e999}', 422, "non_finite_number"),
        (b"[]", 422, "invalid_request"),
        (b'"text"', 422, "invalid_request"),
        (b"null", 422, "invalid_request"),
    ],
)
def test_what_is_no_finite_json_object_is_refused(body: bytes, status: int, code: str) -> None:
    problem = json_object_in(body)
    assert isinstance(problem, ProblemError)
    assert (problem.status, problem.code) == (status, code)


def test_the_deepest_allowed_nesting_passes_and_one_more_level_does_not() -> None:
    def nested(levels: int) -> bytes:
        return b'{"a":' * levels + b"1" + b"}" * levels

    assert json_object_in(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    assert isinstance(json_object_in(nested(MAX_DEPTH + 1)), ProblemError)


@pytest.mark.parametrize(
    "body", [b'{"a": [' + b"[],{}," * 500 + b"1]}", b'{"a": "NaN and Infinity"}', b'{"a": "\\ud83d\\ude00 \\\\ud83d"}']
)
def test_many_brackets_on_one_level_nan_inside_a_text_and_whole_emoji_pass_as_they_are(body: bytes) -> None:
    assert json_object_in(body) == body


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ('{"a": ["\\ud83d", "good"]}', {"a": ["\ufffd", "good"]}),
        ('{"a": "\\ude00 \\ud83d\\ud83d\\ude00"}', {"a": "\ufffd \ufffd😀"}),
        ('{"\\ud83d": 12345678901234567890.5, "b": 1e-7}', {"\ufffd": 12345678901234567890.5, "b": 1e-7}),
    ],
)
def test_half_an_emoji_is_read_as_the_replacement_character(sent: str, read: object) -> None:
    passed_on = json_object_in(sent.encode())
    assert isinstance(passed_on, bytes)
    assert json.loads(passed_on) == read
