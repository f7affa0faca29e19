"""How marts are read: by the manifest that names the Parquet files each one consists of.

A mart goes by the name of a file, ``warehouse/exports/<mart>.parquet``, as Feast wants it. Where the warehouse made it
there is no such file: ``exports/manifest.json`` names its parts and its records of deletes (see
dbt_project/macros/parts.sql), which is why the folder is not to be globbed. What a model wrote, such as
``churn_scores``, is the file itself.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shopsight.errors import ShopsightError
from shopsight.settings import Settings
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MANIFEST: Final = "manifest.json"
PARTS_FOLDER: Final = "parts"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file of a mart."""

    path: Path
    number: int
    """Its place in the order of writing; a record of deletes counts against the parts of smaller numbers."""
    rows: int


@dataclass(frozen=True, kw_only=True)
class Mart:
    """A mart as it was published last; its files do not change, and are there for minutes after a newer one is."""

    name: str
    parts: tuple[Part, ...]
    """Empty where the mart is a file by itself."""
    deletes: tuple[Part, ...]
    entity: tuple[str, ...]
    """Columns that a record of deletes names rows by."""
    sorted_by: tuple[str, ...]
    path: Path
    """The name that it goes by."""

    @property
    def files(self) -> list[Path]:
        """Return the files that hold its rows, in the order of writing."""
        return [part.path for part in self.parts] or [self.path]

    def condition(self) -> str:
        """Return the SQL condition that a row of its files, selected as ``rows``, is not deleted."""
        if not self.deletes:
            return "true"
        same = " and ".join(f'gone."{key}" = rows."{key}"' for key in self.entity)
        gone = f"read_parquet({sql_list(part.path for part in self.deletes)}) as gone"
        return f"not exists (select 1 from {gone} where {same} and gone.part > rows.part)"

    def rows(self) -> str:
        """Return SQL for all columns of the mart and no other, in no order."""
        columns = "* exclude (part)" if self.parts else "*"
        return f"select {columns} from read_parquet({sql_list(self.files)}) as rows where {self.condition()}"

    def read(self, columns: Sequence[str] | None = None) -> "pa.Table":
        """Return the mart as a table, in its own order.

        Args:
            columns: those wanted; all of them where omitted.
        """
        order = f" order by {', '.join(self.sorted_by)}" if self.sorted_by else ""
        with open_duckdb() as connection:
            wanted = "*" if columns is None else ", ".join(f'"{name}"' for name in columns)
            return connection.sql(f"select {wanted} from ({self.rows()}){order}").to_arrow_table()

    def written_us(self) -> int:
        """Return when its newest file was written, in microseconds since 1970."""
        paths = [*self.files, *(part.path for part in self.deletes)]
        return max(path.stat().st_mtime_ns for path in paths) // 1000


def export_path(settings: Settings, mart: str) -> Path:
    """Return the name that a mart goes by, or the file of what a model wrote."""
    return settings.exports_dir / f"{mart}.parquet"


def mart_exists(path: Path) -> bool:
    """Return whether there is a mart of this name."""
    return path.stem in _manifest(path.parent) or path.exists()


def mart_at(path: Path) -> Mart:
    """Return the mart that goes by a name.

    Raises:
        FileNotFoundError: there is none.
    """
    state = _manifest(path.parent).get(path.stem)
    if state is None:
        if not path.exists():
            raise FileNotFoundError(f"there is no mart {path}")
        return Mart(name=path.stem, parts=(), deletes=(), entity=(), sorted_by=(), path=path)
    folder = path.parent / PARTS_FOLDER
    parts, deletes = (
        tuple(Part(path=folder / one["file"], number=one["number"], rows=one["rows"]) for one in state[kind])
        for kind in ("parts", "deletes")
    )
    return Mart(
        name=path.stem,
        parts=parts,
        deletes=deletes,
        entity=tuple(state["entity"]),
        sorted_by=tuple(state["sorted_by"]),
        path=path,
    )


