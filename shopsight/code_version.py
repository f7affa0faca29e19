"""Which code runs here: the version that every installation has, and what a checkout says beyond it."""

import hashlib
import subprocess
from typing import Any, Final

from shopsight import __version__
from shopsight.settings import REPO_ROOT

ROOMS: Final = ("shopsight", "models", "serving", "orchestration", "feature_repo", "dbt_project")
"""Folders whose files decide what a model becomes."""
SUFFIXES: Final = frozenset({".py", ".sql", ".yml", ".txt", ".js"})
NOT_SOURCES: Final = frozenset({"target", "logs", "dbt_packages"})
"""Folders that tools write into."""


def git_commit(*, digits: int = 40) -> str | None:
    """Return the commit that runs, ending in ``-dirty`` where files differ from it; None outside a git checkout."""
    if not (REPO_ROOT / ".git").exists():
        return None  # an installation inside of somebody else's checkout is no commit of ours
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*", f"--abbrev={digits}"],
            capture_output=True,
            text=True,
            cwd=REPO_ROOT,
            check=False,
        )
    except OSError:  # there is no git on this machine
        return None
    return described.stdout.strip() or None


def code_version() -> dict[str, Any]:
    """Return the version, the commit (None where nobody can tell), and a digest of the sources themselves."""
    return {"shopsight": __version__, "commit": git_commit(), "sources_sha256": _digest_of_sources()}


def _digest_of_sources() -> str:
    total = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((REPO_ROOT / room).rglob("*")):
            inside = path.relative_to(REPO_ROOT)
            if path.is_file() and path.suffix in SUFFIXES and not NOT_SOURCES.intersection(inside.parts):
                total.update(f"{inside}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
