"""A setting that cannot be used is refused with its name, before anything runs."""

import pytest
import typer
from pydantic import ValidationError

from cli.console import explained
from shopsight.settings import Settings, tool_environment


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
