"""A block as the record batch a shop would send: canonical columns, every one of them nullable."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shopsight.consent import CONSENTS
from shopsight.events import EVENT_NAMES, EVENT_SCHEMA
from shopsight.sample_shop.block import FAULTS, Block
from shopsight.sample_shop.campaigns import CAMPAIGNS
from shopsight.sample_shop.catalogue import SOURCE, Catalogue, category
from shopsight.sample_shop.checkout import shipping_costs
from shopsight.sample_shop.config import SampleShopConfig
from shopsight.sample_shop.money import CURRENCIES, currency_of, from_euro_cents
from shopsight.sample_shop.people import COUNTRIES, DEVICES
from shopsight.sample_shop.rows import CODE
from shopsight.sample_shop.search import SEARCH_KINDS
from shopsight.sample_shop.sessions import ANONYMOUS, CHANNELS, LOGGED_IN, LOGS_IN
from shopsight.sample_shop.shelves import LEAVES
from shopsight.sample_shop.utterances import INTENTS

RAW_SCHEMA: Final = pa.schema([field.with_nullable(True) for field in EVENT_SCHEMA])
"""``EVENT_SCHEMA`` as raw rows have it: a malformed row may lack anything."""

_LISTED = np.isin(EVENT_NAMES, ["view_item_list", "select_item"])
_PROMOTIONS = np.isin(EVENT_NAMES, ["view_promotion", "select_promotion"])
_PURCHASED = np.isin(EVENT_NAMES, ["purchase", "refund"])


def to_batch(config: SampleShopConfig, catalogue: Catalogue, block: Block) -> pa.RecordBatch:
    """Return the block's rows in ``RAW_SCHEMA``, each of them once."""
    people, rows, sessions = block.people, block.rows, block.sessions
    size, session, fault = len(rows), rows.session_R, block.fault_R
    user = sessions.user_S[session]
    has_item = (rows.item_R >= 0) & (fault != FAULTS.index("item_id_missing"))
    item = np.maximum(rows.item_R, 0)
    shelf = catalogue.leaf_I[item]
    currency = currency_of(config, people.country_U[user])
    priced_at = _priced_at(block)
    price = from_euro_cents(config, _cents(catalogue, block, priced_at), currency, priced_at)
    quantity = np.where(fault == FAULTS.index("quantity_out_of_range"), -3, rows.quantity_R)
    money = np.where(_PURCHASED[rows.name_R], price * rows.quantity_R / 100.0, rows.rating_R.astype(np.float64))
    has_session = rows.in_session_R & sessions.has_id_S[session] & ~block.nobodys_R
    names, users, anonymous = _names(block), *_actors(block, user)
    searches = rows.name_R == CODE["search"]
    text = pa.array(block.text_R, pa.string(), mask=searches)
    consents = pa.array([*CONSENTS, "maybe"])
    consent = np.where(fault == FAULTS.index("consent_unknown"), len(CONSENTS), people.consent_U[user])
    columns: dict[str, pa.Array] = {
        "event_id": _numbered("ev", block.number, rows.event_R),
        "line_number": pa.array(rows.line_R),
        "event_name": names,
        "event_timestamp": _event_times(block),
        "created_timestamp": pa.array(block.created_R).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC")),
        "user_id": users,
        "anonymous_id": anonymous,
        "session_id": _numbered("s", block.number, session, has_session),
        "item_id": _take(pa.array(catalogue.item_ids), item, has_item),
        "quantity": pa.array(quantity.astype(np.int32), mask=rows.quantity_R < 0),
        "price": _decimals(price, rows.item_R >= 0),
        "currency": _take(pa.array(CURRENCIES), currency, rows.item_R >= 0),
        "value": pa.array(money, mask=(rows.rating_R < 0) & ~_PURCHASED[rows.name_R]),
        "order_id": _orders(block),
        "list_id": _take(pa.array([leaf.name for leaf in LEAVES]), shelf, _LISTED[rows.name_R]),
        "list_position": pa.array(rows.list_position_R, mask=rows.list_position_R < 0),
        "placement": _take(pa.array(["home_banner"]), np.zeros(size, np.int8), _PROMOTIONS[rows.name_R]),
        "query": pa.array(block.text_R, pa.string(), mask=~searches),
        "text": text,
        "campaign_id": _campaigns(block),
        "channel": _take(pa.array(CHANNELS), sessions.channel_S[session]),
        "device": _take(pa.array(DEVICES), sessions.device_S[session]),
        "country": _take(pa.array(COUNTRIES), people.country_U[user]),
        "platform": _take(
            pa.array(["web", "app"]), ((sessions.device_S[session] == 0) & (user % 2 == 0)).astype(np.int8)
        ),
        "category": _take(pa.array([category(leaf) for leaf in range(len(LEAVES))]), shelf, has_item),
        "brand": _take(pa.array(catalogue.brands), item, has_item),
        "consent": _take(consents, consent),
        "source": pa.repeat(SOURCE, size),
        "properties": _properties(block, user),
    }
    columns["recommendation_id"] = pa.nulls(size, pa.string())
    return pa.RecordBatch.from_arrays([columns[name] for name in RAW_SCHEMA.names], schema=RAW_SCHEMA)


def _take(values: pa.Array, codes: NDArray[np.integer[Any]], where: NDArray[np.bool_] | None = None) -> pa.Array:
    return values.take(pa.array(codes, mask=None if where is None else ~where))


def _numbered(
    prefix: str, block: int, numbers: NDArray[np.integer[Any]], where: NDArray[np.bool_] | None = None
) -> pa.Array:
    texts = pa.array(numbers, mask=None if where is None else ~where).cast(pa.string())
    return pc.binary_join_element_wise(f"{prefix}-{block:05d}", texts, "-")


