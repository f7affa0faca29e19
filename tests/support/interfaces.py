"""The interface of each service as its description says it, and the command that writes it down anew."""

import json
from pathlib import Path
from typing import Final

from serving.interface import interface
from shopsight.families import SERVICES, resolve
from shopsight.settings import REPO_ROOT

SNAPSHOTS: Final = REPO_ROOT / "tests" / "repository" / "snapshots"


def described(name: str) -> str:
    """Return what ``/docs.json`` of a service says while no Bento carries it."""
    return json.dumps(interface(resolve(SERVICES[name].service)), sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def snapshot(name: str) -> Path:
    """Return the file that holds the description as it was agreed with the services' clients."""
    return SNAPSHOTS / f"{name}.openapi.json"


if __name__ == "__main__":
    for name in SERVICES:
        snapshot(name).write_text(described(name))
