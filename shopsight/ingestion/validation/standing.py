"""The rules of a table as one statement that stays prepared, for who judges a few rows at a time, and often."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb
import pyarrow as pa

from shopsight.events import TIMESTAMP
from shopsight.ingestion.duck import StandingTable
from shopsight.ingestion.readers.chunks import TableName
from shopsight.ingestion.validation.rules import Rule
from shopsight.ingestion.validation.validate import RULES, SCHEMAS, WITHIN, rules_query


class StandingRules:
    """A :class:`~shopsight.ingestion.validation.validate.Judge` of rows whose columns are all text."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: TableName = "events") -> None:
        """Prepare the statement on ``connection``, on which nothing else is registered later."""
        self._connection = connection
        self._schema, self._rules = SCHEMAS[table], RULES[table]
        texts, beside = dict.fromkeys(self._schema.names, pa.string()), {"arrived_at": TIMESTAMP, "latest": TIMESTAMP}
        self._chunk = StandingTable(connection, "raw_chunk", pa.schema(texts | beside))
        query = rules_query(
            self._schema, self._rules, texts, arrival="arrived_at", latest="latest", beside=tuple(beside)
        )
        connection.execute(f"prepare judge as {query}")

    def __call__(
        self, columns: Mapping[str, pa.ChunkedArray], *, received_at: datetime
    ) -> tuple[pa.Table, Sequence[Rule]]:
        """Judge clean columns of text by every rule; see :class:`~shopsight.ingestion.validation.validate.Judge`."""
        rows = len(next(iter(columns.values())))
        given = {name: columns.get(name, pa.nulls(rows, pa.string())) for name in self._schema.names}
        moments = {"arrived_at": received_at, "latest": received_at + WITHIN}
        self._chunk.put(
            pa.table(given | {name: pa.repeat(pa.scalar(at, TIMESTAMP), rows) for name, at in moments.items()})
        )
        return self._connection.sql("execute judge").to_arrow_table(), self._rules
