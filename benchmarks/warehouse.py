"""What the warehouse costs: a full build, one more day, and the same marts from one hand-written DuckDB script.

``python -m benchmarks.warehouse --events 1000000 --json -`` prints one JSON document. The log is generated (90 days;
``shopsight.generated_log``). Every step is a process of its own, so that its memory is its own. Database time runs
from the first dbt model's start to the last one's end; what is left of the wall time is dbt's own start-up.
``seconds_by_model`` lists every model's seconds in the full build and on the day, the day's dearest first; two run at
a time, and an export counts with its mart. ``cpu_seconds`` are the process's, start-up included: they say more on a
busy machine. The script (``warehouse.sql``) makes the marts of ``COMPARED`` and nothing else, and so does the dbt run
it is compared with (with the models these need); both write the same Parquet, which is compared row by row. Data tests
and unit tests are not part of any figure.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import duckdb

from benchmarks.output import add_json_option, write_figures
from shopsight.generated_log.rows import EVENTS, ITEMS, USERS, GeneratedLog
from shopsight.marts import open_marts
from shopsight.settings import REPO_ROOT, Settings, prepare_environment
from shopsight.warehouse import run_dbt

DAYS = 90
LAST_DAY = "2026-03-31"
CHUNK_SESSIONS = 100_000
COMPARED = ("sessions", "order_items", "orders", "interactions", "item_demand_daily", "funnel_daily")
Figures = dict[str, float | str | bool | dict[str, float]]
Document = dict[str, int | float | list[str] | Figures | dict[str, dict[str, float]]]


def measure(events: int, folder: Path) -> Document:
    """Return every figure by name: seconds, mebibytes and ratios."""
    home, other = folder / "home", folder / "other"
    figures: Document = {"events": events}
    _step("generate", home, events)
    full = _step("build", home)
    _step("deliver", home)
    day = _step("day", home)
    by_model = _side_by_side(full.pop("models"), day.pop("models"))
    figures |= {"full_build": full, "one_day": day}
    figures["one_day_to_full_build"] = _ratio(day, full, 3)
    other.mkdir()
    (other / "event_log").symlink_to(home / "event_log")
    compared, script = _step("compared", other), _step("script", other)
    del compared["models"]
    figures |= {"compared_marts": list(COMPARED), "by_dbt": compared, "by_script": script}
    figures["dbt_to_script"] = _ratio(compared, script, 2)
    figures["unequal_marts"] = [mart for mart in COMPARED if not _equal(other, mart)]
    figures["seconds_by_model"] = by_model
    return figures


def _ratio(left: Figures, right: Figures, digits: int) -> float:
    seconds = [figures["database_seconds"] for figures in (left, right)]
    assert isinstance(seconds[0], float)
    assert isinstance(seconds[1], float)
    return round(seconds[0] / seconds[1], digits)


def _side_by_side(full: object, day: object) -> dict[str, dict[str, float]]:
    assert isinstance(full, dict)
    assert isinstance(day, dict)
    dearest = sorted(full, key=lambda model: day[model], reverse=True)
    return {model: {"full_build": full[model], "one_day": day[model]} for model in dearest}


def _step(name: str, home: Path, *arguments: object) -> Figures:
    """Run a step in a process of its own and return what it printed."""
    command = [sys.executable, "-m", "benchmarks.warehouse", "--step", name, str(home), *map(str, arguments)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=REPO_ROOT)
    figures: Figures = json.loads(finished.stdout.splitlines()[-1])
    return figures


def run_step(name: str, home: Path, arguments: list[str]) -> Figures:
    """Run one step in this process.

    Args:
        name: ``generate``, ``build``, ``deliver``, ``day``, ``compared`` or ``script``.
        home: The home to work in.
        arguments: For ``generate`` the number of events.
    """
    settings = Settings(home=home)
    prepare_environment(settings)
    started = time.perf_counter()
    figures: Figures = {}
    if name == "generate":
        _generate(settings, int(arguments[0]))
    elif name == "deliver":
        hidden, partition = home / "last_day", settings.event_log_dir / f"arrival_date={LAST_DAY}"
        hidden.rename(partition)
    elif name == "script":
        _run_script(settings)
        figures["database_seconds"] = round(time.perf_counter() - started, 2)
    else:
        selection = [f"+{mart}" for mart in COMPARED] if name == "compared" else ["*"]
        run_dbt(settings, "run", "--select", *selection)
        database_seconds, figures["models"] = _node_times(settings)
        figures["database_seconds"] = round(database_seconds, 2)
        figures["start_up_seconds"] = round(time.perf_counter() - started - database_seconds, 2)
    figures["wall_seconds"] = round(time.perf_counter() - started, 2)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures["cpu_seconds"] = round(usage.ru_utime + usage.ru_stime, 2)
    figures["peak_mib"] = usage.ru_maxrss // 1024
    return figures


def _generate(settings: Settings, events: int) -> None:
    """Write the log: a batch of everything before the last day, and the last day's where it does not count yet.

    The rows are the product's (``shopsight demo --source generated``), but ids stay as they are drawn: an import's
    validation and pseudonyms are no part of what the warehouse costs.
    """
    log = GeneratedLog(events=events)
    earlier = settings.event_log_dir / "arrival_date=2026-03-30" / "batch=0"
    later = settings.home / "last_day" / "batch=1"
    for batch in (earlier, later):
        (batch / "events").mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("set threads = 2; set memory_limit = '2GB'; set timezone = 'UTC'")
        for number, first in enumerate(range(0, log.sessions, CHUNK_SESSIONS)):
            numbers = log.numbers(first, first + CHUNK_SESSIONS)
            connection.execute(f"create or replace temp table chunk as {EVENTS}", numbers)
            for batch, condition in ((earlier, "<"), (later, ">=")):
                connection.execute(
                    f"copy (from chunk where event_timestamp {condition} timestamptz '{LAST_DAY} 00:00:00+00') "
                    f"to '{batch}/events/part-{number:05}.parquet'"
                )
        for batch, items, users in ((earlier, log.items, log.users), (later, 0, 0)):
            connection.execute(f"copy ({ITEMS}) to '{batch}/items.parquet'", {"items": items})
            connection.execute(f"copy ({USERS}) to '{batch}/users.parquet'", {"users": users})


def _node_times(settings: Settings) -> tuple[float, dict[str, float]]:
    """Return the seconds from the first model's start to the last one's end, and those of each model."""
    results = json.loads((settings.warehouse_path.parent / "dbt_target" / "run_results.json").read_text())["results"]
    moments = [datetime.fromisoformat(t[key]) for row in results for t in row["timing"] for key in t if key != "name"]
    seconds = {row["unique_id"].split(".")[-1]: round(row["execution_time"], 2) for row in results}
    return (max(moments) - min(moments)).total_seconds(), seconds


def _run_script(settings: Settings) -> None:
    folder = settings.home / "by_script"
    folder.mkdir()
    log = settings.event_log_dir / "arrival_date=*" / "batch=*"
    script = (Path(__file__).parent / "warehouse.sql").read_text().replace("$log", str(log))
    with duckdb.connect(str(folder / "script.duckdb")) as connection:
        connection.execute("set threads = 2; set memory_limit = '4GB'; set timezone = 'UTC'")
        connection.execute("set preserve_insertion_order = false")
        connection.execute(script.replace("$folder", str(folder)))


def _equal(home: Path, mart: str) -> bool:
    by_script = home / "by_script" / f"{mart}.parquet"
    with open_marts(Settings(home=home), [mart]) as connection:
        differing = connection.execute(
            f"select count(*) from ((from {mart} except all from '{by_script}') "
            f"union all (from '{by_script}' except all from {mart}))"
        ).fetchone()
    return differing == (0,)


def main() -> None:
    """Print the figures, or those of one step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="rows of the generated log")
    add_json_option(parser)
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        name, home, *rest = arguments.step
        print(json.dumps(run_step(name, Path(home), rest)))
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(arguments.events, Path(folder))
    write_figures(figures, arguments.json)


if __name__ == "__main__":
    main()
