"""Profiles of all shoppers, each looked up by its key: one SQLite file, made whole, that readers never see change.

A new state takes the file's name in one step, so a reader needs no lock, and a file that is read from a network disk or
by a process that may not write is as good as any. Look-alikes lie beside the documents, for they name other shoppers:
whoever leaves the file leaves the look-alikes of the others as well.
"""

import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Self

import orjson

from shopsight.locking import exclusive
from shopsight.settings import Settings
from shopsight.whole_files import FileVersion, replaced, version_of

SCHEMA: Final = """
    create table about (name text primary key, value blob) without rowid;
    create table profiles (user_id text primary key, document blob) without rowid;
    create table look_alikes (user_id text, place integer, alike_id text, cosine real, primary key (user_id, place))
        without rowid;
"""
LEVEL: Final = 1
"""Of the compression: 8 kB become 2 kB, in a tenth of a millisecond."""
WAIT_SECONDS: Final = 600.0
"""How long a writer waits for another one: a million shoppers take minutes."""

Documents = Iterable[Mapping[str, Any]]
LookAlikes = Iterable[tuple[str, int, str, float]]
"""``user_id, place, alike_id, cosine``, place 1 for the most alike."""


class ProfileStore:
    """Reads the file of a home, and the next one once it is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._version: FileVersion | None = None
        self._connection: sqlite3.Connection | None = None
        self.about: Mapping[str, Any] = {}
        """What was written beside the profiles: ``made_at``, ``last_month`` and more; empty without a file."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the store of a home."""
        return cls(settings.profiles_path)

    def look(self) -> bool:
        """Take up the file as it is now; return whether there is one."""
        with self._lock:
            self._take_up()
            return self._connection is not None

    def read(self, user_id: str) -> dict[str, Any] | None:
        """Return a profile with ``look_alikes`` as pairs of id and cosine; None of whom there is none.

        Args:
            user_id: a pseudonym.
        """
        with self._lock:
            self._take_up()
            if self._connection is None:
                return None
            row = self._connection.execute("select document from profiles where user_id = ?", [user_id]).fetchone()
            if row is None:
                return None
            near = self._connection.execute(
                "select alike_id, cosine from look_alikes where user_id = ? order by place", [user_id]
            ).fetchall()
        document: dict[str, Any] = orjson.loads(zlib.decompress(row[0]))
        return document | {"look_alikes": near}

    def _take_up(self) -> None:
        version = version_of(self._path)
        if version == self._version:
            return
        if self._connection is not None:
            self._connection.close()
        self._version, self._connection, self.about = version, None, {}
        if version is not None:
            # Immutable: nobody writes into a file of this name, so that SQLite need not lock it.
            uri = f"{self._path.absolute().as_uri()}?mode=ro&immutable=1"
            self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
            rows = self._connection.execute("select name, value from about").fetchall()
            self.about = {name: orjson.loads(value) for name, value in rows}


def write_profiles(
    settings: Settings,
    documents: Documents,
    look_alikes: LookAlikes,
    *,
    about: Mapping[str, Any],
    refused: Callable[[], frozenset[str]],
) -> int:
    """Put profiles in the place of those before, and return how many there are.

    Args:
        settings: says where the file is.
        documents: each with its ``user_id``.
        look_alikes: of whoever has some.
        about: what is said of all of them.
        refused: returns the pseudonyms of those who refuse personal use; asked at the end, for somebody may have
            refused since the documents were begun.
    """
    path = settings.profiles_path
    with (
        exclusive(path.with_suffix(".lock"), what="writing the profiles", wait_seconds=WAIT_SECONDS),
        replaced(path) as staging,
    ):
        staging.unlink(missing_ok=True)
        with closing(sqlite3.connect(staging)) as connection, connection:
            connection.executescript(f"pragma journal_mode = off; pragma synchronous = off; {SCHEMA}")
            connection.executemany("insert into about values (?, ?)", ((k, orjson.dumps(v)) for k, v in about.items()))
            connection.executemany(
                "insert into profiles values (?, ?)",
                ((one["user_id"], zlib.compress(orjson.dumps(one), LEVEL)) for one in documents),
            )
            connection.executemany("insert into look_alikes values (?, ?, ?, ?)", look_alikes)
            _take_out(connection, refused())
            ((rows,),) = connection.execute("select count(*) from profiles").fetchall()
    return int(rows)


def take_out_of_profiles(settings: Settings, users: frozenset[str]) -> int:
    """Write the file anew without some shoppers, and return how many profiles went; 0 leaves it as it is."""
    path = settings.profiles_path
    if not users or not path.exists():
        return 0
    with exclusive(path.with_suffix(".lock"), what="writing the profiles", wait_seconds=WAIT_SECONDS):
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as before:
            if not _holds(before, users):
                return 0
            with replaced(path) as staging:
                staging.unlink(missing_ok=True)
                with closing(sqlite3.connect(staging)) as connection:
                    before.backup(connection)
                    with connection:
                        gone = _take_out(connection, users)
                    # What was deleted leaves the file's pages, too.
                    connection.execute("vacuum")
        return gone


def _holds(connection: sqlite3.Connection, users: frozenset[str]) -> bool:
    """Return whether anything in a file is about some shoppers."""
    _name(connection, users)
    places = (("profiles", "user_id"), ("look_alikes", "alike_id"))
    return any(
        connection.execute(f"select 1 from {table} where {key} in (select id from gone) limit 1").fetchone()
        for table, key in places
    )


def _take_out(connection: sqlite3.Connection, users: frozenset[str]) -> int:
    _name(connection, users)
    gone = connection.execute("delete from profiles where user_id in (select id from gone)").rowcount
    connection.execute(
        "delete from look_alikes where user_id in (select id from gone) or alike_id in (select id from gone)"
    )
    return gone


def _name(connection: sqlite3.Connection, users: frozenset[str]) -> None:
    connection.execute("create temp table if not exists gone (id text primary key) without rowid")
    connection.executemany("insert or ignore into gone values (?)", ((user,) for user in sorted(users)))
