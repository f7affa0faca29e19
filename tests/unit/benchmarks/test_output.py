"""Where a benchmark's figures go."""

import argparse
import json
from pathlib import Path

import pytest

from benchmarks.output import add_json_option, describe_run, write_figures

FIGURES = {"ndcg@10": 0.06, "format": "café"}


def destination_of(*arguments: str) -> str:
    parser = argparse.ArgumentParser()
    add_json_option(parser)
    return str(parser.parse_args(arguments).json)


def test_figures_go_to_standard_output_unless_a_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_figures(FIGURES, destination_of())
    printed = json.loads(capsys.readouterr().out)
    assert set(printed.pop("run")) == {"command", "date", "commit", "machine"}
    assert printed == FIGURES
    write_figures(FIGURES, destination_of("--json", str(tmp_path / "figures.json")))
    written = json.loads((tmp_path / "figures.json").read_text())
    assert set(written.pop("run")) == {"command", "date", "commit", "machine"}
    assert written == FIGURES
    assert capsys.readouterr().out == ""


def test_the_command_of_a_run_names_files_without_the_folders_of_this_machine() -> None:
    argv = ["/opt/venv/bin/python", "-m", "benchmarks.tone", "--reviews", "/data/reviews.json", "--seeds", "1,2"]
    assert describe_run(argv)["command"] == "python -m benchmarks.tone --reviews reviews.json --seeds 1,2"


def test_a_folder_that_is_not_there_is_named_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        destination_of("--json", str(tmp_path / "nowhere" / "figures.json"))
    assert f"there is no folder {tmp_path / 'nowhere'}" in capsys.readouterr().err
