"""The changelog can be read by a person and by a program."""

import re
import tomllib
from datetime import date

from shopsight.settings import REPO_ROOT

HEADINGS = re.findall(r"^## (.*)$", (REPO_ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)


def test_the_newest_version_of_the_changelog_is_that_of_the_package() -> None:
    import shopsight

    version = tomllib.loads((REPO_ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert HEADINGS[0].startswith(f"[{version}] - ")
    assert shopsight.__version__ == version


def test_every_version_of_the_changelog_has_a_date_and_newer_ones_come_first() -> None:
    matches = [re.fullmatch(r"\[\d+\.\d+\.\d+\] - (\d{4}-\d{2}-\d{2})", heading) for heading in HEADINGS]
    assert None not in matches
    dates = [date.fromisoformat(match[1]) for match in matches if match]
    assert dates == sorted(dates, reverse=True)


def test_changes_stand_under_the_kinds_of_keep_a_changelog() -> None:
    kinds = set(re.findall(r"^### (.*)$", (REPO_ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
