"""Do the tests hold the values? Draws small semantic mutants and counts how many the tests of their area notice.

``make campaign-mutants COUNT=20 SEED=1 AREA=dbt`` draws 20 mutations in each area (or one area), applies one after the
other in a copy of the tree, and runs the area's tests up to the first failure. Each outcome is a line of
``.mutants/seed-<SEED>.jsonl``: a campaign that was cut off goes on where it was, and a larger COUNT adds to it.
``RERUN=survivors`` runs those again that had survived. Survivors are judged in ``verdicts.yml``; equivalent ones (no
test can notice them, or none should) are left out of the rate, and what timed out counts as not noticed.
"""

import argparse
import contextlib
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mutants.areas import AREAS, Area
from mutants.mutation import Mutation, draw, verdict_of
from mutants.python_mutations import python_mutations
from mutants.sql_mutations import sql_mutations
from mutants.trial import OracleAtHand, Outcome, copy_tree, run_tests
from scipy.stats import binomtest

from shopsight.settings import REPO_ROOT

RECORDS = REPO_ROOT / ".mutants"
KILLED = ("assertion", "exception")
FIELDS = ("path", "kind", "line", "start", "original", "replacement", "code", "place")


def candidates(tree: Path, area: Area) -> Iterator[Mutation]:
    """Yield every mutation of an area's files in a tree."""
    for path in area.files(tree):
        mutations = sql_mutations if path.suffix == ".sql" else python_mutations
        yield from mutations(path.relative_to(tree).as_posix(), path.read_text())


def read_record(record: Path) -> dict[str, dict[str, Any]]:
    """Return the latest outcome of each mutation by its name."""
    rows = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
    return {row["name"]: row for row in rows}


def run_campaign(names: list[str], count: int, seed: int, timeout: float, record: Path, *, rerun: bool) -> None:
    """Run what is still to be run of ``count`` mutations in each area, and write each outcome at once."""
    done = read_record(record)
    with tempfile.TemporaryDirectory(prefix="shopsight-mutants-") as folder:
        tree = Path(folder) / "tree"
        copy_tree(tree)
        for name in names:
            drawn = draw(candidates(tree, AREAS[name]), random.Random(f"{seed} {name}"))
            if rerun:
                drawn = [m for m in drawn if m.name in done and done[m.name]["result"] not in KILLED and _is_open(m)]
            else:
                drawn = [mutation for mutation in drawn[:count] if mutation.name not in done]
            if name == "dbt":
                drawn = _past_the_oracle(tree, drawn, record)
            if drawn:
                _run_area(tree, name, drawn, timeout, record)


def _past_the_oracle(tree: Path, drawn: list[Mutation], record: Path) -> list[Mutation]:
    """Return the mutations of dbt models that the oracle does not notice; of the others, write the outcome."""
    unnoticed = []
    with OracleAtHand(tree) as oracle:
        for mutation in drawn:
            with _mutated(tree, mutation):
                outcome = oracle.look_at(mutation.path)
            # What was judged equivalent is not run through every other test: it is in no rate.
            if outcome.result in KILLED or not _is_open(mutation):
                _write(record, "dbt", mutation, outcome)
            else:
                unnoticed.append(mutation)
                print(f"dbt {outcome.seconds:.0f} s not noticed by the oracle: {mutation}", flush=True)
    print(f"dbt: the oracle notices {len(drawn) - len(unnoticed)} of {len(drawn)}", flush=True)
    return unnoticed


def _run_area(tree: Path, name: str, drawn: list[Mutation], timeout: float, record: Path) -> None:
    unmutated = run_tests(tree, AREAS[name], None, 10 * timeout)
    print(f"{name}: unmutated, its tests take {unmutated.seconds:.0f} s; {len(drawn)} to run", flush=True)
    if unmutated.result != "passed":
        raise SystemExit(f"error: the tests of {name} fail without a mutant: {unmutated.by}")
    for mutation in drawn:
        with _mutated(tree, mutation):
            outcome = run_tests(tree, AREAS[name], mutation.path, max(timeout, 3 * unmutated.seconds))
        _write(record, name, mutation, outcome)


@contextlib.contextmanager
def _mutated(tree: Path, mutation: Mutation) -> Iterator[None]:
    """Have the mutation in the tree for a while."""
    file = tree / mutation.path
    text = file.read_text()
    file.write_text(mutation.applied(text))
    try:
        yield
    finally:
        file.write_text(text)


def _write(record: Path, area: str, mutation: Mutation, outcome: Outcome) -> None:
    with record.open("a") as lines:
        lines.write(json.dumps(outcome.as_row(area, mutation)) + "\n")
    said = "SURVIVED" if outcome.result == "passed" else outcome.result
    print(f"{area} {outcome.seconds:.0f} s {said}: {mutation}", flush=True)


def _is_open(mutation: Mutation) -> bool:
    verdict = verdict_of(mutation)
    return verdict is None or verdict[0] == "real"


def print_table(names: list[str], record: Path) -> None:
    """Print the figures of each area, with Wilson intervals, and the survivors with their verdicts."""
    outcomes = read_record(record).values()
    survivors = []
    print(
        "| area | run | killed by an assertion | by an exception | timed out | survived | of these equivalent | rate |"
    )
    print("|---|---|---|---|---|---|---|---|")
    total: Counter[str] = Counter()
    for name in names:
        counts: Counter[str] = Counter()
        for row in (row for row in outcomes if row["area"] == name):
            mutation = Mutation(**{field: row[field] for field in FIELDS})
            verdict = verdict_of(mutation)
            counts[row["result"]] += 1
            if row["result"] not in KILLED:
                counts["equivalent"] += verdict is not None and verdict[0] == "equivalent"
                survivors.append((row["result"], mutation, verdict))
        total += counts
        print(_line(name, counts))
    print(_line("all", total))
    for result, mutation, verdict in survivors:
        print(f"\n{result}: {mutation}\n  {': '.join(verdict) if verdict else 'not judged yet'}")


def _line(name: str, counts: Counter[str]) -> str:
    run = sum(counts[result] for result in (*KILLED, "timed out", "passed"))
    killed, judged = counts["assertion"] + counts["exception"], run - counts["equivalent"]
    rate = "no mutant"
    if judged:
        interval = binomtest(killed, judged).proportion_ci(method="wilson")
        rate = f"{killed}/{judged} = {killed / judged:.0%} [{interval.low:.0%}, {interval.high:.0%}]"
    columns = (run, *(counts[key] for key in (*KILLED, "timed out", "passed", "equivalent")))
    return f"| {name} | {' | '.join(map(str, columns))} | {rate} |"


def main() -> None:
    """Run the campaign and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--area", choices=AREAS, help="one area; all of them when not given")
    parser.add_argument("--count", type=int, default=20, help="mutations in each area; 0 prints the table alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=180, help="seconds for a mutant's tests, at least")
    parser.add_argument("--rerun", choices=["survivors"], help="run those again that survived and are not equivalent")
    arguments = parser.parse_args()
    names = [arguments.area] if arguments.area else sorted(AREAS)
    RECORDS.mkdir(exist_ok=True)
    record = RECORDS / f"seed-{arguments.seed}.jsonl"
    rerun = arguments.rerun is not None
    run_campaign(names, arguments.count, arguments.seed, arguments.timeout, record, rerun=rerun)
    print_table(names, record)


if __name__ == "__main__":
    main()
