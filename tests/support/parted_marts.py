"""A mart that is made of parts and of records of deletes, as the warehouse publishes it, from rows in memory."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.marts import MANIFEST, PARTS_FOLDER
from shopsight.settings import Settings
from shopsight.whole_files import write_json

Row = Mapping[str, Any]


class PartedMart:
    """Each run writes new files beside those that are there; `merge` makes one of all that is live."""

    def __init__(self, settings: Settings, name: str, *, entity: Sequence[str], schema: pa.Schema) -> None:
        self.folder = settings.exports_dir
        self.name, self.entity, self.schema = name, list(entity), schema
        self.number = 0
        self.parts: list[dict[str, Any]] = []
        self.deletes: list[dict[str, Any]] = []
        self.live: dict[tuple[Any, ...], Row] = {}
        (self.folder / PARTS_FOLDER).mkdir(parents=True, exist_ok=True)

    def key(self, row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in self.entity)

    def run(self, rows: Iterable[Row] = (), *, deleted: Iterable[tuple[Any, ...]] = ()) -> None:
        """Delete the rows of some entities, then add rows, and publish both."""
        gone = [dict(zip(self.entity, key, strict=True)) for key in deleted]
        if gone:
            schema = pa.schema([self.schema.field(name) for name in self.entity])
            self.deletes.append(self._write(gone, schema, "-deletes"))
            for one in gone:
                self.live.pop(self.key(one), None)
        added = list(rows)
        if added or not self.parts:
            self.parts.append(self._write(added, self.schema, ""))
            self.live |= {self.key(row): row for row in added}
        self._publish()

    def merge(self) -> None:
        """Make one part of all live rows."""
        self.parts, self.deletes = [self._write(list(self.live.values()), self.schema, "")], []
        self._publish()

    def _write(self, rows: list[Any], schema: pa.Schema, end: str) -> dict[str, Any]:
        self.number += 1
        file = f"{self.name}-{self.number}-made{end}.parquet"
        table = pa.Table.from_pylist(rows, schema=schema)
        numbers = pa.array([self.number] * len(rows), pa.int64())
        pq.write_table(table.append_column("part", numbers), self.folder / PARTS_FOLDER / file)
        return {"file": file, "number": self.number, "rows": len(rows)}

    def _publish(self) -> None:
        path = self.folder / MANIFEST
        marts = json.loads(path.read_text())["marts"] if path.exists() else {}
        state = {"entity": self.entity, "sorted_by": [], "parts": self.parts, "deletes": self.deletes}
        write_json(path, {"marts": {**marts, self.name: state}})
