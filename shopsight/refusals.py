"""Who refuses personal use now, and what is taken out of files at once; the next build of the warehouse says the same.

The marts say what was stated until they were built. A request (``shopsight consent``) since then is read from the event
log, so that a reader of an older file passes over whoever refused meanwhile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shopsight.consent import CONSENTS, PERSONAL_EXPORTS, allows
from shopsight.marts import export_path, mart_at, mart_exists, open_duckdb, replace_marts
from shopsight.profile_store import take_out_of_profiles
from shopsight.settings import Settings

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

REQUEST: Final = "consent_request"
"""Source of what was stated by ``shopsight consent``: a file of another source does not undo it."""

MAX_MERGES: Final = 4
"""How often a shopper who was merged is followed, as int_merged_users does."""

STATED: Final = """
    select user_id, arg_max(consent, created_timestamp) as consent
    from read_parquet($files, hive_partitioning = false)
    where source = $source and consent is not null
    group by user_id
"""
MERGED: Final = """
    select properties ->> 'previous_user_id' as previous, arg_max(user_id, event_timestamp) as user_id
    from read_parquet($files, hive_partitioning = false)
    where event_name = 'identify' and user_id is not null and contains(properties, '"previous_user_id"')
    group by previous
"""


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """Ids that no list, personal model or online view may hold."""

    users: frozenset[str]
    """Pseudonyms of shoppers."""
    sessions: frozenset[str]
    """Their sessions."""

    def of(self, join_key: str) -> frozenset[str]:
        """Return the ids among the values of a join key; none where it names nobody."""
        return {"user_id": self.users, "session_id": self.sessions}.get(join_key, frozenset())


def read_refusals(settings: Settings) -> Refusals:
    """Return who refuses personal use, as the marts and the requests since say."""
    import duckdb

    forbidding = [consent for consent in CONSENTS if not allows(consent, "personal")]
    with duckdb.connect(config={"threads": 2}) as connection:
        accounts = export_path(settings, "users")
        users: set[str] = set()
        if mart_exists(accounts):
            query = f"select user_id from ({mart_at(accounts).rows()}) where list_contains($forbidding, consent)"
            users |= _ids(connection, query, forbidding=forbidding)
        requested = [user for user, consent in newest_requests(settings).items() if consent in forbidding]
        users |= persons(connection, settings, requested) if requested else set()
        return Refusals(users=frozenset(users), sessions=frozenset(_sessions(connection, settings, users)))


def newest_requests(settings: Settings) -> dict[str, str]:
    """Return the consent that was last asked for, by the id that it was asked for."""
    import duckdb

    files = batch_files(settings, "users.parquet")
    if not files:
        return {}
    with duckdb.connect(config={"threads": 2}) as connection:
        return dict(connection.execute(STATED, {"files": files, "source": REQUEST}).fetchall())


def refusals_of(settings: Settings, ids: Iterable[str]) -> Refusals:
    """Return what some ids stand for: these shoppers, whom they were linked to or merged into, and their sessions."""
    import duckdb

    with duckdb.connect(config={"threads": 2}) as connection:
        users = persons(connection, settings, list(ids))
        return Refusals(users=frozenset(users), sessions=frozenset(_sessions(connection, settings, users)))


def without_refusals(table: "pa.Table", settings: Settings) -> "pa.Table":
    """Return the rows of a table with ``user_id`` whose shoppers do not refuse personal use now."""
    import pyarrow as pa
    import pyarrow.compute as pc

    refused = pa.array(sorted(read_refusals(settings).users), pa.string())
    return table.filter(pc.invert(pc.is_in(table["user_id"], value_set=refused)))


def open_personal_marts(settings: Settings, names: Sequence[str]) -> "duckdb.DuckDBPyConnection":
    """Return a connection with marts as views; those of personal use lack whoever refuses it now.

    Args:
        settings: says where they are.
        names: the marts wanted.
    """
    connection = open_duckdb()
    _register(connection, read_refusals(settings).users, key="user_id", name="refused_user_id")
    for name in names:
        rows = mart_at(export_path(settings, name)).rows()
        personal = name in PERSONAL_EXPORTS
        spared = " where user_id not in (select user_id from refused_user_id)" if personal else ""
        connection.execute(f'create view "{name}" as select * from ({rows}){spared}')
    return connection


def take_out_of_exports(settings: Settings, refusals: Refusals, names: Sequence[str] = PERSONAL_EXPORTS) -> int:
    """Rewrite the exports that hold rows of some shoppers without them, all marts in one step; then the profiles.

    Args:
        settings: says where the exports are.
        refusals: whose rows go.
        names: exports to look into; those that are not there are passed over.

    Returns:
        How many rows and profiles went.
    """
    gone, queries = 0, {}
    with open_duckdb() as connection:
        for key in ("user_id", "session_id"):
            _register(connection, refusals.of(key), key=key, name=f"refused_{key}")
        for name in names:
            path = export_path(settings, name)
            if not mart_exists(path):
                continue
            mart = mart_at(path)
            columns = {column[0] for column in connection.execute(f"describe {mart.rows()}").fetchall()}
            refused = _refused(columns)
            (rows,) = connection.execute(f"select count(*) from ({mart.rows()}) where {refused}").fetchall()[0]
            gone += rows
            if rows:
                queries[mart] = f"from ({mart.rows()}) where not coalesce({refused}, false)"
        replace_marts(queries, connection)
    return gone + take_out_of_profiles(settings, refusals.users)


def persons(connection: "duckdb.DuckDBPyConnection", settings: Settings, ids: Sequence[str]) -> set[str]:
    """Return the ids and, of devices that are linked and of users who were merged, the shoppers behind them."""
    named = set(ids)
    links = export_path(settings, "identities")
    if mart_exists(links):
        _register(connection, named)
        linked = f"select user_id from ({mart_at(links).rows()}) where anonymous_id in (select user_id from ids)"
        named |= _ids(connection, linked)
    files = batch_files(settings, "events/*.parquet")
    merged = dict(connection.execute(MERGED, {"files": files}).fetchall()) if files else {}
    for _ in range(MAX_MERGES):
        named |= {merged[user] for user in named if user in merged}
    return named


def _refused(columns: set[str]) -> str:
    """Return the SQL condition that a row is of somebody who refuses: by its shopper, else by its session."""
    user, session = (f"({key} in (from refused_{key}))" for key in ("user_id", "session_id"))
    if "user_id" not in columns:
        return session
    # A list may have been shown to a session of which no shopper was named.
    return f"({user} or user_id is null and {session})" if "session_id" in columns else user


def _sessions(connection: "duckdb.DuckDBPyConnection", settings: Settings, users: Iterable[str]) -> set[str]:
    path = export_path(settings, "sessions")
    ids = sorted(users)
    if not ids or not mart_exists(path):
        return set()
    _register(connection, ids)
    return _ids(connection, f"select session_id from ({mart_at(path).rows()}) semi join ids using (user_id)")


def _ids(connection: "duckdb.DuckDBPyConnection", query: str, **parameters: object) -> set[str]:
    return {row[0] for row in connection.execute(query, parameters).fetchall()}


def _register(
    connection: "duckdb.DuckDBPyConnection", ids: Iterable[str], *, key: str = "user_id", name: str = "ids"
) -> None:
    import pyarrow as pa

    connection.register(name, pa.table({key: pa.array(sorted(ids), pa.string())}))


def batch_files(settings: Settings, name: str) -> list[str]:
    """Return the files of a name in every batch of the event log."""
    return sorted(str(path) for path in settings.event_log_dir.glob(f"arrival_date=*/batch=*/{name}"))
