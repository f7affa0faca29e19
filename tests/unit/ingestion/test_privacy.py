import base64
import hmac
import stat

import pyarrow as pa
import pytest

from shopsight.privacy import Pseudonymiser, PseudonymKeyError, redact
from shopsight.settings import Settings


def test_a_pseudonym_is_the_first_eighty_bits_of_a_keyed_hash() -> None:
    digest = hmac.digest(b"sixteen bytes key", b"user\x00maya", "sha256")
    expected = base64.b32encode(digest[:10]).decode().lower()
    assert Pseudonymiser(b"sixteen bytes key").user("maya") == f"u_{expected}"


def test_another_key_or_another_kind_of_id_gives_another_pseudonym() -> None:
    one, other = Pseudonymiser(b"first key of tests"), Pseudonymiser(b"second key of tests")
    assert len({one.user("maya"), other.user("maya"), one.anonymous("maya"), one.user("Maya")}) == 4


def test_a_column_gets_the_same_pseudonyms_as_single_ids_and_keeps_its_nulls() -> None:
    pseudonymiser = Pseudonymiser(b"a key for tests only")
    column = pa.chunked_array([["maya", None, "bo"], ["maya", "ünï", ""]])
    expected = [raw if raw is None else pseudonymiser.user(raw) for raw in column.to_pylist()]
    assert pseudonymiser.users(column).to_pylist() == expected


def test_the_key_is_made_once_and_only_its_owner_can_read_it(home: Settings) -> None:
    without_key = home.model_copy(update={"pseudonym_key": None})
    first = Pseudonymiser.from_settings(without_key).user("maya")
    assert Pseudonymiser.from_settings(without_key).user("maya") == first
    assert stat.S_IMODE((home.keys_dir / "pseudonym.key").stat().st_mode) == 0o600
    assert Pseudonymiser.from_settings(home).user("maya") != first


def test_a_key_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(PseudonymKeyError, match="can be guessed"):
        Pseudonymiser(b"short")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to jane.doe+shop@example.co.uk please", "write to [email] please"),
        ("call +49 171 1234567 now", "call [phone] now"),
        ("(020) 7946 0958", "[phone]"),
        ("06 12 34 56 78", "[phone]"),
        ("030/1234567", "[phone]"),
        ("0044 20 7946 0958", "[phone]"),
        ("555-867-5309", "[phone]"),
        ("我的电话 13800138000", "我的电话 [phone]"),
        ("iphone 12 128gb", "iphone 12 128gb"),
        ("4006381333931", "4006381333931"),
        ("bought on 01.02.2024 at 10:30", "bought on 01.02.2024 at 10:30"),
        ("size 42 - 44, 10 000 mah", "size 42 - 44, 10 000 mah"),
    ],
)
def test_mails_and_phone_numbers_leave_the_text_and_articles_stay(text: str, expected: str) -> None:
    assert redact(pa.array([text, None])).to_pylist() == [expected, None]
