"""What a user reads when a part is missing: its name, why it matters, and the fix."""

import json
from pathlib import Path

import pytest
from running import call, environment_of, settings_of


def new_home(folder: Path) -> dict[str, str]:
    """Return the environment of a user whose home is not there yet."""
    return environment_of(settings_of(folder / "home"), folder)


def test_status_of_a_home_that_does_not_exist_is_empty_and_makes_none(tmp_path: Path) -> None:
    finished = call(new_home(tmp_path), "status", "--json")
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["events"]["received"] == 0
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "command", [("recommend", "maya"), ("approve", "recommender", "--by", "Ada", "--reason", "why")]
)
def test_without_a_model_the_answer_names_what_is_missing_and_how_to_get_it(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    finished = call(new_home(tmp_path), *command)
    assert finished.returncode == 1
    assert "recommender" in finished.stderr
    assert "shopsight run" in finished.stderr


def test_an_unknown_format_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    unknown = call(new_home(tmp_path), "import", "parchment", "scroll.txt")
    assert unknown.returncode == 1
    assert "canonical_csv" in unknown.stderr
    missing = call(new_home(tmp_path), "import", "retailrocket", "no-such-events.csv")
    assert missing.returncode == 1
    assert "no-such-events.csv" in missing.stderr
    nameless = call(new_home(tmp_path), "import", "retailrocket")
    assert nameless.returncode == 1
    assert "retailrocket" in nameless.stderr
