"""A block as the record batch a shop would send: canonical columns, every one of them nullable."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shopsight.events import EVENT_NAMES, EVENT_SCHEMA
from shopsight.sample_shop.block import FAULTS, Block
from shopsight.sample_shop.catalogue import CURRENCY, SOURCE, Catalogue, category
from shopsight.sample_shop.people import CONSENTS, COUNTRIES, DEVICES, People
from shopsight.sample_shop.rows import CODE
from shopsight.sample_shop.sessions import ANONYMOUS, CHANNELS, LOGGED_IN, LOGS_IN
from shopsight.sample_shop.shelves import LEAVES
from shopsight.sample_shop.utterances import INTENTS

RAW_SCHEMA: Final = pa.schema([field.with_nullable(True) for field in EVENT_SCHEMA])
"""``EVENT_SCHEMA`` as raw rows have it: a malformed row may lack anything."""

_LISTED = np.isin(EVENT_NAMES, ["view_item_list", "select_item"])
_PROMOTIONS = np.isin(EVENT_NAMES, ["view_promotion", "select_promotion"])
_PURCHASED = np.isin(EVENT_NAMES, ["purchase", "refund"])


def to_batch(catalogue: Catalogue, people: People, block: Block) -> pa.RecordBatch:
    """Return the block's rows in ``RAW_SCHEMA``, each of them once."""
    rows, sessions = block.rows, block.sessions
    size, session, fault = len(rows), rows.session_R, block.fault_R
    user = sessions.user_S[session]
    has_item = (rows.item_R >= 0) & (fault != FAULTS.index("item_id_missing"))
    item = np.maximum(rows.item_R, 0)
    shelf = catalogue.leaf_I[item]
    price = _cents(catalogue, block)
    quantity = np.where(fault == FAULTS.index("quantity_out_of_range"), -3, rows.quantity_R)
    money = np.where(_PURCHASED[rows.name_R], price * rows.quantity_R / 100.0, rows.rating_R.astype(np.float64))
    has_session = rows.in_session_R & sessions.has_id_S[session]
    names, users, anonymous = _names(block), *_actors(people, block, user)
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
        "currency": _take(pa.array([CURRENCY]), np.zeros(size, np.int8), rows.item_R >= 0),
        "value": pa.array(money, mask=(rows.rating_R < 0) & ~_PURCHASED[rows.name_R]),
        "order_id": _numbered("o", block.number, rows.order_R, rows.order_R >= 0),
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
        "properties": _take(
            pa.array([f'{{"intent_label": "{intent}"}}' for intent in INTENTS]),
            np.maximum(block.label_R, 0),
            block.labelled_R,
        ),
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


def _actors(people: People, block: Block, user: NDArray[np.int64]) -> tuple[pa.Array, pa.Array]:
    """Return user_id and anonymous_id: before a login the device is all that is known, after it both are."""
    rows, sessions = block.rows, block.sessions
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
    has_actor = block.fault_R != FAULTS.index("actor_missing")
    low = int(user.min(initial=0))
    high = int(user.max(initial=0)) + 1
    users = pa.array(people.user_ids[low:high])
    devices = pa.array(
        [f"device-{number:07d}-{device}" for number in range(low, high) for device in range(len(DEVICES))]
    )
    device = (user - low) * len(DEVICES) + sessions.device_S[rows.session_R]
    hidden = (identity == ANONYMOUS) | (identity == LOGS_IN)
    return _take(users, user - low, logged & has_actor), _take(devices, device, (hidden | ~logged) & has_actor)


def _cents(catalogue: Catalogue, block: Block) -> NDArray[np.int64]:
    """Return the price at that time: visitors from a campaign pay a tenth less."""
    cents = np.round(catalogue.price_I[np.maximum(block.rows.item_R, 0)] * 100)
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
    campaign = np.where(promoted, 6, campaign)
    return _take(
        pa.array([f"campaign-{number + 1}" for number in range(6)] + ["house-banner"]),
        np.maximum(campaign, 0),
        campaign >= 0,
    )
