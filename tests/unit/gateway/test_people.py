"""Tokens of named people: only their hashes are stored, and only their owner can read them."""

import json
import stat

import pytest

from orchestration.gateway.people import People, PersonError, person_at_terminal
from shopsight.settings import Settings


def test_the_token_of_who_runs_up_is_made_once_and_for_its_owner_alone(home: Settings) -> None:
    token = People(home).own_token()
    assert len(token) == 64
    assert People(home).own_token() == token
    file = home.keys_dir / "web_ui.token"
    assert file.read_text() == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.keys_dir.stat().st_mode) == 0o700


def test_a_token_can_be_set_and_a_short_one_is_refused(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPSIGHT_TOKEN", "sixteen-letters.")
    assert People(Settings()).own_token() == "sixteen-letters."
    assert not home.keys_dir.exists(), "none is made beside it"
    monkeypatch.setenv("SHOPSIGHT_TOKEN", "no header takes this")
    with pytest.raises(ValueError, match="without blanks"):
        Settings()
    monkeypatch.setenv("SHOPSIGHT_TOKEN", "guess-me")
    with pytest.raises(ValueError, match="at least 16"):
        Settings()


def test_of_a_given_token_the_hash_alone_is_stored(home: Settings) -> None:
    people = People(home)
    token = people.add("Grace Hopper")
    stored = (home.keys_dir / "people.json").read_text()
    assert token not in stored
    assert [person["name"] for person in json.loads(stored)] == ["Grace Hopper"]
    assert stat.S_IMODE((home.keys_dir / "people.json").stat().st_mode) == 0o600
    holder = people.holder(token)
    assert holder is not None
    assert holder.name == "Grace Hopper"


def test_a_person_has_one_token_however_the_name_is_spelt(home: Settings) -> None:
    people = People(home)
    first = people.add("Zoë")
    second = people.add("zoe ")
    assert people.holder(first) is None
    assert people.holder(second) is not None
    assert [person.name for person in people.named()] == ["zoe"]


@pytest.mark.parametrize("name", ["", ".", "Ada\u200b", "automatic approval policy", "Training-Run"])
def test_what_is_no_persons_name_gets_no_token(home: Settings, name: str) -> None:
    with pytest.raises(PersonError, match="your own name"):
        People(home).add(name)
    with pytest.raises(PersonError, match="your own name"):
        person_at_terminal(home.model_copy(update={"user": name or " "}))


def test_who_has_no_token_cannot_lose_it(home: Settings) -> None:
    People(home).add("Grace")
    with pytest.raises(PersonError, match="those with one are: Grace"):
        People(home).remove("Linus")


def test_the_person_at_the_terminal_is_who_the_system_says_unless_a_name_is_set(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    assert person_at_terminal(home) == "ada"
    assert person_at_terminal(home.model_copy(update={"user": "Ada Lovelace"})) == "Ada Lovelace"


def test_people_are_given_tokens_listed_and_removed_at_the_command_line(home: Settings) -> None:
    from typer.testing import CliRunner

    from cli.app import app

    runner = CliRunner()
    added = json.loads(runner.invoke(app, ["people", "add", "Grace", "--json"]).stdout)
    assert added["link"] == f"http://127.0.0.1:3007/?token={added['token']}"
    assert People(home).holder(added["token"]) is not None
    listed = json.loads(runner.invoke(app, ["people", "list", "--json"]).stdout)
    assert [person["name"] for person in listed["people"]] == ["Grace"]
    assert runner.invoke(app, ["people", "remove", "Grace"]).exit_code == 0
    assert People(home).holder(added["token"]) is None
    assert runner.invoke(app, ["people", "remove", "Grace"]).exit_code == 1


@pytest.mark.parametrize("name", ["\u0410da", "\u0410d\u0430"])
def test_a_name_that_could_be_taken_for_another_one_gets_no_token(home, name: str) -> None:
    People(home).add("Ada")
    with pytest.raises(PersonError, match="could be taken for 'Ada'"):
        People(home).add(name)
    assert [person.name for person in People(home).named()] == ["Ada"]
