"""The commands that the first pages show exist, so that a newcomer meets no dead end."""

import re

import pytest

from shopsight.settings import REPO_ROOT

PAGES = ("README.md", "docs/index.md", "docs/limits.md", "docs/api.md", "docs/events.md", "docs/text.md")


def commands_of(page: str) -> set[str]:
    text = (REPO_ROOT / page).read_text()
    shells = "\n".join(re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL))
    return set(re.findall(r"^(?:\.venv/bin/)?shopsight ([a-z]+)", shells, flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_platform_that_a_page_shows_exists(page: str) -> None:
    from cli.app import app

    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    groups = {group.name for group in app.registered_groups}
    assert commands_of(page) - names - groups == set()


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_every_make_target_that_a_page_shows_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPO_ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", (REPO_ROOT / page).read_text(), flags=re.MULTILINE))
    assert named
    assert named - targets == set()


def test_the_first_page_of_the_site_leads_to_an_approval_and_a_service() -> None:
    assert {"import", "run", "status", "approve"} <= commands_of("docs/index.md")
