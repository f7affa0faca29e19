import pytest

from serving.http.body_checks import MAX_DEPTH, check_json_object


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b"\xff\xfe", 400, "malformed_json"),
        (b'{"a": "\\ud800"}', 400, "malformed_json"),
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
    problem = check_json_object(body)
    assert problem is not None
    assert (problem.status, problem.code) == (status, code)


def test_the_deepest_allowed_nesting_passes_and_one_more_level_does_not() -> None:
    def nested(levels: int) -> bytes:
        return b'{"a":' * levels + b"1" + b"}" * levels

    assert check_json_object(nested(MAX_DEPTH)) is None
    assert check_json_object(nested(MAX_DEPTH + 1)) is not None


def test_many_brackets_on_one_level_are_not_deep() -> None:
    assert check_json_object(b'{"a": [' + b"[],{}," * 500 + b"1]}") is None


def test_nan_inside_a_text_is_a_text() -> None:
    assert check_json_object(b'{"a": "NaN and Infinity"}') is None
