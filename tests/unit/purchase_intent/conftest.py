"""A small shop in which a cart and a loyal shopper really do make a purchase likelier."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from models.purchase_intent.features import SessionEvent, session_features
from shopsight.contracts import USER_FEATURES

FIRST_DAY = datetime(2024, 3, 1, tzinfo=UTC)


def training_table(*, sessions: int, seed: int, signal: float = 1.0) -> pa.Table:
    """One row per event; ``signal`` 0 makes purchases independent of everything."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    seen: set[int] = set()
    for number in range(sessions):
        user = int(rng.integers(0, max(2, sessions // 3)))
        started = FIRST_DAY + timedelta(minutes=30 * number)
        # One shopper in three has no past, and nobody has one when they come for the first time.
        past = float(user % 6) if user % 3 and user in seen else None
        seen.add(user)
        events: list[SessionEvent] = []
        shape: list[dict[str, float | str | None]] = []
        for step in range(int(rng.integers(1, 9))):
            name = str(rng.choice(["view_item", "search", "add_to_cart"], p=[0.6, 0.25, 0.15]))
            events.append(
                SessionEvent(
                    event_name=name,
                    event_timestamp=started + timedelta(seconds=20 * step),
                    item_id=f"i{rng.integers(0, 30)}",
                    category="shoes",
                    price=float(rng.integers(5, 50)),
                )
            )
            shape.append(session_features(events))
        carts = sum(event.event_name == "add_to_cart" for event in events)
        log_odds = -1.7 + signal * (1.4 * min(carts, 2) + 0.35 * ((past or 2.0) - 2.0))
        purchased = bool(rng.random() < 1 / (1 + np.exp(-log_odds)))
        for position, features in enumerate(shape, start=1):
            user_features: dict[str, object] = dict.fromkeys(USER_FEATURES)
            if past is not None:
                user_features |= {"purchases_28d": past, "days_since_first_event": 10.0, "favourite_category": "shoes"}
            keys = {
                "session_id": f"s{number:06}",
                "user_id": f"u{user}",
                "event_timestamp": events[position - 1].event_timestamp,
                "session_started_at": started,
                "position": position,
                "purchased": purchased,
            }
            rows.append(keys | features | user_features)
    schema = pa.schema(
        [
            pa.field("session_id", pa.string()),
            pa.field("user_id", pa.string()),
            pa.field("event_timestamp", pa.timestamp("us", tz="UTC")),
            pa.field("session_started_at", pa.timestamp("us", tz="UTC")),
            pa.field("position", pa.int64()),
            pa.field("purchased", pa.bool_()),
            *(
                pa.field(name, pa.string() if name == "last_event_name" else pa.float64())
                for name in session_features(events)
            ),
            *(pa.field(name, pa.string() if name == "favourite_category" else pa.float64()) for name in USER_FEATURES),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


@pytest.fixture(scope="session")
def shop_table() -> pa.Table:
    return training_table(sessions=1500, seed=3)


@pytest.fixture(scope="session")
def unforeseeable_table() -> pa.Table:
    return training_table(sessions=1500, seed=4, signal=0.0)
