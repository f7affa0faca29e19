"""Both halves of the campaign: sequences that may reach no illegal state, and mutations that have to be noticed."""

import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from governance.mutations import KINDS, Target, registry_to_change
from governance.sequences import walk
from shopsight.errors import ShopsightError

MAX_FAULTS: Final = 20
"""After so many, a campaign says enough."""


@dataclass(kw_only=True)
class Tally:
    """What was tried, and what went wrong."""

    sequences: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    mutations: Counter[str] = field(default_factory=Counter)
    noticed: Counter[str] = field(default_factory=Counter)
    by: Counter[str] = field(default_factory=Counter)
    """Which error noticed how many."""
    faults: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether no state was illegal, and every mutation was noticed."""
        return not self.faults and self.mutations == self.noticed

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "sequences": self.sequences,
            "actions": dict(sorted(self.actions.items())),
            "mutations": dict(sorted(self.mutations.items())),
            "noticed": dict(sorted(self.noticed.items())),
            "noticed_by": dict(sorted(self.by.items())),
            "faults": self.faults,
            "is_right": self.is_right,
        }


def campaign(*, sequences: int, mutations: int, seed: int, report: Callable[[str], None] = lambda _: None) -> Tally:
    """Run both halves.

    Args:
        sequences: how many.
        mutations: how many.
        seed: of everything that is drawn.
        report: told how far it is, now and then.
    """
    tally = Tally()
    with unsynchronised(), tempfile.TemporaryDirectory(prefix="shopsight-governance-") as folder:
        for number in range(sequences):
            fault, actions = walk(_fresh(Path(folder) / "walk"), seed=seed * 1_000_000 + number)
            tally.sequences += 1
            tally.actions += actions
            if fault is not None:
                tally.faults.append(fault)
            if len(tally.faults) >= MAX_FAULTS:
                break
            if number % 200 == 199:
                report(f"{number + 1:,} sequences")
        for kind, missed in _mutated(Path(folder) / "whole", count=mutations, seed=seed, tally=tally):
            tally.faults.append(f"not noticed: {kind}: {missed}")
            if len(tally.faults) >= MAX_FAULTS:
                break
            report(tally.faults[-1])
    return tally


def _mutated(whole: Path, *, count: int, seed: int, tally: Tally) -> Iterator[tuple[str, str]]:
    """Change a copy of a whole registry ``count`` times, once each, and yield what its proof did not notice."""
    rng, names = random.Random(seed), list(KINDS)
    try:
        registry_to_change(whole)
    except ShopsightError as error:
        yield "nothing", f"a legal history was refused: {error}"
        return
    original, copy = _contents(whole), whole.with_name("copy")
    weights = [weight for _, weight in KINDS.values()]
    _restore(original, copy)
    while sum(tally.mutations.values()) < count:
        kind = rng.choices(names, weights)[0]
        place = rng.getrandbits(48)
        KINDS[kind][0](random.Random(place), Target(root=copy))
        if _contents(copy) == original:
            continue  # what was drawn changed nothing, such as a record that took its own place
        tally.mutations[kind] += 1
        notice = noticed(Target(root=copy))
        if notice is None:
            yield kind, f"draw {place}"
        else:
            tally.noticed[kind] += 1
            tally.by[notice] += 1
        _restore(original, copy)


def noticed(target: Target) -> str | None:
    """Return the kind of the error with which a registry's proof ends; None where it finds nothing."""
    try:
        target.open().verify()
    except ShopsightError as error:
        return type(error).__name__
    return None


@contextmanager
def unsynchronised() -> Iterator[None]:
    """Spare the disk: what survives a power cut is another campaign's question."""
    real = os.fsync
    os.fsync = lambda _: None  # type: ignore[assignment]
    try:
        yield
    finally:
        os.fsync = real


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _contents(root: Path) -> dict[str, bytes | str | None]:
    """Return every file, link and folder below a folder with what it holds, but for locks, which hold nothing."""
    contents: dict[str, bytes | str | None] = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder) / name
            if path.suffix == ".lock" or name == ".lock":
                continue
            content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            contents[str(path.relative_to(root))] = content
    return contents


def _restore(original: dict[str, bytes | str | None], root: Path) -> None:
    """Make a folder what it was, by what differs: most files do not."""
    if not root.exists():
        root.mkdir()
    now = _contents(root)
    for name in sorted(now.keys() - original.keys(), reverse=True) + [
        name for name, content in now.items() if name in original and content != original[name]
    ]:
        path = root / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for name, content in sorted(original.items()):
        path = root / name
        if content is None:
            path.mkdir(exist_ok=True)
        elif name not in now or now[name] != content or not path.exists():
            assert isinstance(content, bytes), "a whole registry has no links"
            path.write_bytes(content)
