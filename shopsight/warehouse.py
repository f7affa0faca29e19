"""The DuckDB warehouse: where dbt builds it, and how to run dbt from Python."""

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from shopsight.currency_rates import check_currency_rates
from shopsight.errors import ShopsightError
from shopsight.marts import PARTS_FOLDER, export_path, named_files, published_marts
from shopsight.settings import REPO_ROOT, Settings, prepare_environment
from shopsight.whole_files import replaced, write_json

if TYPE_CHECKING:
    import duckdb

DBT_PROJECT_DIR = REPO_ROOT / "dbt_project"
"""The dbt project, with its own profiles.yml."""

REFRESH = ("build", "--exclude-resource-type", "unit_test")
"""The dbt command that builds and tests every mart. dbt's unit tests try the SQL on made-up rows: the test suite runs
them, and a shop's own rows cannot change them."""

READ_SECONDS = 600.0
"""How long a file stays after the marts consist of others."""


class WarehouseUnreadableError(ShopsightError):
    """The warehouse's file cannot be opened."""


class DbtError(ShopsightError):
    """A dbt command that failed."""


def prepare_warehouse(settings: Settings) -> None:
    """Make the folders that DuckDB writes into but does not make, and check what it reads beside the event log.

    Raises:
        CurrencyRatesError: the table of exchange rates cannot be used.
    """
    check_currency_rates(settings.currency_rates_path)
    (settings.exports_dir / PARTS_FOLDER).mkdir(parents=True, exist_ok=True)


def built_by_other_models(settings: Settings) -> bool:
    """Return whether there is a warehouse, and the whole of it was last built by other models than today's."""
    noted = _models_note(settings)
    return settings.warehouse_path.exists() and (not noted.exists() or noted.read_text() != _digest_of_models())


def note_models(settings: Settings) -> None:
    """Note that the whole warehouse has just been built by today's models."""
    with replaced(_models_note(settings)) as staging:
        staging.write_text(_digest_of_models())


def noted_models(settings: Settings) -> str | None:
    """Return the SHA-256 of the dbt models that built the whole warehouse last; None where that was not noted."""
    noted = _models_note(settings)
    return noted.read_text().strip() if noted.exists() else None


def _models_note(settings: Settings) -> Path:
    return settings.warehouse_path.with_name("models.sha256")


def _digest_of_models() -> str:
    total = hashlib.sha256()
    for path in sorted(path for folder in ("models", "macros") for path in (DBT_PROJECT_DIR / folder).rglob("*.sql")):
        total.update(f"{path.relative_to(DBT_PROJECT_DIR)}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()


def run_dbt(settings: Settings, *arguments: str, target_path: Path | None = None) -> None:
    """Run a dbt command in this process, as ``dbt <arguments>`` in ``dbt_project/`` would.

    Args:
        settings: says where the event log and the warehouse are.
        arguments: for example ``"build"``, ``"--select"``, ``"marts"``.
        target_path: folder for dbt's artefacts; ``warehouse/dbt_target`` when not given.

    Raises:
        DbtError: a model, test or the project itself failed; names every node that did.
        CurrencyRatesError: the table of exchange rates cannot be used.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.cli.main import dbtRunner

    prepare_warehouse(settings)
    prepare_environment(settings)
    target = target_path or settings.warehouse_path.parent / "dbt_target"
    result = dbtRunner().invoke(
        [
            *arguments,
            "--project-dir",
            str(DBT_PROJECT_DIR),
            "--profiles-dir",
            str(DBT_PROJECT_DIR),
            "--target-path",
            str(target),
            "--log-path",
            str(target / "logs"),
            "--no-use-colors",
            "--quiet",
        ]
    )
    # The process may live on, the next writer of the file is another one.
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if result.success:
        remove_old_parts(settings)
        return
    why = str(result.exception)
    if isinstance(result.result, RunExecutionResult):
        failed = [row for row in result.result if row.status in ("error", "fail", "runtime error")]
        why = "; ".join(f"{row.node.name}: {row.message}" for row in failed)
    raise dbt_failure(settings, *arguments, why=why, target=target, log=target / "logs" / "dbt.log")


def remove_old_parts(settings: Settings) -> None:
    """Remove the files of marts that nothing names any more, minutes after it was seen that nothing does.

    Readers hold to the manifest that they have read for as long as they read. What a killed run left is removed, too;
    what a run has made and not yet published is not.
    """
    import duckdb

    folder = settings.exports_dir / PARTS_FOLDER
    note = folder / "unnamed.json"
    try:
        with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
            noted = {file for (file,) in connection.execute("select file from parts.files").fetchall()}
    except duckdb.Error:
        return  # no warehouse of parts, or another process has it: the next run will do
    for mart in published_marts(settings.exports_dir):
        export_path(settings, mart).unlink(missing_ok=True)  # what versions wrote that had no parts
    named = named_files(settings.exports_dir) | noted
    seen = json.loads(note.read_text()) if note.exists() else {}
    now = time.time()
    unnamed = {path.name: seen.get(path.name, now) for path in folder.glob("*.parquet") if path.name not in named}
    for name, since in unnamed.items():
        if now - since > READ_SECONDS:
            (folder / name).unlink(missing_ok=True)
    write_json(note, {name: since for name, since in unnamed.items() if now - since <= READ_SECONDS})


def attach_warehouse(connection: "duckdb.DuckDBPyConnection", settings: Settings) -> None:
    """Open the warehouse's own file as ``warehouse``, to read what is not exported, such as ``marts.events``.

    Raises:
        WarehouseUnreadableError: there is none yet, or another process is writing it.
    """
    import duckdb

    path = settings.warehouse_path
    if not path.exists():
        raise WarehouseUnreadableError(
            "cannot read the warehouse", why=f"{path} does not exist", fix="run `shopsight run`, then try again"
        )
    try:
        connection.execute(f"attach {_quoted(path)} as warehouse (read_only)")
    except duckdb.Error as error:
        raise WarehouseUnreadableError(
            f"cannot read the warehouse {path}",
            why=str(error).splitlines()[0],
            fix="wait until the run that writes it is over (`shopsight status`), then try again",
        ) from error


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def dbt_failure(settings: Settings, *arguments: str, why: str, target: Path, log: Path) -> DbtError:
    """Return the error of a dbt command that failed, with what to do about it."""
    fix = f"read {log}; the compiled SQL is under {target / 'run'}"
    if "Out of Memory" in why:
        fix = f"give it more than {settings.warehouse_memory}: SHOPSIGHT_WAREHOUSE_MEMORY, such as 12GB"
    return DbtError(f"dbt {' '.join(arguments)} failed in {DBT_PROJECT_DIR}", why=why, fix=fix)


def write_docs(settings: Settings) -> Path:
    """Write dbt's documentation as one page that needs no server: ``reports/warehouse.html``, which is returned.

    Columns have their stored types and rows where the warehouse has been built; without it the rest is there.
    """
    target = settings.warehouse_path.parent / "dbt_docs"
    run_dbt(settings, "docs", "generate", "--static", target_path=target)
    settings.reports_dir.mkdir(parents=True, exist_ok=True)
    page = settings.reports_dir / "warehouse.html"
    shutil.move(target / "static_index.html", page)
    shutil.rmtree(target)
    return page
