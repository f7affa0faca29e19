"""A quick look at a mutated dbt model: what lies downstream is built again in a built home, and asked by the oracle.

This is what tests/integration/test_dbt_oracle.py does of a whole build, which takes ten times as long. What the oracle
does not notice has to pass the area's other tests too.
"""

import contextlib
import io
import json
import os
import shutil
import sys
import time
from pathlib import Path

from mutants.trial import Outcome

from shopsight.settings import Settings, prepare_environment


def main(tree: Path) -> None:
    """Answer paths of mutated models on standard input with a line of JSON each: the outcome, as the oracle sees it.

    It runs in a process of its own, in the copy of the tree. The first line says that the home is built.
    """
    from oracle_shop import DBT_VARIABLES, ORACLES, built_rows, expected_rows, land_shop, open_marts

    from shopsight.warehouse import run_dbt

    def build(*selection: str) -> None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run_dbt(settings, "run", "--no-write-json", *selection, *DBT_VARIABLES)

    def unlike() -> str:
        with open_marts(settings) as marts:
            return next((m for m, rows in expected.items() if built_rows(marts, m, list(rows[0])) != rows), "")

    settings = Settings(home=tree.parent / "home")
    os.environ["SHOPSIGHT_HOME"] = str(settings.home)
    prepare_environment(settings)
    log = land_shop(settings)
    expected = {mart: expected_rows(log, mart) for mart in ORACLES}
    build()
    unmutated = tree.parent / "unmutated.duckdb"
    shutil.copy(settings.warehouse_path, unmutated)
    print(json.dumps({"result": "assertion" if unlike() else "passed", "by": unlike(), "seconds": 0.0}), flush=True)
    for line in sys.stdin:
        path = Path(line.strip())
        started = time.monotonic()
        shutil.copy(unmutated, settings.warehouse_path)
        try:
            # A macro may stand in any model.
            build("--full-refresh", *(["--select", f"{path.stem}+"] if "models" in path.parts else []))
            mart = unlike()
            result, by = ("assertion", f"the oracle of {mart}") if mart else ("passed", "")
        except Exception as error:  # noqa: BLE001 - whatever a mutated model does to dbt or DuckDB is noticed
            result, by = "exception", f"the build: {str(error)[:300]}"
        outcome = Outcome(result=result, by=by, seconds=round(time.monotonic() - started, 1))
        print(json.dumps(vars(outcome)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
