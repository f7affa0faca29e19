"""What the collector's journal holds after a kill, a full disk and a flipped bit: what was acknowledged."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from shopsight.ingestion.collecting import journal as journals
from shopsight.ingestion.collecting.journal import (
    Journal,
    damaged_segments,
    forget,
    hashes_in,
    known_hashes,
    sealed_segments,
)
from shopsight.ingestion.collecting.records import (
    ACCEPTED_SCHEMA,
    REFUSED_SCHEMA,
    DamagedSegmentError,
    Record,
    encode,
    read_records,
)
from shopsight.locking import ResourceBusyError

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def record(*numbers: int) -> Record:
    rows = [
        dict.fromkeys(ACCEPTED_SCHEMA.names)
        | {
            "event_id": f"e{number}",
            "line_number": 0,
            "event_name": "page_view",
            "event_timestamp": NOON,
            "created_timestamp": NOON,
            "consent": "granted",
            "source": "shop",
            "event_hash": number,
            "content_hash": number,
        }
        for number in numbers
    ]
    refused = pa.RecordBatch.from_pylist([{"raw": b"{}", "reasons": ["actor_missing"]}], schema=REFUSED_SCHEMA)
    return Record(accepted=pa.RecordBatch.from_pylist(rows, schema=ACCEPTED_SCHEMA), refused=refused, duplicates=3)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Journal]:
    def opened(*, max_bytes: int = 1_000_000, max_seconds: float = 60, seconds: list[float] | None = None) -> Journal:
        clock = seconds or [0.0]
        return Journal(
            tmp_path, max_bytes=max_bytes, max_seconds=max_seconds, now=lambda: NOON, seconds_now=lambda: clock[0]
        )

    return opened


def numbers_in(folder: Path) -> list[int]:
    return [
        number
        for path in sealed_segments(folder)
        for one in read_records(path)
        for number in one.accepted["event_hash"].to_pylist()
    ]


def killed(journal: Journal) -> None:
    """Let go of the lock as the system does of a process that was killed; what is open stays so."""
    journal._locked.close()  # noqa: SLF001 - what a kill leaves


def test_a_record_is_read_as_it_was_written(opened: Callable[..., Journal], tmp_path: Path) -> None:
    written = record(1, 2)
    journal = opened()
    journal.append(written)
    journal.close()
    (read,) = read_records(sealed_segments(tmp_path)[0])
    assert read.accepted.equals(written.accepted)
    assert read.refused.equals(written.refused)
    assert read.duplicates == 3


def test_a_segment_cut_at_any_byte_keeps_the_records_that_were_whole(
    opened: Callable[..., Journal], tmp_path: Path
) -> None:
    whole, torn = encode(record(1)), encode(record(2))
    for cut in (*range(40), len(torn) // 2, len(torn) - 1):
        (tmp_path / "20260501T120000Z-x.open").write_bytes(whole + torn[:cut])
        opened().close()
        assert numbers_in(tmp_path) == [1]
        assert not damaged_segments(tmp_path)
        sealed_segments(tmp_path)[0].unlink()


def test_a_segment_without_a_whole_record_leaves_nothing(opened: Callable[..., Journal], tmp_path: Path) -> None:
    (tmp_path / "20260501T120000Z-x.open").write_bytes(encode(record(1))[:-1])
    opened().close()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_bytes_that_the_disk_changed_before_a_whole_record_are_set_aside_and_named(
    opened: Callable[..., Journal], tmp_path: Path
) -> None:
    changed = bytearray(encode(record(2)))
    changed[60] ^= 1
    (tmp_path / "20260501T120000Z-x.open").write_bytes(encode(record(1)) + changed + encode(record(3)))
    opened().close()
    assert numbers_in(tmp_path) == [1]
    assert [path.name for path in damaged_segments(tmp_path)] == ["20260501T120000Z-x.damaged"]


def test_a_sealed_segment_with_a_flipped_bit_is_refused_with_the_place(
    opened: Callable[..., Journal], tmp_path: Path
) -> None:
    journal = opened()
    journal.append(record(1))
    journal.append(record(2))
    journal.close()
    (path,) = sealed_segments(tmp_path)
    content = bytearray(path.read_bytes())
    first = len(encode(record(1)))
    content[first + 30] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedSegmentError, match=f"from byte {first:,} of"):
        list(read_records(path))
    assert known_hashes(tmp_path, limit=10) == [(1, 1)]  # a collector starts all the same


def test_what_a_killed_collector_left_open_is_sealed_by_the_next(
    opened: Callable[..., Journal], tmp_path: Path
) -> None:
    journal = opened()
    journal.append(record(1))
    killed(journal)
    assert not sealed_segments(tmp_path)
    opened().close()
    assert numbers_in(tmp_path) == [1]


def test_two_collectors_do_not_write_to_one_folder(
    opened: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "LOCK_SECONDS", 0.05)
    first = opened()
    with pytest.raises(ResourceBusyError, match="another process is writing"):
        opened()
    first.close()
    opened().close()


def test_a_segment_is_sealed_when_it_is_large_or_old(opened: Callable[..., Journal], tmp_path: Path) -> None:
    seconds = [0.0]
    journal = opened(max_bytes=len(encode(record(1))) + 1, seconds=seconds)
    journal.append(record(1))
    assert not sealed_segments(tmp_path)
    journal.append(record(2))
    assert len(sealed_segments(tmp_path)) == 1
    journal.append(record(3))
    seconds[0] = 59.0
    journal.seal_if_old()
    assert len(sealed_segments(tmp_path)) == 1
    seconds[0] = 60.0
    journal.seal_if_old()
    assert sorted(numbers_in(tmp_path)) == [1, 2, 3]
    journal.close()
    assert len(sealed_segments(tmp_path)) == 2


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_record_that_cannot_be_written_leaves_nothing_of_itself(
    call: str, opened: Callable[..., Journal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened()
    journal.append(record(1))
    real = {"write": os.write, "fsync": os.fsync}[call]

    def fails(file: int, data: bytes = b"") -> int:
        if call == "write":
            real(file, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(OSError, match="No space"):
        journal.append(record(2))
    monkeypatch.undo()
    journal.append(record(3))
    journal.close()
    assert sorted(numbers_in(tmp_path)) == [1, 3]


def test_the_newest_events_are_known_to_the_next_collector_also_when_they_have_landed(
    opened: Callable[..., Journal], tmp_path: Path
) -> None:
    journal = opened(max_bytes=1)
    for number in (1, 2, 3):
        journal.append(record(number))
    journal.close()
    for segment in sealed_segments(tmp_path)[:2]:
        forget(segment, hashes=hashes_in(read_records(segment)))
    assert len(sealed_segments(tmp_path)) == 1
    assert sorted(known_hashes(tmp_path, limit=10)) == [(1, 1), (2, 2), (3, 3)]


def test_no_more_events_are_known_than_the_limit_and_older_hashes_go(
    opened: Callable[..., Journal], tmp_path: Path
) -> None:
    journal = opened(max_bytes=1)
    for number in range(5):
        journal.append(record(number, number + 10))
    journal.close()
    for segment in sealed_segments(tmp_path):
        forget(segment, hashes=hashes_in(read_records(segment)))
    assert len(known_hashes(tmp_path, limit=3)) == 3
    assert len(list(tmp_path.glob("*.landed"))) == 2


def test_only_the_owner_can_read_what_was_refused_as_it_came(opened: Callable[..., Journal], tmp_path: Path) -> None:
    journal = opened()
    journal.append(record(1))
    journal.close()
    assert sealed_segments(tmp_path)[0].stat().st_mode & 0o077 == 0
