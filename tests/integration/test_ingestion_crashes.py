"""A writer that is killed at any of its calls to the disk leaves the log as it was, or with the whole batch."""

import json
import subprocess
import sys

import pytest

# One process forks all the others: importing pyarrow and duckdb each time would take most of the time.
CAMPAIGN = """
import json, os, signal
from datetime import UTC, datetime
from pathlib import Path
import pyarrow as pa
import pyarrow.parquet as pq
from shopsight.ingestion.readers.chunks import chunk_of_rows
from shopsight.ingestion.log.event_log import EventLog
from shopsight.settings import Settings

settings = Settings()
log_dir = settings.event_log_dir


def state():
    log = EventLog.open(settings)
    left = os.listdir(log_dir / ".staging") if (log_dir / ".staging").exists() else []
    rows = sum(pq.read_metadata(file).num_rows for file in log_dir.glob("*/*/events/part-*.parquet"))
    (settings.home / "seen.json").write_text(json.dumps([log.totals().accepted, rows, len(left)]))
    return log


def land(number, deadly_call):
    calls = 0

    def counted(real):
        def call(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == deadly_call:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)
        return call

    log = state()  # as the writer before left it
    os.fsync, Path.rename = counted(os.fsync), counted(Path.rename)
    rows = [
        {"event_id": f"{number}-{i}", "event_name": "view_item", "event_timestamp": 1772359200, "user_id": "u",
         "item_id": "i"} for i in [*range(20), 0, 1]
    ]
    log.land([chunk_of_rows(pa.Table.from_pylist(rows), first_line=1)], source_name="shop",
             received_at=datetime(2026, 3, 1 + number, 12, tzinfo=UTC))


def in_child(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return os.waitpid(pid, 0)[1]


killed = None
for number in range(1, 40):
    status = in_child(lambda: land(number, number))
    print(json.dumps([killed, *json.loads((settings.home / "seen.json").read_text())]))
    killed = os.WIFSIGNALED(status)
    if not killed:
        break
in_child(state)
print(json.dumps([killed, *json.loads((settings.home / "seen.json").read_text())]))
"""


@pytest.mark.usefixtures("home")
def test_a_writer_killed_at_each_of_its_disk_calls_lands_all_or_nothing() -> None:
    child = subprocess.run([sys.executable, "-c", CAMPAIGN], capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    steps = [json.loads(line) for line in child.stdout.splitlines()]
    before, outcomes = 0, []
    for killed, accepted, rows, left in steps:
        assert accepted == rows
        assert accepted - before in (0, 20)
        assert left == 0
        outcomes.append((killed, accepted > before))
        before = accepted
    # Killed before the rename: nothing; killed after it: everything; not killed: everything.
    assert outcomes[:2] == [(None, False), (True, False)]
    assert (True, True) in outcomes
    assert outcomes[-1] == (False, True)
    assert len(outcomes) > 10
