"""The packages a Bento installs: what its service imports and everything below, at the versions of the lock file."""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shopsight.errors import ShopsightError

COMMON: Final = ("bentoml", "fastapi", "numpy", "orjson", "prometheus-client", "pyarrow", "pydantic-settings", "uvloop")
# Feast names its stores in the registry and loads both when it opens, the offline one (DuckDB) included.
ONLINE_FEATURES: Final = ("feast[duckdb,redis]",)

PACKAGES: Final[Mapping[str, Sequence[str]]] = {
    "intent": (*COMMON, "onnxruntime", "safetensors", "tokenizers"),
    "recommender": (*COMMON, *ONLINE_FEATURES, "onnxruntime", "safetensors"),
    "purchase_intent": (*COMMON, *ONLINE_FEATURES, "lightgbm"),
    "churn": (*COMMON, *ONLINE_FEATURES, "lightgbm", "scipy"),
}
"""What each family's service imports, directly; neither torch nor transformers is among it or below it."""


def locked_requirements(family: str, lock_file: Path) -> list[str]:
    """Return the lines of ``lock_file`` that ``family``'s service needs, sorted.

    A line's own marker is kept, so that the list serves every supported Python.

    Raises:
        ShopsightError: a package that is needed is not in the lock file or not installed here.
    """
    locked: dict[str, list[str]] = {}
    for line in lock_file.read_text().splitlines():
        if line and not line.startswith("#"):
            locked.setdefault(canonicalize_name(Requirement(line).name), []).append(line.strip())
    needed = _closure(PACKAGES[family])
    missing = sorted(needed - locked.keys())
    if missing:
        raise ShopsightError(
            f"cannot list the packages of the {family} Bento",
            why=f"{lock_file.name} has no version of {', '.join(missing)}",
            fix="run `make lock`, then `make setup`",
        )
    return sorted(line for name in needed for line in locked[name])


def _closure(roots: Sequence[str]) -> set[str]:
    """Return the names of ``roots`` and of all they require on this platform, canonically spelt."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        requirement = waiting.pop()
        node = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if node in seen:
            continue
        seen.add(node)
        try:
            below = [Requirement(text) for text in requires(requirement.name) or ()]
        except PackageNotFoundError as error:
            raise ShopsightError(
                "cannot list the packages of a Bento",
                why=f"{requirement.name} is not installed in this environment",
                fix="run `make setup`",
            ) from error
        for child in below:
            extras = requirement.extras or {""}
            if child.marker is None or any(child.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(child)
    return {name for name, _ in seen}
