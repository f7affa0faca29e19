"""Campaigns with a hold-out whose effect is known: the training table of next best actions, at any size."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from models.next_best_action.dataset import AGE, FEATURES

START = datetime(2026, 5, 4, tzinfo=UTC)
ORDER_MARGIN = 12.0


def campaign_trial(
    shoppers: int,
    *,
    seed: int,
    action: str = "reminder",
    persuaded: float = 0.4,
    driven_away: float = 0.4,
    message_cost: float = 0.05,
    discount: float = 0.0,
) -> pa.Table:
    """Return a table of one campaign: half of the shoppers are held out by lot.

    Who came first within the last 40 days orders by chance ``persuaded`` more where sent the message; of the others,
    those with many views order by ``driven_away`` less. Everybody else is left as they are.
    """
    rng = np.random.default_rng(seed)
    columns = {name: rng.poisson(3, shoppers).astype(float) for name in FEATURES}
    columns["days_since_first_event"] = rng.uniform(0, 80, shoppers)
    columns["views_28d"] = rng.poisson(6, shoppers).astype(float)
    new = columns["days_since_first_event"] < 40
    busy = ~new & (columns["views_28d"] > 6)
    sent = rng.random(shoppers) < 0.5
    chance = np.where(busy, 0.5, 0.1) + sent * np.where(new, persuaded, np.where(busy, -driven_away, 0.0))
    return pa.table(
        {
            "user_id": [f"u_{number:05}" for number in range(shoppers)],
            "event_timestamp": pa.array([START] * shoppers, pa.timestamp("us", tz="UTC")),
            "campaign": ["pilot"] * shoppers,
            "action": [action] * shoppers,
            "is_sent": sent,
            "chance_sent": np.full(shoppers, 0.5),
            "ordered": rng.random(shoppers) < chance,
            "order_margin": np.full(shoppers, ORDER_MARGIN),
            "message_cost": np.full(shoppers, message_cost),
            "discount": np.full(shoppers, discount),
            AGE: np.zeros(shoppers),
            "age_band": rng.choice(["18-24", "25-34", "65+"], shoppers),
            "gender": rng.choice(["female", "male"], shoppers),
            **columns,
        }
    )
