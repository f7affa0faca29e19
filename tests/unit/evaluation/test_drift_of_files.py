"""``shopsight drift``: two files in, a verdict with its culprits out, for people and for programs."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmarks.drift import window
from cli.app import app
from cli.console import CHECKS_FAILED, FAILED, OK

ROWS = window(1, 600)
OTHERS = window(2, 600)
BROKEN = OTHERS.assign(price=OTHERS.price * 100).drop(columns="channel")


def drift(reference: Path, current: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["drift", str(reference), str(current), *options], catch_exceptions=False)
    return result.exit_code, result.output


def document(reference: Path, current: Path) -> tuple[int, dict[str, Any]]:
    code, text = drift(reference, current, "--json")
    return code, json.loads(text)


def written(rows: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        rows.to_parquet(path, index=False)
    elif path.suffix == ".jsonl":
        rows.to_json(path, orient="records", lines=True, date_format="iso")
    else:
        rows.to_csv(path, index=False, sep=";" if path.stem.endswith("semicolons") else ",")
    return path


@pytest.mark.parametrize("name", ["rows.csv", "rows_semicolons.csv", "rows.parquet", "rows.jsonl", "rows.csv.gz"])
def test_each_kind_of_file_gets_the_same_verdict(tmp_path: Path, name: str) -> None:
    reference, same, broken = (
        written(rows, tmp_path / f"{mark}{name}") for mark, rows in (("a", ROWS), ("b", OTHERS), ("c", BROKEN))
    )
    code, answer = document(reference, same)
    assert (code, answer["verdict"], answer["culprits"]) == (OK, "stable", [])
    assert (answer["rows"]["reference"], answer["rows"]["current"]) == (600, 600)
    code, answer = document(reference, broken)
    assert (code, answer["verdict"]) == (CHECKS_FAILED, "drifted")
    assert {"price", "channel"} == set(answer["culprits"])
    price, channel = answer["columns"]["price"], answer["columns"]["channel"]
    assert {"verdict", "method", "effect", "p_value"} <= set(price)
    assert (price["verdict"], channel["verdict"]) == ("drifted", "not_evaluable")
    assert price["effect"] > 1
    assert price["p_value"] < 0.01


def test_a_person_reads_the_culprit_first_and_in_words(tmp_path: Path) -> None:
    code, text = drift(written(ROWS, tmp_path / "a.parquet"), written(BROKEN, tmp_path / "b.parquet"))
    assert code == CHECKS_FAILED
    assert text.startswith("drifted: 600 reference rows, 600 current rows")
    assert "standard deviations" in text.replace("\n", " ") or "standard" in text
    assert text.index("price") < text.index("event_id")


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_file_without_rows_cannot_be_judged(tmp_path: Path, name: str) -> None:
    code, answer = document(written(ROWS, tmp_path / name), written(ROWS.iloc[:0], tmp_path / f"empty_{name}"))
    assert (code, answer["verdict"], answer["rows"]["current"]) == (CHECKS_FAILED, "not_evaluable", 0)
    assert {column["verdict"] for column in answer["columns"].values()} == {"not_evaluable"}


def test_a_file_that_is_missing_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    code, text = drift(written(ROWS, tmp_path / "a.csv"), tmp_path / "none.csv", "--json")
    assert code == FAILED
    assert "none.csv" in text.replace("\n", "")


def test_numbers_that_json_holds_as_text_now_are_another_type(tmp_path: Path) -> None:
    texts = OTHERS.assign(price=OTHERS.price.astype(str))
    code, answer = document(written(ROWS, tmp_path / "a.jsonl"), written(texts, tmp_path / "b.jsonl"))
    assert (code, answer["columns"]["price"]["verdict"]) == (CHECKS_FAILED, "not_evaluable")
    assert answer["culprits"] == ["price"]


def test_lines_that_cannot_be_read_are_a_finding_and_not_left_out_in_silence(tmp_path: Path) -> None:
    current = written(OTHERS, tmp_path / "b.csv")
    lines = current.read_text().splitlines()
    current.write_text("\n".join(line if n % 10 else line + ",,,," for n, line in enumerate(lines, start=1)))
    code, answer = document(written(ROWS, tmp_path / "a.csv"), current)
    assert (code, answer["rows"]["verdict"]) == (CHECKS_FAILED, "drifted")
    assert answer["rows"]["method"] == "share of lines that could not be read"
