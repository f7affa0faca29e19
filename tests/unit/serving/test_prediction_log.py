import os
import shutil
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from serving.prediction_log import PredictionLog, decode_row, encode_row, read_log

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
FILE = f"{socket.gethostname()}-{os.getpid()}.jsonl"


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, clock=lambda: NOON)
    assert log.append({"prediction_id": "p", "score": np.float32(0.5), "text": 'with ","crc32":" in it', "none": None})
    log.close()
    content = read_log(tmp_path)
    assert content.rows == [
        {"prediction_id": "p", "score": 0.5, "text": 'with ","crc32":" in it', "none": None},
    ]
    assert content.damaged == []
    assert [path.name for path in tmp_path.iterdir()] == ["2026-01-05"]
    assert [path.name for path in (tmp_path / "2026-01-05").iterdir()] == [FILE]


def test_machines_that_share_a_folder_write_to_files_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for host in ("recommender-0", "recommender-1"):  # two pods, in each of which the service is process 7
        monkeypatch.setattr(socket, "gethostname", lambda host=host: host)
        log = PredictionLog(tmp_path, clock=lambda: NOON)
        log.append({"host": host})
        log.close()
    assert len(list(tmp_path.rglob("*.jsonl"))) == 2
    assert [row["host"] for row in read_log(tmp_path).rows] == ["recommender-0", "recommender-1"]


def test_a_changed_byte_anywhere_is_found() -> None:
    line = encode_row({"prediction_id": "p_1", "score": 0.25})
    assert decode_row(line) == {"prediction_id": "p_1", "score": 0.25}
    for place in range(len(line) - 1):
        changed = bytearray(line)
        changed[place] ^= 1
        assert decode_row(bytes(changed)) is None, place


def test_a_torn_row_costs_itself_alone(tmp_path: Path) -> None:
    first = PredictionLog(tmp_path, clock=lambda: NOON)
    first.append({"n": 1})
    first.append({"n": 2})
    first.close()
    (file,) = tmp_path.rglob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-7])  # a process killed in mid-write; the next one has the same number
    second = PredictionLog(tmp_path, clock=lambda: NOON)
    second.append({"n": 3})
    second.close()
    content = read_log(tmp_path)
    assert [row["n"] for row in content.rows] == [1, 3]
    assert content.damaged == [f"{file}:2"]


def test_a_new_day_gets_a_new_folder(tmp_path: Path) -> None:
    times = iter([NOON, NOON + timedelta(days=1)])
    log = PredictionLog(tmp_path, clock=lambda: next(times))
    log.append({"n": 1})
    log.append({"n": 2})
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2026-01-05", "2026-01-06"]


@pytest.mark.parametrize("rotate", ["moved", "replaced", "its folder moved"])
def test_a_file_that_is_rotated_away_is_opened_anew(tmp_path: Path, rotate: str) -> None:
    log = PredictionLog(tmp_path / "log", clock=lambda: NOON)
    log.append({"n": 1})
    (file,) = (tmp_path / "log").rglob("*.jsonl")
    if rotate == "its folder moved":
        file.parent.rename(tmp_path / "old")
    else:
        file.rename(tmp_path / "old.jsonl")
    if rotate == "replaced":
        file.touch()
    log.append({"n": 2})
    log.append({"n": 3})
    log.close()
    assert [row["n"] for row in read_log(tmp_path / "log").rows] == [2, 3]
    assert (log.rows_lost, log.failure) == (0, None)


@pytest.mark.parametrize("how", ["its file", "its folder", "the family's folder", "written over"])
def test_rows_whose_file_is_removed_are_counted_as_lost_and_the_next_ones_get_a_new_file(
    tmp_path: Path, how: str
) -> None:
    lost: list[int] = []
    log = PredictionLog(tmp_path / "log", clock=lambda: NOON, sync_seconds=60, on_lost=lost.append)
    for n in range(3):
        log.append({"n": n})
    (file,) = (tmp_path / "log").rglob("*.jsonl")
    if how == "its file":
        file.unlink()
    elif how == "written over":
        (tmp_path / "other").write_bytes(encode_row({"n": "of somebody else"}))
        (tmp_path / "other").replace(file)
    else:
        shutil.rmtree(file.parent if how == "its folder" else tmp_path / "log")
    assert log.append({"n": 3})
    assert log.append({"n": 4})
    assert (log.rows_lost, lost, log.failure) == (3, [3], None)
    assert log.note == (
        f"3 rows lost; last failure: mended; {file} was removed with 3 rows in it, noticed at 2026-01-05T12:00:00Z"
    )
    log.close()
    others = ["of somebody else"] if how == "written over" else []
    assert [row["n"] for row in read_log(tmp_path / "log").rows] == [*others, 3, 4]
    assert (log.rows_lost, lost) == (3, [3])


