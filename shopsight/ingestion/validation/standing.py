"""The rules of events as one statement that stays prepared, for who judges a few events at a time, and often."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb
import pyarrow as pa

from shopsight.events import EVENT_SCHEMA, TIMESTAMP
from shopsight.ingestion.duck import StandingTable
from shopsight.ingestion.validation.rules import EVENT_RULES, Rule
from shopsight.ingestion.validation.validate import WITHIN, rules_query

TEXTS = dict.fromkeys(EVENT_SCHEMA.names, pa.string())


class StandingRules:
    """A :class:`~shopsight.ingestion.validation.validate.Judge` of events whose columns are all text."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Prepare the statement on ``connection``, on which nothing else is registered later."""
        self._connection = connection
        beside = {"arrived_at": TIMESTAMP, "latest": TIMESTAMP}
        self._chunk = StandingTable(connection, "raw_chunk", pa.schema(TEXTS | beside))
        query = rules_query(
            EVENT_SCHEMA, EVENT_RULES, TEXTS, arrival="arrived_at", latest="latest", beside=tuple(beside)
        )
        connection.execute(f"prepare judge as {query}")

    def __call__(
        self, columns: Mapping[str, pa.ChunkedArray], *, received_at: datetime
    ) -> tuple[pa.Table, Sequence[Rule]]:
        """Judge clean columns of text by every rule; see :class:`~shopsight.ingestion.validation.validate.Judge`."""
        rows = len(next(iter(columns.values())))
        given = {name: columns.get(name, pa.nulls(rows, pa.string())) for name in EVENT_SCHEMA.names}
        moments = {"arrived_at": received_at, "latest": received_at + WITHIN}
        self._chunk.put(
            pa.table(given | {name: pa.repeat(pa.scalar(at, TIMESTAMP), rows) for name, at in moments.items()})
        )
        return self._connection.sql("execute judge").to_arrow_table(), EVENT_RULES
