"""A person's consent as somebody asks for it: written into the event log, and kept to at once.

Everything else hears of it from the log: the next build of the warehouse, and whoever reads files of before.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa

from shopsight.consent import CONSENTS, allows
from shopsight.errors import ShopsightError
from shopsight.feature_store import FeatureStoreNotReadyError, erase_online
from shopsight.identity import clean_id
from shopsight.ingestion.log.event_log import EventLog
from shopsight.ingestion.readers.chunks import RawChunk, rows_as_json
from shopsight.privacy import PSEUDONYM_LENGTH, Pseudonymiser
from shopsight.refusals import REQUEST, batch_files, newest_requests, refusals_of, take_out_of_exports
from shopsight.settings import Settings

PSEUDONYM: Final = re.compile(f"[ua]_[a-z2-7]{{{PSEUDONYM_LENGTH}}}")

IN_EVENTS: Final = """
    select distinct unnest([user_id, anonymous_id]) as id
    from read_parquet($files, hive_partitioning = false)
    where list_contains($ids, user_id) or list_contains($ids, anonymous_id)
"""
IN_ACCOUNTS: Final = """
    select distinct user_id from read_parquet($files, hive_partitioning = false)
    where list_contains($ids, user_id) and source != $request
"""


@dataclass(frozen=True, kw_only=True)
class StatedConsent:
    """What a request changed."""

    consent: str
    """What was asked for."""
    shoppers: tuple[str, ...]
    """Pseudonyms that it was written for."""
    is_in_log: bool
    """Whether the log holds anything of them; else it counts for what will come."""
    is_new: bool
    """Whether the log did not say so already."""
    online_rows: int
    """Entries that left the online store (of Redis: keys)."""
    export_rows: int
    """Rows that left the exports of personal use."""


def state_consent(settings: Settings, raw_id: str, consent: str, *, received_at: datetime) -> StatedConsent:
    """Write what a person permits, and take them out of the online store and the exports where that is less.

    Asking again changes nothing, and goes on where an earlier request was interrupted. A consent that is given again
    brings the person back with the next build of the warehouse, as far as no other place refuses it.

    Args:
        settings: says where everything is.
        raw_id: a user's or a device's id as the shop has it, or a pseudonym.
        consent: one of :data:`shopsight.consent.CONSENTS`.
        received_at: when it was asked for; aware.

    Raises:
        ShopsightError: the consent is none of them, or the id is a word for nobody.
        EventLogBusyError: an import is running.
        ResourceBusyError: the online store is being written.
        OnlineStoreUnavailableError: it does not answer; the request stands, and asking again completes it.
    """
    if consent not in CONSENTS:
        raise ShopsightError(
            f"{consent!r} is no consent", why="nothing says what it permits", fix=f"say one of {', '.join(CONSENTS)}"
        )
    log = EventLog.open(settings)
    ids = _possible_ids(raw_id, Pseudonymiser.from_settings(settings))
    logged = _in_log(settings, ids)
    shoppers = logged or ids[:1]
    said = newest_requests(settings)
    new = [shopper for shopper in shoppers if said.get(shopper) != consent]
    if new:
        log.land([_statements(new, consent)], source_name=REQUEST, received_at=received_at, format_name="consent")
    online_rows = export_rows = 0
    if not allows(consent, "personal"):
        refusals = refusals_of(settings, shoppers)
        export_rows = take_out_of_exports(settings, refusals)
        online_rows = _erase(settings, "user_id", refusals.users) + _erase(settings, "session_id", refusals.sessions)
    return StatedConsent(
        consent=consent,
        shoppers=tuple(shoppers),
        is_in_log=bool(logged),
        is_new=bool(new),
        online_rows=online_rows,
        export_rows=export_rows,
    )


def _possible_ids(raw_id: str, pseudonymiser: Pseudonymiser) -> list[str]:
    """Return the pseudonyms that an id may have been given, a user's first."""
    if PSEUDONYM.fullmatch(raw_id):
        return [raw_id]
    if clean_id(raw_id, "user_id") is None:
        raise ShopsightError(
            f"{raw_id!r} is nobody's id",
            why="it is empty, or a word by which tools say that there is no user",
            fix="name the person as the shop does in user_id or anonymous_id",
        )
    return [pseudonymiser.user(raw_id), pseudonymiser.anonymous(raw_id)]


def _in_log(settings: Settings, ids: Sequence[str]) -> list[str]:
    """Return those of the ids of which the log holds anything but requests."""
    import duckdb

    with duckdb.connect(config={"threads": 2}) as connection:
        events = {"files": batch_files(settings, "events/*.parquet"), "ids": list(ids)}
        accounts = {"files": batch_files(settings, "users.parquet"), "ids": list(ids), "request": REQUEST}
        rows = [
            *connection.execute(IN_EVENTS, events).fetchall(),
            *connection.execute(IN_ACCOUNTS, accounts).fetchall(),
        ]
    return [one for one in ids if (one,) in rows]


def _statements(shoppers: Sequence[str], consent: str) -> RawChunk:
    rows = pa.table({"user_id": shoppers, "consent": [consent] * len(shoppers)})
    lines = np.arange(1, len(shoppers) + 1, dtype=np.int64)
    return RawChunk(rows=rows, lines=lines, raw=rows_as_json(rows), table="users", is_pseudonymous=True)


def _erase(settings: Settings, join_key: str, ids: frozenset[str]) -> int:
    try:
        return erase_online(settings, join_key=join_key, values=sorted(ids)) if ids else 0
    except FeatureStoreNotReadyError:  # nothing was ever put online
        return 0
