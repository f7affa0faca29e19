"""Two ids of known shoppers become one person where the shop says so, and neither raw id stays."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from shopsight.ingestion.importers import import_file
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = "2026-03-01T10:00:00Z"


def landed(settings: Settings, format_name: str, path: Path, *lines: Any) -> list[dict[str, Any]]:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    import_file(settings, format_name, path, received_at=ARRIVAL)
    files = [str(file) for file in settings.event_log_dir.glob("*/*/events/part-*.parquet")]
    return ds.dataset(files, format="parquet").to_table().to_pylist()


@pytest.mark.parametrize(
    ("format_name", "lines"),
    [
        ("segment", [{"type": "alias", "messageId": "m", "timestamp": AT, "userId": "new", "previousId": " old.0"}]),
        ("segment", [{"type": "alias", "messageId": "m", "timestamp": AT, "userId": "new", "previousId": "old.0"}]),
        (
            "posthog",
            [
                {"uuid": "m", "event": event, "distinct_id": "new", "timestamp": AT, "properties": {"alias": "old.0"}}
                for event in ("$merge_dangerously",)
            ],
        ),
        (
            "posthog",
            [
                {
                    "uuid": "m",
                    "event": "$create_alias",
                    "distinct_id": "new",
                    "timestamp": AT,
                    "properties": {"alias": "old.0"},
                }
            ],
        ),
        (
            "canonical_csv",
            ["event_name,event_timestamp,user_id,previous_user_id,seen_in", f"identify,{AT},new,old.0,desk"],
        ),
    ],
)
def test_a_merge_names_both_shoppers_by_their_pseudonyms(
    home: Settings, tmp_path: Path, format_name: str, lines: list[Any]
) -> None:
    (row,) = landed(home, format_name, tmp_path / f"events.{'csv' if 'csv' in format_name else 'jsonl'}", *lines)
    users = Pseudonymiser.from_settings(home)
    assert (row["event_name"], row["user_id"]) == ("identify", users.user("new"))
    said = json.loads(row["properties"])
    assert said["previous_user_id"] == users.user("old.0")
    assert "old" not in row["properties"].replace("previous_user_id", "")


@pytest.mark.parametrize("no_user", ["undefined", "NULL", "", ["old"], None])
def test_a_merge_with_nobody_is_none(home: Settings, tmp_path: Path, no_user: Any) -> None:
    properties = json.dumps({"previous_user_id": no_user, "seen_in": "desk"})
    line = {"event_name": "identify", "event_timestamp": AT, "user_id": "new", "properties": properties}
    (row,) = landed(home, "canonical_jsonl", tmp_path / "events.jsonl", line)
    assert json.loads(row["properties"]) == {"seen_in": "desk"}


@pytest.mark.parametrize("properties", [{"seen_in": "previous_user_id"}, {"deep": {"previous_user_id": "old"}}])
def test_the_word_elsewhere_in_the_properties_merges_nobody(
    home: Settings, tmp_path: Path, properties: dict[str, Any]
) -> None:
    line = {"event_name": "identify", "event_timestamp": AT, "user_id": "new", "properties": json.dumps(properties)}
    (row,) = landed(home, "canonical_jsonl", tmp_path / "events.jsonl", line)
    assert json.loads(row["properties"]) == properties
    assert row["anonymous_id"] is None


def test_merges_of_one_moment_into_one_shopper_are_different_events(home: Settings, tmp_path: Path) -> None:
    header = "event_name,event_timestamp,user_id,previous_user_id"
    rows = landed(home, "canonical_csv", tmp_path / "events.csv", header, *(f"identify,{AT},new,old{i}" for i in "123"))
    assert len({row["anonymous_id"] for row in rows}) == 3