def test_a_removed_file_is_noticed_without_a_further_row(tmp_path: Path) -> None:
    noticed = threading.Event()
    log = PredictionLog(tmp_path, clock=lambda: NOON, sync_seconds=0.01, on_lost=lambda _: noticed.set())
    log.append({"n": 1})
    shutil.rmtree(tmp_path)
    assert noticed.wait(10)
    log.close()
    assert log.rows_lost == 1


def test_a_file_that_is_removed_just_before_the_end_is_counted(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, clock=lambda: NOON, sync_seconds=60)
    log.append({"n": 1})
    shutil.rmtree(tmp_path)
    log.close()
    assert log.rows_lost == 1


def test_a_file_that_has_another_name_too_has_lost_nothing(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "log", clock=lambda: NOON, sync_seconds=60)
    log.append({"n": 1})
    (file,) = (tmp_path / "log").rglob("*.jsonl")
    os.link(file, tmp_path / "backup.jsonl")
    file.unlink()
    log.append({"n": 2})
    log.close()
    assert (log.rows_lost, log.note) == (0, None)


def test_files_removed_while_threads_write_are_accounted_to_the_row(tmp_path: Path) -> None:
    # What is read at the end and what was lost is all that was written: nothing went to a file without a name unseen.
    log = PredictionLog(tmp_path, clock=lambda: NOON, sync_seconds=0.001)
    ended = threading.Event()

    def remove() -> None:
        while not ended.is_set():
            for file in tmp_path.rglob("*.jsonl"):
                file.unlink(missing_ok=True)
            time.sleep(0.002)

    def write(worker: int) -> None:
        for n in range(300):
            assert log.append({"worker": worker, "n": n})

    remover = threading.Thread(target=remove)
    writers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in (remover, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    ended.set()
    remover.join()
    log.close()
    assert log.rows_lost > 0
    assert log.rows_lost + len(read_log(tmp_path).rows) == 4 * 300


def test_each_row_is_told_of_with_whether_it_was_written(tmp_path: Path) -> None:
    rows: list[tuple[object, bool]] = []
    blocked = tmp_path / "log"
    blocked.write_text("a file where a folder should be")
    log = PredictionLog(blocked, clock=lambda: NOON, on_row=lambda row, written: rows.append((row["n"], written)))
    log.append({"n": 1})
    blocked.unlink()
    log.append({"n": 2})
    with log.silent():
        log.append({"n": 3})
    log.close()
    assert rows == [(1, False), (2, True)]


def test_threads_do_not_mix_their_rows(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, clock=lambda: NOON, sync_seconds=0.001)

    def write(worker: int) -> None:
        for n in range(200):
            log.append({"worker": worker, "n": n, "filler": "x" * 500})

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    content = read_log(tmp_path)
    assert content.damaged == []
    assert {(row["worker"], row["n"]) for row in content.rows} == {(w, n) for w in range(6) for n in range(200)}


def test_a_log_that_cannot_be_written_is_counted_and_mends_itself(tmp_path: Path) -> None:
    lost: list[int] = []
    blocked = tmp_path / "log"
    blocked.write_text("a file where a folder should be")
    log = PredictionLog(blocked, clock=lambda: NOON, on_lost=lost.append)
    assert not log.append({"n": 1})
    assert (log.rows_lost, lost) == (1, [1])
    assert log.failure is not None
    blocked.unlink()
    assert log.append({"n": 2})
    assert log.failure is None
    log.close()
    assert [row["n"] for row in read_log(blocked).rows] == [2]


def test_a_full_disk_loses_rows_but_raises_nothing(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here, which answers every write with 'no space left'")
    day = tmp_path / "2026-01-05"
    day.mkdir()
    (day / FILE).symlink_to("/dev/full")
    log = PredictionLog(tmp_path, clock=lambda: NOON)
    assert not log.append({"n": 1})
    assert "No space left" in str(log.failure)
    log.close()
