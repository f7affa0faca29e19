"""A setting that cannot be used is refused with its name, before anything runs."""

import pytest
import typer
from pydantic import SecretStr, ValidationError

from cli.console import explained
from shopsight.settings import Settings, tool_environment, without_password


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Argentina/Buenos_Aires"])
def test_a_zone_of_the_tz_database_reaches_the_tools(name: str) -> None:
    assert tool_environment(Settings(zone=name))["SHOPSIGHT_ZONE"] == name


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "UTC+8", "+08:00", "Europe", "../UTC", "/etc/localtime"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="is no IANA time zone such as Europe/Berlin"):
        Settings(zone=name)


def test_a_command_says_of_a_bad_setting_one_line_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOPSIGHT_ZONE", "Mars/[Olympus]")
    with pytest.raises(typer.Exit) as stopped, explained():
        Settings()
    assert stopped.value.exit_code == 1
    assert capsys.readouterr().err.splitlines() == [
        "error SHOPSIGHT_ZONE: 'Mars/[Olympus]' is no IANA time zone such as Europe/Berlin or Asia/Shanghai"
    ]


@pytest.mark.parametrize(
    "url", ["mysql://host/db", "postgresql://host", "postgresql:///db", "postgresql://u:p w@host/db", "host/db", ""]
)
def test_a_database_that_is_not_named_as_one_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="postgresql://user:password@host:5432/database"):
        Settings(dagster_postgres_url=SecretStr(url))


def test_what_is_refused_is_not_quoted_for_it_may_be_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPSIGHT_DAGSTER_POSTGRES_URL", "postgres://dagster:hush@postgres/dagster")
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://:hush@redis:6379/0", "redis://redis:6379/0"),
        ("nats://shop:hush@nats:4222", "nats://nats:4222"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("sqlite", "sqlite"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, address: str) -> None:
    assert without_password(url) == address
