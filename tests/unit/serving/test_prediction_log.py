import os
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from serving.prediction_log import PredictionLog, decode_row, encode_row, read_log
from shopsight.settings import REPO_ROOT

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


def test_rows_that_are_lost_are_counted_under_the_documented_name() -> None:
    # In a process of its own: a counter stays in its process for good.
    program = (
        "from serving.app import lost_rows_counter as c; c().labels('churn').inc(2); print(c().collect()[0].samples)"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True, cwd=REPO_ROOT)
    name = "shopsight_prediction_log_rows_lost_total"
    assert f"name='{name}', labels={{'family': 'churn'}}, value=2.0" in done.stdout
    assert name in (REPO_ROOT / "docs" / "api.md").read_text()


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


@pytest.mark.parametrize("rotate", ["moved", "removed", "replaced", "its folder moved"])
def test_a_file_that_is_rotated_away_is_opened_anew(tmp_path: Path, rotate: str) -> None:
    log = PredictionLog(tmp_path / "log", clock=lambda: NOON)
    log.append({"n": 1})
    (file,) = (tmp_path / "log").rglob("*.jsonl")
    if rotate == "its folder moved":
        file.parent.rename(tmp_path / "old")
    elif rotate == "removed":
        file.unlink()
    else:
        file.rename(tmp_path / "old.jsonl")
    if rotate == "replaced":
        file.touch()
    log.append({"n": 2})
    log.append({"n": 3})
    log.close()
    assert [row["n"] for row in read_log(tmp_path / "log").rows] == [2, 3]
    assert (log.rows_lost, log.failure) == (0, None)


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
    log = PredictionLog(blocked, clock=lambda: NOON, on_lost=lambda: lost.append(1))
    assert not log.append({"n": 1})
    assert (log.rows_lost, len(lost)) == (1, 1)
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
