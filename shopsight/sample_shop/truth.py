"""What was planted, so that tests and benchmarks can ask whether the chain finds it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shopsight.sample_shop.block import FAULTS, Block
from shopsight.sample_shop.campaigns import CAMPAIGNS
from shopsight.sample_shop.catalogue import NEVER, Catalogue
from shopsight.sample_shop.config import SampleShopConfig
from shopsight.sample_shop.hero import EXPECTED
from shopsight.sample_shop.people import COUNTRIES, DEVICES, SEGMENTS, People
from shopsight.sample_shop.rows import CODE
from shopsight.sample_shop.search import CLICKED_PLACE, SEARCH_KINDS
from shopsight.sample_shop.sessions import orders_per_day
from shopsight.sample_shop.shelves import DEPARTMENTS
from shopsight.sample_shop.utterances import INTENTS


@dataclass(frozen=True, kw_only=True)
class PlantedTruth:
    """The shop's secrets. Tables speak in raw ids, as ``event_batches`` does."""

    rows: int
    """All rows, duplicates and malformed rows included."""
    duplicates: int
    """Rows that repeat an earlier row of the shop byte for byte."""
    late: int
    """Distinct rows that arrive an hour or more after they happened."""
    malformed: dict[str, int]
    """Malformed rows by the reason under which validation should quarantine them."""
    items: pa.Table
    """item_id, weight (Zipf share of its shelf), next_items (similar, complement, similar, complement), price,
    earlier_price and changed_at (null where it never was), sold_out_at and restocked_at (null where never)."""
    users: pa.Table
    """user_id, segment, sensitivity, buying, orders_per_day (on a day of average traffic, while there), joined_at,
    churned_at, favourite_departments, affinity, is_bot, is_runner, registered, treated (the campaigns that were sent
    to the user), devices (the anonymous_ids that may stand for the user). Passers-by are not among them."""
    sessions: pa.Table
    """session_id (as sent, or what would have been), user_id (null for passers-by), started_at, device, country,
    buying, reaches (the checkout), buys, is_bot, has_session_id."""
    utterances: pa.Table
    """event_id, line_number, channel (the event's name), text, label, labelled, search_kind (null outside search)."""
    search_kinds: pa.Table
    """search_kind, share (of all searches), click_rate, zero_rate."""
    clicked_places: tuple[float, ...]
    """Chance that the first, second, … item of a list is clicked."""
    campaigns: pa.Table
    """campaign_id, starts_at, ends_at, effect (orders of the treated over those of the others), effect_after (for as
    long again)."""
    nobodys: int
    """Distinct good rows of orders without any identity."""
    refunds: int
    """Lines that were given back."""
    credit_notes: int
    """Those of them that have a number of their own instead of the order's."""
    trail: tuple[str, ...]
    """Items of the runner's trail in order."""
    hero_expected: tuple[str, ...]
    """Items that a good recommendation for the hero contains, the best first."""

    @property
    def accepted(self) -> int:
        """Rows that should reach the event log."""
        return self.rows - self.duplicates - sum(self.malformed.values())


def collect_truth(
    config: SampleShopConfig, catalogue: Catalogue, people: People, blocks: Iterable[Block]
) -> PlantedTruth:
    """Walk over every block once and write down what is in it; grows by about 60 bytes per session."""
    rows = duplicates = late = refunds = credit_notes = nobodys = 0
    faults = np.zeros(len(FAULTS), dtype=np.int64)
    sessions, utterances = [], []
    for block in blocks:
        rows += len(block.rows) + len(block.resent_D)
        duplicates += len(block.resent_D)
        late += int(block.late_R.sum())
        refunds += int((block.rows.name_R == CODE["refund"]).sum())
        credit_notes += int(block.rows.credit_note_R.sum())
        nobodys += int((block.nobodys_R & (block.fault_R < 0)).sum())
        faults += np.bincount(block.fault_R[block.fault_R >= 0], minlength=len(FAULTS))
        sessions.append(_sessions(block))
        utterances.append(_utterances(block))
    return PlantedTruth(
        rows=rows,
        duplicates=duplicates,
        late=late,
        malformed=dict(zip(FAULTS, faults.tolist(), strict=True)),
        items=_items(catalogue),
        users=_users(config, people),
        sessions=pa.concat_tables(sessions),
        utterances=pa.concat_tables(utterances),
        search_kinds=pa.table(
            {
                "search_kind": [kind.name for kind in SEARCH_KINDS],
                "share": [kind.share for kind in SEARCH_KINDS],
                "click_rate": [kind.click_rate for kind in SEARCH_KINDS],
                "zero_rate": [kind.zero_rate for kind in SEARCH_KINDS],
            }
        ),
        clicked_places=CLICKED_PLACE,
        campaigns=_campaigns(config),
        nobodys=nobodys,
        refunds=refunds,
        credit_notes=credit_notes,
        trail=tuple(catalogue.item_ids[item] for item in catalogue.trail.tolist()),
        hero_expected=tuple(catalogue.item_ids[catalogue.trail[stop]] for stop in EXPECTED),
    )