def _names(block: Block) -> pa.Array:
    # The extra name is one that no version of the event model knows.
    code = np.where(block.fault_R == FAULTS.index("event_name_unknown"), len(EVENT_NAMES), block.rows.name_R)
    return _take(pa.array([*EVENT_NAMES, "view_itm"]), code, block.fault_R != FAULTS.index("event_name_missing"))


def _event_times(block: Block) -> pa.Array:
    # Milliseconds taken for microseconds: the usual unit mistake ends in January 1970.
    unit_mistake = block.fault_R == FAULTS.index("event_timestamp_out_of_range")
    time = np.where(unit_mistake, block.rows.time_R // 1_000, block.rows.time_R)
    missing = block.fault_R == FAULTS.index("event_timestamp_missing")
    return pa.array(time.view("datetime64[us]"), mask=missing).cast(pa.timestamp("us", "UTC"))


def _orders(block: Block) -> pa.Array:
    """Return the order's number, which a credit note has not: it has one of its own."""
    rows = block.rows
    orders = _numbered("o", block.number, rows.order_R, rows.order_R >= 0)
    return pc.if_else(pa.array(rows.credit_note_R), _numbered("credit", block.number, rows.event_R), orders)


def _properties(block: Block, user: NDArray[np.int64]) -> pa.Array:
    """Return the intent that the shop wrote down, how much a search found, and what a checkout asked for the parcel."""
    rows = block.rows
    max_results = max(kind.results[1] for kind in SEARCH_KINDS)
    labels = [None, *(f'"intent_label": "{intent}"' for intent in INTENTS)]
    counts = [None, *(f'"results": {number}' for number in range(max_results + 1))]
    both = [", ".join(part for part in (label, number) if part) for label in labels for number in counts]
    costs = sorted(set(shipping_costs().tolist()))
    texts = [f"{{{one}}}" for one in both] + [f'{{"shipping": {cost}}}' for cost in costs]
    label = np.where(block.labelled_R, block.label_R + 1, 0)
    code = label.astype(np.int64) * len(counts) + rows.results_R + 1
    cost = np.searchsorted(costs, shipping_costs())[block.people.country_U[user]]
    code = np.where(rows.name_R == CODE["begin_checkout"], len(both) + cost, code)
    return _take(pa.array(texts), code, code > 0)


def _actors(block: Block, user: NDArray[np.int64]) -> tuple[pa.Array, pa.Array]:
    """Return user_id and anonymous_id: before a login the device is all that is known, after it both are."""
    people, rows, sessions = block.people, block.rows, block.sessions
    identity = sessions.identity_S[rows.session_R]
    size = len(sessions.user_S)
    middle = np.zeros(size, np.int64)
    np.maximum.at(
        middle,
        rows.session_R[rows.in_session_R],
        rows.time_R[rows.in_session_R] - sessions.start_S[rows.session_R[rows.in_session_R]],
    )
    logged = (identity == LOGGED_IN) | (
        (identity == LOGS_IN) & (rows.time_R - sessions.start_S[rows.session_R] >= middle[rows.session_R] // 2)
    )
    # A review or a refund comes with the account, if there is one.
    logged = np.where(rows.in_session_R, logged, people.registered_U[user])
    has_actor = (block.fault_R != FAULTS.index("actor_missing")) & ~block.nobodys_R
    users = pa.array(people.user_ids, pa.string())
    devices = pa.array([f"{name}-{device}" for name in people.device_names for device in range(len(DEVICES))])
    device = user * len(DEVICES) + sessions.device_S[rows.session_R]
    hidden = (identity == ANONYMOUS) | (identity == LOGS_IN)
    return _take(users, user, logged & has_actor), _take(devices, device, (hidden | ~logged) & has_actor)


def _priced_at(block: Block) -> NDArray[np.int64]:
    """Return the moment whose price each row tells: what is given back is what was paid, at the time of the order."""
    rows = block.rows
    ordered = np.full(len(block.sessions.user_S), -1, dtype=np.int64)
    bought = rows.name_R == CODE["purchase"]
    ordered[rows.session_R[bought]] = rows.time_R[bought]
    return np.where(rows.name_R == CODE["refund"], ordered[rows.session_R], rows.time_R)


def _cents(catalogue: Catalogue, block: Block, moment: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the price in euro cents at that moment: visitors from a campaign pay a tenth less."""
    cents = np.round(catalogue.price_at(np.maximum(block.rows.item_R, 0), moment) * 100)
    discounted = block.sessions.campaign_S[block.rows.session_R] >= 0
    return np.where(discounted, np.round(cents * 0.9), cents).astype(np.int64)


def _decimals(cents: NDArray[np.int64], where: NDArray[np.bool_]) -> pa.Array:
    """Lay prices out as decimal128(18, 4) directly: a cast from float takes fifty times as long."""
    words_R2 = np.zeros((len(cents), 2), dtype=np.int64)
    words_R2[:, 0] = cents * 100
    validity = pa.py_buffer(np.packbits(where, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.decimal128(18, 4), len(cents), [validity, pa.py_buffer(words_R2.tobytes())])


def _campaigns(block: Block) -> pa.Array:
    campaign = block.sessions.campaign_S[block.rows.session_R]
    promoted = _PROMOTIONS[block.rows.name_R] & (campaign < 0)
    campaign = np.where(promoted, len(CAMPAIGNS), campaign)
    return _take(
        pa.array([one.campaign_id for one in CAMPAIGNS] + ["house-banner"]),
        np.maximum(campaign, 0),
        campaign >= 0,
    )
