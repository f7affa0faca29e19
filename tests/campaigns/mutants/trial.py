"""A mutation in a copy of the tree, and what the tests of its area say of it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from mutants.areas import Area
from mutants.mutation import Mutation

from shopsight.settings import REPO_ROOT

PYTEST = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", "--no-header", "--tb=line")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run of an area's tests ended."""

    result: str
    """``passed``, ``assertion``, ``exception`` or ``timed out``."""
    by: str
    """The test that failed first, with its message."""
    seconds: float

    def as_row(self, area: str, mutation: Mutation) -> dict[str, Any]:
        """Return the outcome as a line of the record."""
        return {"area": area, "name": mutation.name, **asdict(mutation), **asdict(self)}


def copy_tree(folder: Path) -> None:
    """Copy what git tracks or would track, with its contents of now, and link the environment into it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPO_ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (REPO_ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPO_ROOT / name, folder / name)
    (folder / ".venv").symlink_to(REPO_ROOT / ".venv")


class OracleAtHand:
    """The oracle of the marts in a process of its own, with a built home to look at mutated models in."""

    def __init__(self, tree: Path) -> None:
        path = os.pathsep.join(str(tree / name) for name in ("", "tests/support", "tests/campaigns"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mutants.warehouse", str(tree)],
            cwd=tree,
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        unmutated = self._answer()
        if unmutated.result != "passed":
            raise SystemExit(f"error: without a mutant {unmutated.by} differs")

    def look_at(self, path: str) -> Outcome:
        """Return what the oracle says of the tree, in which this file is mutated."""
        assert self._process.stdin is not None
        self._process.stdin.write(path + "\n")
        self._process.stdin.flush()
        return self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def _answer(self) -> Outcome:
        assert self._process.stdout is not None
        return Outcome(**json.loads(self._process.stdout.readline()))


def run_tests(tree: Path, area: Area, mutated: str | None, timeout: float) -> Outcome:
    """Run an area's tests in a copy of the tree, those that name the mutated module first, up to the first failure."""
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment |= {"COLUMNS": "400"}  # a summary in one line: what failed, and with which message
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *PYTEST, *_nearest_first(tree, area, mutated)],
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        # The group is this run's own: whatever its tests have started ends with it.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Outcome(result="timed out", by="", seconds=time.monotonic() - started)
    seconds = round(time.monotonic() - started, 1)
    if process.returncode == 0:
        return Outcome(result="passed", by="", seconds=seconds)
    summary = re.findall(r"^(?:FAILED|ERROR) (.*)$", output, flags=re.MULTILINE)
    by = summary[0] if summary else output.strip().splitlines()[-1]
    is_assertion = re.search(r" - (assert\b|AssertionError|Failed: DID NOT RAISE|DbtError.*Got \d+ result)", by)
    return Outcome(result="assertion" if is_assertion else "exception", by=by[:400], seconds=seconds)


def _nearest_first(tree: Path, area: Area, mutated: str | None) -> list[str]:
    """Return the area's test files, those first that import the mutated module or name the mutated model."""
    files: list[Path] = []
    for name in area.tests:
        path = tree / name
        files += sorted(path.rglob("test_*.py")) if path.is_dir() else [path] * path.exists()
    word = "" if mutated is None else mutated.removesuffix(".py").replace("/", ".")
    return [str(path) for path in sorted(files, key=lambda path: word not in path.read_text())]
