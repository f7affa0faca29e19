"""What became of a batch, and of all batches together."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What is known of a batch before its rows are read."""

    batch_id: str
    number: int
    """Place in the order of landing, from 1; the genesis batch is 0."""
    source_name: str
    format_name: str
    received_at: datetime
    is_replay: bool = False
    """Whether its rows come out of the quarantine: they were received before, and are not counted again."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of a batch, to the row: received = accepted + duplicates + corrected + quarantined."""

    batch_id: str
    received: int
    accepted: int
    """Rows of events that were not known."""
    duplicates: int
    """Rows that repeat, in every column, what is known."""
    quarantined: int
    reasons: dict[str, int]
    """Quarantined rows per reason; a row with two reasons counts under both."""
    items: int
    """Catalogue rows accepted."""
    users: int
    """User rows accepted."""
    companions_quarantined: int
    """Rows of companion tables that were not accepted."""
    first_event_at: datetime | None
    last_event_at: datetime | None
    guests: int = 0
    """Rows of orders without any identity that were good: they count for the shop under their order, for no person."""
    doubts: dict[str, int] = field(default_factory=dict)
    """Rows that were read in one way of several, by what is in doubt."""
    corrected: int = 0
    """Rows that say something else of an event that is known: the newest version of it counts."""
    distinct_items: int = 0
    """Items that the catalogue rows are of."""
    inventory: int = 0
    """Counts of the stock accepted."""

    def __post_init__(self) -> None:
        if self.received != self.accepted + self.duplicates + self.corrected + self.quarantined:
            raise ValueError(
                f"batch {self.batch_id} lost count: {self.received} received, but {self.accepted} accepted, "
                f"{self.duplicates} duplicates, {self.corrected} corrected and {self.quarantined} quarantined"
            )


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Sums over all batches of the log."""

    batches: int
    """Without the genesis batch."""
    received: int
    accepted: int
    duplicates: int
    corrected: int
    quarantined: int
    reasons: dict[str, int]
    items: int
    """Catalogue rows of all batches; a catalogue that is sent again counts again."""
    users: int
    """User rows of all batches."""
    inventory: int
    """Counts of the stock of all batches."""
    first_event_at: datetime | None
    last_event_at: datetime | None


def manifest_of(
    receipt: Receipt,
    delivery: Delivery,
    *,
    sources: Sequence[str],
    rows: int,
    files: Sequence[str],
    key_id: str,
    replayed_reasons: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return what is kept beside a batch's files, as JSON.

    Args:
        receipt: the counts.
        delivery: where the batch came from, and when.
        sources: distinct ``source`` of its accepted events; a later batch of others cannot repeat any of them.
        rows: how many event rows landed: those accepted, and corrections of events of earlier batches.
        files: base names of the files it was read from.
        key_id: names the key of its pseudonyms.
        replayed_reasons: of a replay: why its event rows had been in quarantine.
    """
    return {
        "batch_id": receipt.batch_id,
        "number": delivery.number,
        "source": delivery.source_name,
        "sources": list(sources),
        "format": delivery.format_name,
        "files": list(files),
        "received_at": delivery.received_at.isoformat(),
        "received": receipt.received,
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "corrected": receipt.corrected,
        "rows": rows,
        "quarantined": receipt.quarantined,
        "reasons": receipt.reasons,
        "items": receipt.items,
        "distinct_items": receipt.distinct_items,
        "users": receipt.users,
        "inventory": receipt.inventory,
        "companions_quarantined": receipt.companions_quarantined,
        "guests": receipt.guests,
        "doubts": receipt.doubts,
        "first_event_at": receipt.first_event_at and receipt.first_event_at.isoformat(),
        "last_event_at": receipt.last_event_at and receipt.last_event_at.isoformat(),
        "pseudonym_key_id": key_id,
        "is_replay": delivery.is_replay,
        "replayed_reasons": dict(replayed_reasons or {}),
    }


def receipt_of(manifest: Mapping[str, Any]) -> Receipt:
    """Return what became of a batch that landed, as its manifest says."""
    names = {field.name for field in fields(Receipt)}
    counts: dict[str, Any] = {name: value for name, value in manifest.items() if name in names}
    for name in ("first_event_at", "last_event_at"):
        counts[name] = counts[name] and datetime.fromisoformat(counts[name])
    return Receipt(**counts)


def sum_manifests(landed: Sequence[Mapping[str, Any]]) -> Totals:
    """Add up the manifests of batches; what a replay accepted leaves the quarantine and was received before."""
    replayed = sum(m["received"] for m in landed if m.get("is_replay"))
    reasons: Counter[str] = Counter()
    for manifest in landed:
        reasons.update(manifest["reasons"])
        reasons.subtract(manifest.get("replayed_reasons", {}))
    firsts = [m["first_event_at"] for m in landed if m["first_event_at"]]
    lasts = [m["last_event_at"] for m in landed if m["last_event_at"]]
    return Totals(
        batches=len(landed),
        received=sum(m["received"] for m in landed) - replayed,
        accepted=sum(m["accepted"] for m in landed),
        duplicates=sum(m["duplicates"] for m in landed),
        corrected=sum(m.get("corrected", 0) for m in landed),
        quarantined=sum(m["quarantined"] for m in landed) - replayed,
        reasons=dict(+reasons),
        items=sum(m["items"] for m in landed),
        users=sum(m["users"] for m in landed),
        inventory=sum(m.get("inventory", 0) for m in landed),
        first_event_at=min(map(datetime.fromisoformat, firsts), default=None),
        last_event_at=max(map(datetime.fromisoformat, lasts), default=None),
    )
