"""A shopper stays on one side of a canary, and two canaries have different shoppers."""

import pytest

from serving.releases.shoppers import is_in_share, may_be_split, shoppers_of


def asked(path: str = "/v1/recommendations", body: bytes = b"{}") -> set[tuple[str, str]]:
    return shoppers_of(path, body)


def is_canarys(name: str, *, salt: str = "recommender v0002", share: float = 0.2) -> bool:
    return is_in_share({("user", name)}, share, salt=salt, pseudonym=str.upper, request_id="r")


def test_a_user_is_named_before_the_session() -> None:
    assert asked(body=b'{"user_id": "maya", "session_id": "s_1"}') == {("user", "maya")}
    assert asked(body=b'{"session_id": "s_1"}') == {("session", "s_1")}


def test_the_user_of_an_address_is_named() -> None:
    assert asked("/v1/users/ma ya/recommendations", b"") == {("user", "ma ya")}


@pytest.mark.parametrize("body", [b'{"placement": "trending"}', b"", b"[1]", b'{"user_id": 7}', b"no JSON"])
def test_nobody_is_named(body: bytes) -> None:
    assert asked(body=body) == set()


@pytest.mark.parametrize("part", ["requests", "instances"])
def test_a_batch_names_all_of_its_shoppers(part: str) -> None:
    body = b'{"%s": [{"user_id": "maya"}, {"session_id": "s_1"}, {}]}' % part.encode()
    assert asked(body=body) == {("user", "maya"), ("session", "s_1")}


def test_the_share_of_the_shoppers_is_the_canarys_and_stays_so() -> None:
    names = [f"user {number}" for number in range(2_000)]
    ours = {name for name in names if is_canarys(name)}
    assert 320 < len(ours) < 480
    assert ours == {name for name in names if is_canarys(name)}
    assert ours <= {name for name in names if is_canarys(name, share=0.5)}


def test_another_version_has_other_shoppers() -> None:
    names = [f"user {number}" for number in range(2_000)]
    both = [name for name in names if is_canarys(name) and is_canarys(name, salt="recommender v0003")]
    assert len(both) < 140


def test_raw_ids_are_not_what_is_hashed() -> None:
    seen: list[str] = []

    def pseudonym(raw: str) -> str:
        seen.append(raw)
        return "p"

    is_in_share({("user", "maya")}, 0.5, salt="s", pseudonym=pseudonym, request_id="r")
    assert seen == ["maya"]


def test_a_batch_is_the_canarys_only_where_all_of_its_shoppers_are() -> None:
    names = [f"user {number}" for number in range(200)]
    ours = next(name for name in names if is_canarys(name))
    other = next(name for name in names if not is_canarys(name))
    pair = {("user", ours), ("user", other)}
    assert not is_in_share(pair, 0.2, salt="recommender v0002", pseudonym=str.upper, request_id="r")


def test_requests_that_name_nobody_are_drawn_one_by_one() -> None:
    drawn = [is_in_share(set(), 0.2, salt="s", pseudonym=str, request_id=str(number)) for number in range(2_000)]
    assert 320 < sum(drawn) < 480


@pytest.mark.parametrize(
    ("method", "path", "may_be"),
    [
        ("POST", "/v1/recommendations", True),
        ("GET", "/v1/users/maya/recommendations", True),
        ("GET", "/v1/models", False),
        ("GET", "/readyz", False),
        ("GET", "/metrics", False),
        ("DELETE", "/v1/recommendations", False),
    ],
)
def test_what_is_no_question_to_the_model_is_the_champions(method: str, path: str, may_be: bool) -> None:
    assert may_be_split({"method": method, "path": path}) is may_be
