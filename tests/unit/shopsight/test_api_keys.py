"""API keys are stored as hashes, replaced without a gap and taken away; and no writer loses another one's key."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from shopsight.api_keys import (
    PREFIX,
    ApiKeyError,
    ApiKeys,
    UnusableKeysError,
    hash_of,
    read_keys,
    require_keys,
)
from shopsight.clock import utc_now
from shopsight.settings import Settings, tool_environment


def names_that_work(settings: Settings, *keys: str) -> list[str]:
    """Return which stored names the keys open, expired ones left out."""
    stored = {key.hash: key for key in read_keys(settings.api_keys_path) if not key.expired(utc_now())}
    return [stored[digest].name for key in keys if (digest := hash_of(key).hex()) in stored]


def test_a_key_is_stored_as_its_hash_alone_in_a_file_of_its_owner(home: Settings) -> None:
    key = ApiKeys(home).create("storefront", ["write", "read"], rate=50)
    assert key.startswith(PREFIX)
    assert len(key) == len(PREFIX) + 43  # 256 bits
    text = home.api_keys_path.read_text()
    assert key not in text
    assert key.removeprefix(PREFIX) not in text
    assert home.api_keys_path.stat().st_mode & 0o777 == 0o600
    (stored,) = read_keys(home.api_keys_path)
    assert (stored.name, stored.scopes, stored.hash, stored.rate) == (
        "storefront",
        ("read", "write"),
        hash_of(key).hex(),
        50,
    )


def test_a_rotated_key_works_beside_the_new_one_until_its_grace_is_over(home: Settings) -> None:
    keys = ApiKeys(home)
    other, first = keys.create("other", ["read"]), keys.create("shop", ["write"], rate=3)
    second = keys.rotate("shop", grace=timedelta(hours=1))
    assert names_that_work(home, other, first, second) == ["other", "shop", "shop"]
    old, new = keys.all()[1:]
    assert timedelta(minutes=59) < old.expires - utc_now() <= timedelta(hours=1)
    assert (new.expires, new.scopes, new.rate) == (None, ("write",), 3)
    third = keys.rotate("shop", grace=timedelta(0))
    assert names_that_work(home, first, second, third) == ["shop"]
    assert names_that_work(home, third) == ["shop"]


def test_a_key_that_ends_by_plan_is_rotated_for_as_long_again_and_never_after_its_end(home: Settings) -> None:
    keys = ApiKeys(home)
    keys.create("partner", ["read"], lifetime=timedelta(days=30))
    keys.rotate("partner", grace=timedelta(days=90))
    old, new = keys.all()
    assert old.expires - old.created == timedelta(days=30)  # a grace prolongs nothing
    assert new.expires - new.created == timedelta(days=30)
    keys.create("ended", ["read"], lifetime=timedelta(seconds=-1))
    with pytest.raises(ApiKeyError, match="expired at"):
        keys.rotate("ended")


def test_a_revoked_key_is_gone_with_the_one_it_replaced_and_its_last_use(home: Settings) -> None:
    keys = ApiKeys(home)
    first, other = keys.create("shop", ["read"]), keys.create("other", ["read"])
    second = keys.rotate("shop")
    keys.uses.note("shop", utc_now())
    keys.revoke("shop")
    assert names_that_work(home, first, second, other) == ["other"]
    assert keys.uses.last("shop") is None
    keys.revoke("other")
    assert home.api_keys_path.exists()  # and so keys are still asked for


def test_writers_at_once_lose_no_key(home: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: ApiKeys(home).create(f"key-{n}", ["read"]), range(24)))
    assert len(names_that_work(home, *made)) == 24


@pytest.mark.parametrize("name", ["", "a b", "../keys", ".hidden", "x" * 65, "ä", "a\n"])
def test_a_name_that_could_be_something_else_gets_no_key(home: Settings, name: str) -> None:
    with pytest.raises(ApiKeyError, match="letters, digits"):
        ApiKeys(home).create(name, ["read"])
    assert not home.api_keys_path.exists()


def test_a_scope_that_is_none_and_a_name_twice_are_refused(home: Settings) -> None:
    keys = ApiKeys(home)
    for scopes in ([], ["reading"], ["read", "reading"]):
        with pytest.raises(ApiKeyError, match="scopes are read, write and admin"):
            keys.create("shop", scopes)
    keys.create("shop", ["read"])
    with pytest.raises(ApiKeyError, match="has a key already"):
        keys.create("shop", ["read"])
    for act in (keys.rotate, keys.revoke):
        with pytest.raises(ApiKeyError, match="keys have: shop"):
            act("shp")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "Invalid JSON"),
        ("[]", "the file"),
        ('{"keys": [{"name": "a"}]}', "keys.0.hash: Field required"),
        ('{"keys": [], "kees": []}', "kees: Extra inputs"),
        (
            '{"keys": [{"name": "a", "scopes": ["read"], "hash": "0", "created": "2026-01-01T00:00:00Z"}]}',
            "keys.0.hash",
        ),
    ],
)
def test_a_file_that_is_no_list_of_keys_is_named_with_its_fault_and_never_written_over(
    home: Settings, content: str, why: str
) -> None:
    home.api_keys_path.parent.mkdir(parents=True)
    home.api_keys_path.write_text(content)
    with pytest.raises(UnusableKeysError) as caught:
        ApiKeys(home).create("shop", ["read"])
    assert why in caught.value.why
    assert home.api_keys_path.read_text() == content


@pytest.mark.parametrize(
    ("host", "is_refused"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("10.1.2.3", True), ("shop", True)],
)
def test_what_other_machines_can_reach_needs_keys(home: Settings, host: str, is_refused: bool) -> None:
    settings = home.model_copy(update={"host": host})
    if is_refused:
        with pytest.raises(ApiKeyError, match="shopsight keys create"):
            require_keys(settings)
        ApiKeys(settings).create("shop", ["read"])
    require_keys(settings)


def test_a_broken_file_of_keys_is_refused_on_loopback_too(home: Settings) -> None:
    home.api_keys_path.parent.mkdir(parents=True)
    home.api_keys_path.write_text("{")
    with pytest.raises(UnusableKeysError, match="mend the file"):
        require_keys(home)


def test_the_file_may_lie_elsewhere_and_children_know_it_whatever_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings(home=tmp_path / "home", api_keys_file=Path("secret/keys.json"))
    ApiKeys(settings).create("shop", ["read"])
    assert tool_environment(settings)["SHOPSIGHT_API_KEYS_FILE"] == str(tmp_path / "secret" / "keys.json")
    assert (tmp_path / "secret" / "keys.json").exists()


def test_the_demo_calls_services_with_a_key_of_its_own_and_takes_it_away_again(home: Settings) -> None:
    from cli.demo import key_header

    with key_header(home) as header:
        assert header == {}
    ApiKeys(home).create("shop", ["read"])
    with key_header(home) as header:
        (name,) = set(names_that_work(home, *header.values()))
        assert name.startswith("demo-")
    assert [key.name for key in ApiKeys(home).all()] == ["shop"]


def test_doctor_says_who_has_a_key_and_what_is_wrong_with_the_file(home: Settings) -> None:
    from cli.doctor import examine

    def finding(settings: Settings) -> tuple[str, str]:
        (one,) = [one for one in examine(settings) if one.name == "API keys"]
        return one.outcome, one.detail + one.fix

    assert finding(home) == ("ok", "none: 127.0.0.1 is this machine alone")
    assert finding(home.model_copy(update={"host": "192.0.2.1"}))[0] == "problem"
    ApiKeys(home).create("shop", ["read"])
    assert finding(home) == ("ok", "of shop")
    home.api_keys_path.write_text("{")
    outcome, text = finding(home)
    assert outcome == "problem"
    assert "mend the file" in text


def test_keys_are_made_listed_rotated_and_revoked_at_the_command_line(home: Settings) -> None:
    runner = CliRunner()

    def call(*arguments: str) -> str:
        result = runner.invoke(app, ["keys", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    created = json.loads(call("create", "shop", "--scope", "read", "--scope", "write", "--rate", "5", "--json"))
    assert names_that_work(home, created["key"]) == ["shop"]
    ApiKeys(home).uses.note("shop", utc_now())
    listed = json.loads(call("list", "--json"))
    assert listed["in_force"]
    assert [(key["name"], key["scopes"], key["rate"]) for key in listed["keys"]] == [("shop", ["read", "write"], 5)]
    assert listed["keys"][0]["last_use"] is not None
    assert "hash" not in listed["keys"][0]
    assert "shop" in call("list")
    rotated = json.loads(call("rotate", "shop", "--grace-hours", "0", "--json"))
    assert names_that_work(home, created["key"], rotated["key"]) == ["shop"]
    call("revoke", "shop")
    assert names_that_work(home, rotated["key"]) == []
    assert runner.invoke(app, ["keys", "revoke", "shop"]).exit_code == 1
    assert runner.invoke(app, ["keys", "create", "shop", "--scope", "reading"]).exit_code == 1