def require_marts(settings: Settings, names: Sequence[str]) -> None:
    """Refuse a home that lacks some marts.

    Raises:
        ShopsightError: it does; the message names them.
    """
    there = mart_names(settings)
    if missing := [name for name in names if name not in there]:
        raise ShopsightError(
            f"there are no marts of these names in {settings.home}: {', '.join(missing)}",
            why="the warehouse makes them, and that has not happened for this home",
            fix="run `make demo`, or `shopsight run` after an import",
        )


def read_mart(settings: Settings, mart: str, columns: Sequence[str] | None = None) -> "pa.Table":
    """Return a mart as a table; see :meth:`Mart.read`."""
    return mart_at(export_path(settings, mart)).read(columns)


def mart_file(path: Path) -> Path:
    """Return the one file of a mart that every build makes whole; the name itself where there is no such mart yet.

    Raises:
        ValueError: the mart is made of several files.
    """
    try:
        mart = mart_at(path)
    except FileNotFoundError:
        return path
    if len(mart.files) > 1 or mart.deletes:
        raise ValueError(f"the mart {mart.name} is made of {len(mart.files)} files: read it with Mart.read")
    return mart.files[0]


def mart_names(settings: Settings) -> list[str]:
    """Return the marts that there are, and what models wrote."""
    files = {path.stem for path in settings.exports_dir.glob("*.parquet")}
    return sorted(files | published_marts(settings.exports_dir))


def open_marts(settings: Settings, names: Iterable[str] | None = None) -> "duckdb.DuckDBPyConnection":
    """Return a connection in which every mart is a view of its name, all of one moment.

    Args:
        settings: says where they are.
        names: the marts wanted; all of them where omitted.
    """
    connection = open_duckdb()
    for name in mart_names(settings) if names is None else names:
        connection.execute(f'create view "{name}" as {mart_at(export_path(settings, name)).rows()}')
    return connection


def open_duckdb() -> "duckdb.DuckDBPyConnection":
    """Return a connection to a database in memory, whose times are UTC."""
    import duckdb

    connection = duckdb.connect(config={"threads": 2})
    connection.execute("set timezone = 'UTC'")
    return connection


def replace_marts(queries: Mapping[Mart, str], connection: "duckdb.DuckDBPyConnection") -> None:
    """Have marts of one home consist of what queries return, until the next build; all change in one step.

    Args:
        queries: each returns every column of its mart.
        connection: runs them.
    """
    states: dict[Path, dict[str, Any]] = {}
    for mart, query in queries.items():
        if not mart.parts:
            with replaced(mart.path) as staging:
                connection.execute(f"copy ({query}) to {_quoted(staging)} (format parquet, compression zstd)")
            continue
        number = max(part.number for part in (*mart.parts, *mart.deletes))
        file = mart.path.parent / PARTS_FOLDER / f"{mart.name}-{number}-{uuid.uuid4().hex[:8]}.parquet"
        with replaced(file) as staging:
            copied = f"copy (select *, {number}::bigint as part from ({query})) to {_quoted(staging)}"
            ((rows,),) = connection.execute(f"{copied} (format parquet, compression zstd)").fetchall()
        marts = states.setdefault(mart.path.parent, _manifest(mart.path.parent))
        parts = [{"file": file.name, "number": number, "rows": rows}]
        marts[mart.name] = {**marts[mart.name], "parts": parts, "deletes": []}
    for exports_dir, marts in states.items():
        with replaced(exports_dir / MANIFEST) as staging:
            staging.write_text(json.dumps({"marts": marts}) + "\n")


def published_marts(exports_dir: Path) -> frozenset[str]:
    """Return the names of the marts that the warehouse made."""
    return frozenset(_manifest(exports_dir))


def named_files(exports_dir: Path) -> set[str]:
    """Return the names of all files of parts and of deletes that the manifest names."""
    states = _manifest(exports_dir).values()
    return {one["file"] for state in states for kind in ("parts", "deletes") for one in state[kind]}


def _manifest(exports_dir: Path) -> dict[str, Any]:
    try:
        text = (exports_dir / MANIFEST).read_text()
    except FileNotFoundError:
        return {}
    marts: dict[str, Any] = json.loads(text)["marts"]
    return marts


def sql_list(paths: Iterable[Path]) -> str:
    """Return files as DuckDB's ``read_parquet`` takes them."""
    return f"[{', '.join(map(_quoted, paths))}]"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