def _items(catalogue: Catalogue) -> pa.Table:
    ids = np.array(catalogue.item_ids, dtype=np.object_)
    changed, gone, back = catalogue.changed_at_I, catalogue.sold_out_I, catalogue.restocked_I
    return pa.table(
        {
            "item_id": catalogue.item_ids,
            "weight": catalogue.weight_I,
            "next_items": ids[catalogue.next_IN].tolist(),
            "price": catalogue.price_I,
            "earlier_price": catalogue.earlier_price_I,
            "changed_at": pa.array(changed, pa.timestamp("us", "UTC"), mask=changed < 0),
            "sold_out_at": pa.array(gone, pa.timestamp("us", "UTC"), mask=gone == NEVER),
            "restocked_at": pa.array(back, pa.timestamp("us", "UTC"), mask=back == NEVER),
        }
    )


def _campaigns(config: SampleShopConfig) -> pa.Table:
    shares = np.array([[one.starts, one.ends] for one in CAMPAIGNS]) * config.days
    return pa.table(
        {
            "campaign_id": [one.campaign_id for one in CAMPAIGNS],
            "starts_at": _moments(config, shares[:, 0]),
            "ends_at": _moments(config, shares[:, 1]),
            "effect": [one.effect for one in CAMPAIGNS],
            "effect_after": [one.effect_after for one in CAMPAIGNS],
        }
    )


def _users(config: SampleShopConfig, people: People) -> pa.Table:
    departments = np.array(DEPARTMENTS, dtype=np.object_)
    return pa.table(
        {
            "user_id": people.user_ids,
            "segment": [SEGMENTS[code] for code in people.segment_U.tolist()],
            "sensitivity": people.sensitivity_U,
            "buying": people.buying_U,
            "orders_per_day": orders_per_day(config, people),
            "favourite_departments": departments[people.favourites_UF].tolist(),
            "affinity": people.affinity_UF.tolist(),
            "joined_at": _moments(config, people.joined_U),
            "churned_at": _moments(config, people.churn_U),
            "is_bot": people.bot_U,
            "is_runner": people.runner_U,
            "registered": people.registered_U,
            "treated": [
                [CAMPAIGNS[campaign].campaign_id for campaign in np.flatnonzero(row)] for row in people.treated_UC
            ],
            "devices": [[f"{name}-{device}" for device in range(len(DEVICES))] for name in people.device_names],
        }
    )


def _moments(config: SampleShopConfig, days: np.typing.NDArray[np.float64]) -> pa.Array:
    stays = np.isinf(days)
    moments = config.starts_at_us + np.where(stays, 0.0, days * 86_400_000_000).astype(np.int64)
    return pa.array(moments, pa.timestamp("us", "UTC"), mask=stays)


def _sessions(block: Block) -> pa.Table:
    people, sessions = block.people, block.sessions
    return pa.table(
        {
            "session_id": [f"s-{block.number:05d}-{number}" for number in range(len(sessions.user_S))],
            "user_id": pa.array(people.user_ids, pa.string()).take(pa.array(sessions.user_S)),
            "started_at": pa.array(sessions.start_S, pa.timestamp("us", "UTC")),
            "device": pa.array(DEVICES).take(pa.array(sessions.device_S)),
            "country": pa.array(COUNTRIES).take(pa.array(people.country_U[sessions.user_S])),
            "buying": sessions.buying_S,
            "reaches": sessions.reaches_S,
            "buys": sessions.buys_S,
            "is_bot": sessions.bot_S,
            "has_session_id": sessions.has_id_S,
        }
    )


def _utterances(block: Block) -> pa.Table:
    rows = block.rows
    at = np.flatnonzero(block.label_R >= 0)
    channels = {CODE[name]: name for name in ("search", "ask_question", "rate_item")}
    return pa.table(
        {
            "event_id": [f"ev-{block.number:05d}-{event}" for event in rows.event_R[at].tolist()],
            "line_number": rows.line_R[at],
            "channel": [channels[int(code)] for code in rows.name_R[at]],
            "text": pa.array(block.text_R[at], pa.string()),
            "label": [INTENTS[label] for label in block.label_R[at]],
            "labelled": block.labelled_R[at],
            "search_kind": pa.array([kind.name for kind in SEARCH_KINDS]).take(
                pa.array(rows.search_kind_R[at], mask=rows.search_kind_R[at] < 0)
            ),
        }
    )
