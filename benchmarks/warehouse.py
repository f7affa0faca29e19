"""What the warehouse costs: a full build, one more day, and the same marts from one hand-written DuckDB script.

``python -m benchmarks.warehouse --events 1000000 --json -`` prints one JSON document. The log is generated (90 days;
``shopsight.generated_log``). Every step is a process of its own, so that its memory is its own. Database time runs from
the first dbt model's start to the last one's end; what is left of the wall time is dbt's own start-up. ``cpu_seconds``
are the process's, start-up included: they say more on a busy machine. ``floor`` is what the same runs cost of
``FLOOR_EVENTS`` events, which is nearly all dbt's own work; the ratio ``..._above_floor`` leaves it out.
``seconds_by_model`` lists every model's seconds in the full build and on the day, the day's dearest first; two run at a
time.

``--day nasty`` has the last day bring more than its own events: late rows of earlier days, devices that a second
shopper uses, shoppers who withdraw their consent and items that move in the catalogue.

The script (``warehouse.sql``) makes the marts of ``COMPARED`` and nothing else, and so does the dbt run it is compared
with (with the models these need); both write the same Parquet, which is compared row by row. Data tests and unit tests
are not part of any figure.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.output import add_json_option, write_figures
from shopsight.generated_log.rows import EVENTS, ITEMS, USERS, GeneratedLog
from shopsight.marts import open_marts
from shopsight.settings import REPO_ROOT, Settings, prepare_environment
from shopsight.warehouse import REFRESH, run_dbt

FLOOR_EVENTS = 10_000
LAST_DAY = "2026-03-31"
CHUNK_SESSIONS = 100_000
COMPARED = ("sessions", "order_items", "orders", "interactions", "item_demand_daily", "funnel_daily")
Figures = dict[str, Any]
Document = dict[str, Any]


def measure(events: int, folder: Path, day_brings: str = "plain", *, alone: bool = False) -> Document:
    """Return every figure by name: seconds, mebibytes and ratios.

    Args:
        events: rows of the generated log.
        folder: an empty one; what is made stays there.
        day_brings: ``plain`` or ``nasty``.
        alone: leave out the script and dbt's floor.
    """
    home, other, small = folder / "home", folder / "other", folder / "small"
    full, day = _build_and_day(home, events, day_brings)
    by_model = _side_by_side(full.pop("models"), day.pop("models"))
    figures: Document = {"events": events, "day": day_brings, "full_build": full, "one_day": day}
    figures["one_day_to_full_build"] = _ratio(day, full, "database_seconds")
    figures["one_day_to_full_build_cpu"] = _ratio(day, full, "cpu_seconds")
    figures["disk_mib"] = _mib_of(home)
    if alone:
        return figures | {"seconds_by_model": by_model}
    floor_build, floor_day = _build_and_day(small, min(FLOOR_EVENTS, events), "plain")
    figures["floor"] = {
        name: step["cpu_seconds"] for name, step in (("full_build", floor_build), ("one_day", floor_day))
    }
    day_above, full_above = (
        step["cpu_seconds"] - floor["cpu_seconds"] for step, floor in ((day, floor_day), (full, floor_build))
    )
    figures["one_day_to_full_build_cpu_above_floor"] = round(day_above / full_above, 3) if full_above else None
    other.mkdir()
    (other / "event_log").symlink_to(home / "event_log")
    compared, script = step("compared", other), step("script", other)
    del compared["models"]
    figures |= {"compared_marts": list(COMPARED), "by_dbt": compared, "by_script": script}
    figures["dbt_to_script"] = _ratio(compared, script, "database_seconds")
    figures["dbt_to_script_cpu"] = _ratio(compared, script, "cpu_seconds")
    figures["unequal_marts"] = [mart for mart in COMPARED if not _equal(other, mart)]
    figures["seconds_by_model"] = by_model
    return figures


def _build_and_day(home: Path, events: int, day_brings: str) -> tuple[Figures, Figures]:
    """Return the figures of a full build of a generated log without its last day, and of that day."""
    step("generate", home, events)
    if day_brings == "nasty":
        step("make_nasty", home, events)
    full = step("build", home)
    step("deliver", home)
    return full, step("day", home)


def _mib_of(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) // 2**20


def _ratio(left: Figures, right: Figures, kind: str) -> float:
    return round(float(left[kind]) / float(right[kind]), 3)


def _side_by_side(full: Mapping[str, float], day: Mapping[str, float]) -> dict[str, dict[str, float]]:
    dearest = sorted(full, key=lambda model: day[model], reverse=True)
    return {model: {"full_build": full[model], "one_day": day[model]} for model in dearest}


def step(name: str, home: Path, *arguments: object) -> Figures:
    """Run a step in a process of its own and return what it printed."""
    command = [sys.executable, "-m", "benchmarks.warehouse", "--step", name, str(home), *map(str, arguments)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=REPO_ROOT)
    figures: Figures = json.loads(finished.stdout.splitlines()[-1])
    return figures


def run_step(name: str, home: Path, arguments: list[str]) -> Figures:
    """Run one step in this process.

    Args:
        name: ``generate``, ``make_nasty``, ``build``, ``deliver``, ``day``, ``compared``, ``script``, or ``refresh``
            for a build with the tests of the data, as the product runs it.
        home: The home to work in.
        arguments: For ``generate`` and ``make_nasty`` the number of events.
    """
    settings = Settings(home=home)
    prepare_environment(settings)
    started = time.perf_counter()
    figures: Figures = {}
    if name == "generate":
        _generate(settings, int(arguments[0]))
    elif name == "make_nasty":
        _make_nasty(settings, int(arguments[0]))
    elif name == "deliver":
        hidden, partition = home / "last_day", settings.event_log_dir / f"arrival_date={LAST_DAY}"
        hidden.rename(partition)
    elif name == "script":
        _run_script(settings)
        figures["database_seconds"] = round(time.perf_counter() - started, 2)
    elif name == "refresh":
        run_dbt(settings, *REFRESH)
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


def _make_nasty(settings: Settings, events: int) -> None:
    """Have the last day bring what earlier days keep back, and what changes what they were."""
    earlier = settings.event_log_dir / "arrival_date=2026-03-30" / "batch=0"
    later = settings.home / "last_day" / "batch=1"
    noon = f"timestamptz '{LAST_DAY} 12:00:00+00'"
    late = (
        "(event_timestamp >= timestamptz '2026-03-21 00:00:00+00' and hash(event_id, 'late') % 1000 < 3"
        " or hash(event_id, 'very late') % 20000 = 0)"
    )
    with duckdb.connect() as connection:
        connection.execute("set threads = 2; set memory_limit = '2GB'; set timezone = 'UTC'")

        def rewrite(path: Path, query: str) -> None:
            staging = path.with_suffix(".new")
            connection.execute(f"copy ({query}) to '{staging}' (format parquet)")
            staging.replace(path)

        for path in sorted((earlier / "events").glob("*.parquet")):
            rows = f"read_parquet('{path}', hive_partitioning = false)"
            rewrite(
                later / "events" / f"late-{path.name}",
                f"select * replace ({noon} as created_timestamp) from {rows} where {late}",
            )
            rewrite(path, f"from {rows} where not {late}")
        rewrite(
            later / "events" / "shared.parquet",
            "select * replace ('shared-' || event_id as event_id, 'u_' || hash(event_id) % 50 as user_id, "
            f"{noon} as event_timestamp, {noon} as created_timestamp, null::varchar as session_id) "
            f"from read_parquet('{earlier}/events/*.parquet', hive_partitioning = false) "
            "where anonymous_id is not null and user_id is not null "
            f"order by hash(event_id) limit {max(events // 50_000, 2)}",
        )
        rewrite(
            later / "users.parquet",
            f"select * replace ('none' as consent, {noon} as created_timestamp) "
            f"from read_parquet('{earlier}/users.parquet', hive_partitioning = false) "
            f"where consent = 'granted' order by hash(user_id) limit {max(events // 100_000, 2)}",
        )
        rewrite(
            later / "items.parquet",
            f"select * replace ('Moved > Shelf' as category, {noon} as valid_from, {noon} as created_timestamp) "
            f"from read_parquet('{earlier}/items.parquet', hive_partitioning = false) order by hash(item_id) limit 3",
        )


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
        return not unequal(connection, f"from {mart}", f"from '{by_script}'")


def unequal(connection: duckdb.DuckDBPyConnection, left: str, right: str) -> bool:
    """Return whether two queries give other rows, or one of them a row more often than the other."""
    differing = connection.execute(
        f"select count(*) from (({left} except all {right}) union all ({right} except all {left}))"
    ).fetchone()
    return differing != (0,)


def main() -> None:
    """Print the figures, or those of one step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="rows of the generated log")
    parser.add_argument("--day", choices=("plain", "nasty"), default="plain", help="what the last day brings")
    add_json_option(parser)
    parser.add_argument("--alone", action="store_true", help="without the script and dbt's floor, for a large log")
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        name, home, *rest = arguments.step
        print(json.dumps(run_step(name, Path(home), rest)))
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(arguments.events, Path(folder), arguments.day, alone=arguments.alone)
    write_figures(figures, arguments.json)


if __name__ == "__main__":
    main()
