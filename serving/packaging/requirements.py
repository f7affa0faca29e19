"""The packages a Bento installs: what its service imports and everything below, at the versions of the lock file."""

import tomllib
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shopsight.errors import ShopsightError
from shopsight.families import Family


def direct_requirements(family: Family, root: Path) -> list[Requirement]:
    """Return what the family's service imports, as the family's extra in ``pyproject.toml`` lists it.

    An extra may name another one (``shopsight[serve]``). The file is read, not the metadata of the installed
    distribution: that is as old as the last installation.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras: Mapping[str, Sequence[str]] = project["optional-dependencies"]
    requirements: list[Requirement] = []
    waiting = [family.serve_extra]
    while waiting:
        for requirement in map(Requirement, extras[waiting.pop()]):
            if requirement.name == project["name"]:
                waiting.extend(requirement.extras)
            else:
                requirements.append(requirement)
    return requirements


def locked_requirements(family: Family, root: Path) -> list[str]:
    """Return the versions in ``requirements.lock`` that ``family``'s service needs, sorted, without their hashes.

    A line's own marker is kept, so that the list serves every supported Python.

    Args:
        family: whose service is packed.
        root: the checkout, with ``pyproject.toml`` and ``requirements.lock``.

    Raises:
        ShopsightError: a package that is needed is not in the lock file or not installed here.
    """
    locked: dict[str, list[str]] = {}
    for line in (root / "requirements.lock").read_text().splitlines():
        if line and not line.startswith(("#", " ")):
            pin = line.removesuffix("\\").strip()
            locked.setdefault(canonicalize_name(Requirement(pin).name), []).append(pin)
    names = closure(direct_requirements(family, root))
    missing = sorted(names - locked.keys())
    if missing:
        raise ShopsightError(
            f"cannot list the packages of the {family.name} Bento",
            why=f"requirements.lock has no version of {', '.join(missing)}",
            fix="run `make lock`, then `make setup`",
        )
    return sorted(line for name in names for line in locked[name])


def closure(roots: Sequence[Requirement]) -> set[str]:
    """Return the names of ``roots`` and of all they require on this platform, canonically spelt."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(roots)
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
