"""``shopsight validate``: what an import would say of a file, without an import."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from shopsight.ingestion.checking import worst
from shopsight.ingestion.checks.answers import Check
from shopsight.ingestion.importers import UnknownFormatError, check_file, import_file
from shopsight.settings import Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADER = "event_name,event_timestamp,user_id,item_id,order_id\n"
GOOD = "".join(f"view_item,2026-03-01T10:00:{i:02d}Z,maya,i{i},\n" for i in range(60))
BOUGHT = "purchase,2026-03-01T11:00:00Z,maya,i1,o1\n"


def checks_of(folder: Path, content: str, format_name: str = "canonical_csv") -> dict[str, Check]:
    (folder / "events.csv").write_text(content)
    return {check.name: check for check in check_file(format_name, folder / "events.csv", received_at=ARRIVAL)}


def test_a_good_file_passes_every_check(tmp_path: Path) -> None:
    rows = (GOOD + BOUGHT).replace("\n", ",9.50\n")
    checks = checks_of(tmp_path, HEADER.replace("\n", ",price\n") + rows)
    assert worst(checks.values()) == "PASS"
    assert {"readable", "event_name_unknown", "unclosed_quote", "duplicates", "purchases", "time_span"} <= set(checks)
    assert checks["events"].said == "60 view_item, 1 purchase"


def test_a_few_bad_rows_warn_with_their_lines_and_many_fail(tmp_path: Path) -> None:
    few = checks_of(tmp_path, HEADER + "hover,2026-03-01T10:00:00Z,maya,i1,\n" + GOOD + BOUGHT)
    assert (few["event_name_unknown"].status, few["event_name_unknown"].rows) == ("WARN", 1)
    (example,) = few["event_name_unknown"].examples
    assert (example.file_name, example.line, example.raw) == ("events.csv", 2, "hover,2026-03-01T10:00:00Z,maya,i1,")
    many = checks_of(tmp_path, HEADER + "view_item,soon,maya,i1,\n" * 9 + "view_item,x\n" + GOOD)
    assert (many["event_timestamp_invalid"].status, many["event_timestamp_invalid"].rows) == ("FAIL", 9)
    assert len(many["event_timestamp_invalid"].examples) == 3
    assert many["wrong_number_of_fields"].examples[0].raw == "view_item,x"
    assert worst(many.values()) == "FAIL"


def test_duplicates_missing_purchases_and_late_history_are_warned_of(tmp_path: Path) -> None:
    checks = checks_of(tmp_path, HEADER + GOOD + GOOD[:80].splitlines()[0] + "\n")
    assert (checks["duplicates"].status, checks["duplicates"].rows) == ("WARN", 1)
    assert checks["purchases"].status == "WARN"
    old = checks_of(tmp_path, HEADER + GOOD.replace("2026-03-01", "2025-03-01") + BOUGHT)
    assert "known from today" in old["time_span"].said


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", HEADER])
def test_a_file_that_could_not_be_imported_at_all_fails(tmp_path: Path, content: str) -> None:
    assert worst(checks_of(tmp_path, content).values()) == "FAIL"


def test_companions_are_checked_too(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,price\ni1,1\n,2\n")
    checks = checks_of(tmp_path, HEADER + GOOD + BOUGHT)
    assert (checks["items.item_id_missing"].rows, checks["items.item_id_missing"].status) == (1, "FAIL")


def test_an_unknown_format_and_the_sample_are_refused() -> None:
    for name in ("xlsx", "sample"):
        with pytest.raises(UnknownFormatError):
            check_file(name, received_at=ARRIVAL)


def test_the_command_exits_with_three_on_a_failure_and_writes_nothing(home: Settings, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(HEADER + "[x],2026-03-01T10:00:00Z,maya,i1,\n" + BOUGHT)
    runner = CliRunner()
    failed = runner.invoke(app, ["validate", "canonical_csv", str(tmp_path / "events.csv")])
    assert failed.exit_code == 3
    assert "[x],2026-03-01T10:00:00Z" in failed.stdout
    (tmp_path / "events.csv").write_text(HEADER + GOOD + BOUGHT)
    passed = runner.invoke(app, ["validate", "canonical_csv", str(tmp_path / "events.csv"), "--json"])
    assert (passed.exit_code, json.loads(passed.stdout)["checks"][0]["status"]) == (0, "PASS")
    assert not home.home.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format_name", "name"),
    [
        ("taobao", "taobao_userbehavior/UserBehavior.csv"),
        ("amazon_reviews", "amazon_reviews_5core/All_Beauty_5.json"),
        ("otto", "otto/train.jsonl"),
    ],
)
def test_validating_foretells_what_importing_does(
    home: Settings, shared_data: Path, format_name: str, name: str
) -> None:
    checks = {check.name: check for check in check_file(format_name, shared_data / name, received_at=ARRIVAL)}
    receipt = import_file(home, format_name, shared_data / name, received_at=ARRIVAL)
    said = {
        name: check.rows
        for name, check in checks.items()
        if check.rows and name not in ("duplicates", "corrected", "time_span")
    }
    assert said == receipt.reasons
    assert (checks["duplicates"].rows, checks["corrected"].rows) == (receipt.duplicates, receipt.corrected)
