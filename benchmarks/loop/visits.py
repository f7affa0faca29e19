"""What the shoppers of a sample shop look at, day by day: each first look at an item asks the model that serves.

The card of a recommender is measured on first contacts of a shopper with an item, and so is a day that is played: just
before each, the shopper's list is asked for with what they did in the visit so far, as a shop's pages do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from models.recommender.history import BEHAVIOURS
from shopsight.sample_shop import SampleShop


@dataclass(frozen=True, kw_only=True)
class Contact:
    """A shopper's first look at an item."""

    user_id: str
    item_id: str
    at: datetime
    so_far: Sequence[tuple[str, str]]
    """Item and event of what the shopper did that day before, oldest first."""


def start_of(shop: SampleShop, day: int) -> datetime:
    """Return the midnight at which a day of the shop's history begins."""
    return datetime.fromtimestamp(shop.config.starts_at_us / 1e6, UTC) + timedelta(days=day)


def contacts_by_day(shop: SampleShop) -> list[list[Contact]]:
    """Return the first contacts of each day, in order of time.

    They are those of shoppers with an account, logged in, who permit a personal list; what they did on their devices
    without logging in counts among what they have seen.
    """
    seen: dict[str, set[str]] = {}
    today: dict[str, list[tuple[str, str]]] = {}
    days: list[list[Contact]] = [[] for _ in range(shop.config.days)]
    on = -1
    for user_id, is_logged_in, item_id, event_name, micros in _rows(shop):
        day = (micros - shop.config.starts_at_us) // 86_400_000_000
        if day != on:
            on, today = day, {}
        items = seen.setdefault(user_id, set())
        so_far = today.setdefault(user_id, [])
        if is_logged_in and item_id not in items:
            at = datetime.fromtimestamp(micros / 1e6, UTC)
            days[day].append(Contact(user_id=user_id, item_id=item_id, at=at, so_far=tuple(so_far)))
        items.add(item_id)
        so_far.append((item_id, event_name))
    return days


def _rows(shop: SampleShop) -> Iterator[tuple[str, bool, str, str, int]]:
    """Yield who (and whether logged in), item, event and microsecond of each interaction, in order of time."""
    raw = pa.Table.from_batches(shop.event_batches())
    for column in ("event_id", "item_id", "event_timestamp"):
        raw = raw.filter(pc.is_valid(raw[column]))
    raw = raw.filter(pc.is_in(raw["event_name"], pa.array(BEHAVIOURS)))
    raw = raw.filter(pc.is_in(raw["item_id"], pa.array(shop.catalogue.item_ids)))
    people = shop.people
    owners = {
        name: str(user)
        for name, user, registered, bot, consent in zip(
            people.device_names,
            people.user_ids,
            people.registered_U.tolist(),
            people.bot_U.tolist(),
            people.consent_U.tolist(),
            strict=True,
        )
        if registered and not bot and consent == 0
    }
    micros = raw["event_timestamp"].cast(pa.int64())
    rows = zip(
        micros.to_pylist(),
        raw["event_id"].to_pylist(),
        raw["line_number"].to_pylist(),
        raw["user_id"].to_pylist(),
        raw["anonymous_id"].to_pylist(),
        raw["item_id"].to_pylist(),
        raw["event_name"].to_pylist(),
        strict=True,
    )
    end = shop.config.starts_at_us + shop.config.days * 86_400_000_000
    within = {row for row in rows if shop.config.starts_at_us <= row[0] < end}
    in_order = sorted(within, key=lambda row: row[:3])
    may_see_lists = set(owners.values())
    for moment, _, _, user_id, device, item_id, name in in_order:
        # Whoever is logged in need not be known by a device.
        owner = user_id or owners.get((device or "").rsplit("-", 1)[0])
        if owner in may_see_lists:
            yield owner, user_id is not None, item_id, name, moment
