"""The append-only log of accepted events: the only source of truth, one folder per batch.

``event_log/arrival_date=…/batch=…/`` holds ``events/part-*.parquet``, ``items.parquet``, ``users.parquet``,
``inventory.parquet`` where stock was counted, ``quarantine.parquet`` and ``manifest.json``. A batch becomes visible by
one rename and is never changed after.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.log.deduplication import with_event_ids
from shopsight.ingestion.log.guards import DiskFullError, EventLogBusyError, explained_if_disk_is_full, only_writer
from shopsight.ingestion.log.pseudonyms import pseudonymised
from shopsight.ingestion.log.quarantine import QUARANTINE_SCHEMA, count_reasons, quarantine_rows
from shopsight.ingestion.log.receipts import Delivery, Receipt, Totals, manifest_of, receipt_of, sum_manifests
from shopsight.ingestion.log.staging import StagedBatch
from shopsight.ingestion.readers.chunks import ImportProgress, RawChunk, ReportImport, ignore
from shopsight.ingestion.validation.validate import validate
from shopsight.privacy import Pseudonymiser, PseudonymKeyError
from shopsight.settings import Settings

__all__ = ["GENESIS", "DiskFullError", "EventLog", "EventLogBusyError", "Receipt", "Totals"]

GENESIS: Final = "genesis"
"""The batch of zero rows that an empty log begins with, so that every reader finds files to read."""
GENESIS_ARRIVAL: Final = datetime(1970, 1, 1, tzinfo=UTC)
WAIT_SECONDS: Final = 1.0
"""Seconds to wait for the lock: opening a log may hold it for some milliseconds, importing for minutes."""


@dataclass(kw_only=True)
class _Counts:
    """What is counted while a batch is written."""

    received: int = 0
    duplicates: int = 0
    quarantined: int = 0
    guests: int = 0
    doubts: Counter[str] = field(default_factory=Counter)
    companions: Counter[str] = field(default_factory=Counter)
    companions_quarantined: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    replayed_reasons: Counter[str] = field(default_factory=Counter)


class EventLog:
    """The log under ``event_log_dir``; any number of readers, one writer at a time."""

    def __init__(self, folder: Path, pseudonymiser: Pseudonymiser) -> None:
        self.folder = folder
        self._staging = folder / ".staging"
        self._pseudonymiser = pseudonymiser

    @classmethod
    def open(cls, settings: Settings) -> "EventLog":
        """Open the log, making it on first use; what a killed writer left behind is cleared away.

        Raises:
            PseudonymKeyError: the log was written with another pseudonym key.
        """
        log = cls(settings.event_log_dir, Pseudonymiser.from_settings(settings))
        log.folder.mkdir(parents=True, exist_ok=True)
        begun, left_over = log._place(GENESIS_ARRIVAL, GENESIS).exists(), any(log._staging.glob("*"))
        if left_over or not begun:
            # Where another process is writing, what is staged is alive and not left over: it is let be.
            with suppress(EventLogBusyError), only_writer(log.folder, wait_seconds=0 if begun else WAIT_SECONDS):
                log._clear_staging()
                if not log.manifests():
                    log._land_genesis()
        log._check_key()
        return log

    def land(
        self,
        source: Iterable[RawChunk],
        *,
        source_name: str,
        received_at: datetime,
        format_name: str = "",
        is_replay: bool = False,
        batch_id: str | None = None,
        report: ReportImport = ignore,
    ) -> Receipt:
        """Validate, deduplicate and append one batch.

        Args:
            source: chunks, read once and one at a time.
            source_name: shop or data set; fills ``source`` where a row has none.
            received_at: arrival of the batch, with a zone; fills ``created_timestamp`` where a row has none.
            format_name: kept in the manifest.
            is_replay: whether the rows come out of the quarantine: those that are still bad stay there, and where all
                are, no batch lands.
            batch_id: name of the batch, of a source that can be landed once: where a batch of this name is in the log,
                its receipt is returned and nothing is read. Left out, the batch is named by its arrival.
            report: told after every chunk.

        Raises:
            EventLogBusyError: another writer holds the log.
            DiskFullError: no room; the log is as before.
            ShopsightError: the source could not be read; the log is as before.
        """
        if received_at.tzinfo is None:
            raise ValueError("received_at must have a time zone")
        received_at = received_at.astimezone(UTC)
        with only_writer(self.folder, wait_seconds=WAIT_SECONDS):
            self._clear_staging()
            landed = self._landed()
            for manifest in landed:
                if manifest["batch_id"] == batch_id:
                    return receipt_of(manifest)
            number = 1 + max((manifest["number"] for manifest in landed), default=0)
            batch_id = batch_id or f"{received_at:%Y%m%dT%H%M%SZ}-{number:06d}"
            delivery = Delivery(
                batch_id=batch_id,
                number=number,
                source_name=source_name,
                format_name=format_name,
                received_at=received_at,
                is_replay=is_replay,
            )
            with explained_if_disk_is_full(self.folder):
                batch = StagedBatch(self._staging / batch_id)
                try:
                    return self._write(batch, delivery, source, report)
                finally:
                    if batch.folder.exists():
                        batch.abandon()

    def manifests(self) -> list[dict[str, Any]]:
        """Return every batch's manifest in order of landing, the genesis batch first."""
        paths = self.folder.glob("arrival_date=*/batch=*/manifest.json")
        manifests: list[dict[str, Any]] = [json.loads(path.read_text()) for path in paths]
        return sorted(manifests, key=lambda manifest: (manifest["number"], manifest["batch_id"]))

    def totals(self) -> Totals:
        """Sum the manifests."""
        return sum_manifests(self._landed())

    def _write(
        self, batch: StagedBatch, delivery: Delivery, source: Iterable[RawChunk], report: ReportImport
    ) -> Receipt:
        source_name, received_at = delivery.source_name, delivery.received_at
        counts, files = _Counts(), dict[str, None]()
        with utc_connection() as connection:
            for chunk in source:
                files[chunk.file_name] = None
                validated = validate(connection, chunk, source_name=source_name, received_at=received_at)
                named = validated.good if chunk.is_pseudonymous else pseudonymised(validated.good, self._pseudonymiser)
                good = unique_in_source(named, chunk.per_actor)
                if chunk.table == "events":
                    good = with_event_ids(connection, good)
                batch.write(chunk.table, good)
                if chunk.origins is None:
                    bad = quarantine_rows(chunk, validated, delivery)
                    batch.write("quarantine", bad)
                else:
                    bad = QUARANTINE_SCHEMA.empty_table()
                    mended = chunk.origins.take(pa.array(np.setdiff1d(np.arange(len(chunk.lines)), validated.bad)))
                    batch.write_replayed(mended)
                    if chunk.table == "events":
                        counts.replayed_reasons.update(count_reasons(mended))
                _count(counts, chunk, good, bad)
                counts.guests += validated.guests
                counts.doubts += Counter({name: int(np.count_nonzero(rows)) for name, rows in chunk.doubts.items()})
                report(ImportProgress(rows=counts.received, fraction=chunk.fraction))
        batch.close()
        duplicates, corrected = batch.drop_known(self._event_files_of_sources(batch.summary()["sources"]))
        duplicates += counts.duplicates
        summary = batch.summary()
        receipt = Receipt(
            batch_id=delivery.batch_id,
            received=counts.received,
            accepted=counts.received - counts.quarantined - duplicates - corrected,
            duplicates=duplicates,
            corrected=corrected,
            quarantined=counts.quarantined,
            reasons=dict(counts.reasons),
            items=counts.companions["items"],
            distinct_items=summary["items"],
            users=counts.companions["users"],
            inventory=counts.companions["inventory"],
            companions_quarantined=counts.companions_quarantined,
            first_event_at=summary["first_event_at"] and datetime.fromisoformat(summary["first_event_at"]),
            last_event_at=summary["last_event_at"] and datetime.fromisoformat(summary["last_event_at"]),
            guests=counts.guests,
            doubts=dict(counts.doubts),
        )
        manifest = manifest_of(
            receipt,
            delivery,
            sources=summary["sources"],
            rows=summary["events"],
            files=list(files),
            key_id=self._pseudonymiser.key_id,
            replayed_reasons=counts.replayed_reasons,
        )
        if delivery.is_replay and not counts.received and not counts.companions.total():
            return receipt
        batch.publish(self._place(received_at, delivery.batch_id), manifest)
        return receipt

    def _land_genesis(self) -> None:
        batch = StagedBatch(self._staging / GENESIS)
        batch.close()
        delivery = Delivery(
            batch_id=GENESIS, number=0, source_name=GENESIS, format_name="", received_at=GENESIS_ARRIVAL
        )
        nothing = Receipt(
            batch_id=GENESIS,
            received=0,
            accepted=0,
            duplicates=0,
            quarantined=0,
            reasons={},
            items=0,
            users=0,
            companions_quarantined=0,
            first_event_at=None,
            last_event_at=None,
        )
        manifest = manifest_of(nothing, delivery, sources=[], rows=0, files=[], key_id=self._pseudonymiser.key_id)
        batch.publish(self._place(GENESIS_ARRIVAL, GENESIS), manifest)

    def _place(self, received_at: datetime, batch_id: str) -> Path:
        return self.folder / f"arrival_date={received_at:%Y-%m-%d}" / f"batch={batch_id}"

    def _landed(self) -> list[dict[str, Any]]:
        return [manifest for manifest in self.manifests() if manifest["batch_id"] != GENESIS]

    def _event_files_of_sources(self, sources: list[str]) -> list[Path]:
        """Return the event files of batches that may share a key: the source is part of it, which spares reading."""
        files: list[Path] = []
        for manifest in self._landed():
            if manifest.get("rows", manifest["accepted"]) and set(manifest["sources"]) & set(sources):
                place = self._place(datetime.fromisoformat(manifest["received_at"]), manifest["batch_id"])
                files.extend(sorted((place / "events").glob("part-*.parquet")))
        return files

    def _clear_staging(self) -> None:
        shutil.rmtree(self._staging, ignore_errors=True)

    def _check_key(self) -> None:
        written_with = {manifest["pseudonym_key_id"] for manifest in self.manifests()}
        if written_with - {self._pseudonymiser.key_id}:
            raise PseudonymKeyError(
                f"the pseudonym key does not belong to the event log {self.folder}",
                why="the log was written with another key, so the same person would get a second pseudonym",
                fix="restore the key (keys/pseudonym.key or SHOPSIGHT_PSEUDONYM_KEY), or start with an empty home",
            )


def unique_in_source(rows: pa.Table, per_actor: tuple[str, ...]) -> pa.Table:
    """Put the pseudonym of the device, or else of the user, before ids that are unique only within it."""
    for name in per_actor:
        index = rows.schema.get_field_index(name)
        ids = pc.binary_join_element_wise(pc.coalesce(rows["anonymous_id"], rows["user_id"]), rows[name], "-")
        rows = rows.set_column(index, rows.schema.field(index), ids)
    return rows


def _count(counts: _Counts, chunk: RawChunk, good: pa.Table, bad: pa.Table) -> None:
    if chunk.table == "events":
        counts.received += good.num_rows + bad.num_rows + chunk.duplicates
        counts.duplicates += chunk.duplicates
        counts.quarantined += bad.num_rows
        counts.reasons.update(count_reasons(bad))
    else:
        counts.companions[chunk.table] += good.num_rows
        counts.companions_quarantined += bad.num_rows
