"""Judges many generated exports and prints what became of them: ``make campaign-exports COUNT=2000 SEED=0``."""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from pydantic import SecretStr

from generated_exports.drawing import FORMATS, export_of
from generated_exports.exports import Export
from generated_exports.judging import Landed, Verdict, VerdictKind, land
from shopsight.settings import Settings

IN_ONE_WAREHOUSE: Final = 100
"""Exports whose marts are built at once: dbt takes seconds however few there are."""
KINDS: Final[tuple[VerdictKind, ...]] = ("right", "refused", "silently wrong")
FAMILIES: Final = ("duplicates", "corrections", "refunds", "currencies", "amounts", "discounts", "lines", "orders",
                   "ids", "times", "wrapping")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One export and what became of it."""

    seed: int
    export: Export
    verdict: Verdict


def landed_together(exports: Sequence[tuple[int, Export]], folder: Path) -> Landed:
    """Land exports, each with its seed, in one warehouse, which is made in ``folder``."""
    settings = Settings(home=folder / "home", currency="EUR", pseudonym_key=SecretStr("a key for tests only"))
    before = os.environ.get("SHOPSIGHT_HOME")
    os.environ["SHOPSIGHT_HOME"] = str(settings.home)
    try:
        return land(exports, settings, folder / "files")
    finally:
        if before is None:
            del os.environ["SHOPSIGHT_HOME"]
        else:
            os.environ["SHOPSIGHT_HOME"] = before


def table(judged: Sequence[Judged]) -> str:
    """Return right/refused/silently wrong by format and family of faults, with a row and a column for all."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for one in judged:
        families = {fault.split(":")[0] for fault in one.export.faults} or {"none"}
        for family in {"all", *families}:
            for name in (one.export.format_name, "all"):
                counts[name, family, one.verdict.kind] += 1
    columns = ["all", *FAMILIES, "none"]
    lines = [["format", *columns]]
    for name in [*FORMATS, "all"]:
        cells = [[counts[name, family, kind] for kind in KINDS] for family in columns]
        lines.append([name, *("/".join(map(str, cell)) if any(cell) else "" for cell in cells)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join("  ".join(line).rstrip() for line in padded)


def summary(judged: Sequence[Judged]) -> str:
    """Return how many of them ended how, and the smallest that is silently wrong."""
    counts = Counter(one.verdict.kind for one in judged)
    said = ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS)
    wrong = sorted((one for one in judged if one.verdict.kind == "silently wrong"), key=lambda one: one.export.size())
    lines = [f"{len(judged):,} exports: {said}"]
    for one in wrong[:20]:
        lines.append(
            f"  make campaign-exports SEED={one.seed} COUNT=1  # {one.export.format_name}, {one.export.size():,} B: "
            f"{', '.join(one.export.faults) or 'no fault'}"
        )
        lines += [f"    {line}" for line in one.verdict.said.splitlines()[:4]]
    return "\n".join(lines)


def _say(*lines: str, to: TextIO | None = None) -> None:
    for line in lines:
        (to or sys.stdout).write(f"{line}\n")
    (to or sys.stdout).flush()


def main() -> int:
    """Run a campaign; 1 where an export is silently wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the first export; each one after has the next")
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--show", action="store_true", help="print the faults and the fate of every export")
    parser.add_argument("--smallest", type=Path, help="file that the smallest wrong export's seed is written to")
    arguments = parser.parse_args()
    began, judged = time.monotonic(), list[Judged]()
    seeds = range(arguments.seed, arguments.seed + arguments.count)
    for first in range(0, len(seeds), IN_ONE_WAREHOUSE):
        with tempfile.TemporaryDirectory(prefix="generated-exports-") as folder:
            exports = [(seed, export_of(seed)) for seed in seeds[first : first + IN_ONE_WAREHOUSE]]
            landed = landed_together(exports, Path(folder))
            fresh = [Judged(seed=seed, export=export, verdict=landed.verdict(seed)) for seed, export in exports]
        judged += fresh
        wrong = [one for one in fresh if one.verdict.kind == "silently wrong"]
        if wrong:
            _say(summary(wrong), to=sys.stderr)
        _say(f"{len(judged):,} of {len(seeds):,} after {time.monotonic() - began:,.0f} s", to=sys.stderr)
    if arguments.show or len(judged) == 1:
        for one in judged:
            _say(f"{one.seed} {one.export.format_name}: {one.verdict.kind}; {', '.join(one.export.faults)}")
            _say(*(f"    {line}" for line in one.verdict.said.splitlines()))
    _say("right/refused/silently wrong")
    _say(table(judged))
    refusals = Counter(line.strip() for one in judged if one.verdict.kind == "refused"
                       for line in one.verdict.said.splitlines() if "cannot import" not in line)  # fmt: skip
    for said, count in refusals.most_common(12):
        _say(f"  refused {count:,}: {said[:150]}")
    _say(summary(judged))
    _say(f"seeds {seeds[0]} to {seeds[-1]}, {time.monotonic() - began:,.0f} s")
    wrong = [one for one in judged if one.verdict.kind == "silently wrong"]
    if wrong and arguments.smallest:
        arguments.smallest.write_text(f"{min(wrong, key=lambda one: one.export.size()).seed}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
