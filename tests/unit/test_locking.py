"""One writer at a time: the second is told who, what and how, and a dead holder locks nobody out."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shopsight.locking import ResourceBusyError, exclusive


def test_a_second_writer_is_refused_with_what_is_written_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "store" / ".lock"
    with (
        exclusive(path, what="the model registry", wait_seconds=1),
        pytest.raises(
            ResourceBusyError, match="Cannot write the model registry: another process is writing it"
        ) as busy,
        exclusive(path, what="the model registry", wait_seconds=0.05),
    ):
        pytest.fail("two writers held one lock")
    assert busy.value.why == f"the lock {path} was held for 0.05 seconds"
    assert busy.value.fix == "wait for the other run to end, then try again"


def test_the_lock_is_free_after_the_block_and_its_file_stays(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with pytest.raises(RuntimeError, match="the writer failed"), exclusive(path, what="it", wait_seconds=0):
        raise RuntimeError("the writer failed")
    assert path.exists()
    with exclusive(path, what="it", wait_seconds=0):
        pass


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    code = (
        "import sys, time; from pathlib import Path; from shopsight.locking import exclusive\n"
        "with exclusive(Path(sys.argv[1]), what='it', wait_seconds=0): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ResourceBusyError), exclusive(path, what="it", wait_seconds=0):
            pytest.fail("two processes held one lock")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with exclusive(path, what="it", wait_seconds=0):
        pass


def test_a_file_system_without_locks_is_an_error_and_not_a_marker_file_that_outlives_its_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(_file: int, _operation: int) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(OSError, match="not implemented"), exclusive(tmp_path / ".lock", what="it", wait_seconds=0):
        pytest.fail("a lock was held that the system does not have")
