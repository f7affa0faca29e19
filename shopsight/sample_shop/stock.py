"""What lies in the sample shop's stock: counts of every item, by suppliers whose lead times are planted.

Each item is bought anew by a rule as shops have them, from what it really sold in the events: once a week, whatever has
fallen below some days of cover is filled up, and comes when its supplier's lead time is over. Buyers are not equally
careful, and a few items were bought for sales that never came. What is sold out in the catalogue is not there.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shopsight.events import INVENTORY_SCHEMA, TIMESTAMP
from shopsight.sample_shop.catalogue import SOURCE, Catalogue
from shopsight.sample_shop.config import SampleShopConfig

SUPPLIERS: Final = {"Alder": (4, 1), "Birch": (8, 2), "Cedar": (12, 3), "Elm": (21, 4)}
"""Suppliers with the mean and the standard deviation of their lead times, in days; shelves take turns among them."""
DAY_US: Final = 86_400_000_000
REVIEW_DAYS: Final = 7
COUNTED_WEEKS: Final = 8
"""How many weekly counts the shop sends, the newest at the end of the history."""
OVERBOUGHT_SHARE: Final = 0.06
"""Share of the items that were bought for sales that never came."""

Floats = NDArray[np.float64]


@dataclass(kw_only=True)
class Sold:
    """Units that were bought, by item and day of the history; batches of events are added as they pass."""

    config: SampleShopConfig
    item_ids: list[str]
    units_ID: Floats = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing sold."""
        self.units_ID = np.zeros((len(self.item_ids), self.config.days))

    def add(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Count the purchases of raw rows; what is sent twice counts twice, as nobody counts a stock by it."""
        bought = batch.filter(
            pc.and_kleene(pc.equal(batch["event_name"], "purchase"), pc.greater(batch["quantity"], 0))
        )
        item = pc.index_in(bought["item_id"], pa.array(self.item_ids)).to_numpy(zero_copy_only=False)
        time = bought["event_timestamp"].cast(pa.int64()).to_numpy(zero_copy_only=False)
        units = bought["quantity"].to_numpy(zero_copy_only=False)
        day = np.floor((time - self.config.starts_at_us) / DAY_US)
        there = np.isfinite(item.astype(np.float64)) & (day >= 0) & (day < self.config.days)
        np.add.at(self.units_ID, (item[there].astype(np.int64), day[there].astype(np.int64)), units[there])


def supplier_of(catalogue: Catalogue) -> NDArray[np.int64]:
    """Return the number of each item's supplier."""
    return np.asarray(catalogue.leaf_I.astype(np.int64) % len(SUPPLIERS))


def counts(sold: Sold, catalogue: Catalogue, *, seed: int, until: datetime | None) -> pa.Table:
    """Return the weekly counts of the last weeks before ``until`` (default: the end), in ``INVENTORY_SCHEMA``."""
    config = sold.config
    end_us = config.ends_at.timestamp() * 1e6 if until is None else until.timestamp() * 1e6
    days = min(int((end_us - config.starts_at_us) // DAY_US), config.days)
    rng = np.random.default_rng([seed, 9])
    supplier = supplier_of(catalogue)
    size = len(supplier)
    means, deviations = (np.array([terms[k] for terms in SUPPLIERS.values()], dtype=float)[supplier] for k in (0, 1))
    rate = sold.units_ID[:, :days].sum(axis=1) / max(days, 1)
    # A careful buyer keeps lead time and review covered; the median one some days more, some too few.
    cover = (means + REVIEW_DAYS) * np.exp(rng.normal(0.3, 0.5, size))
    reorder = np.ceil(rate * cover)
    up_to = reorder + np.maximum(np.ceil(rate * 14), 1)
    on_hand = np.where(rng.random(size) < OVERBOUGHT_SHARE, up_to * 6 + 12, up_to)
    coming = np.zeros((size, days + 60))
    counted = []
    for day in range(days):
        on_hand += coming[:, day]
        # Events say what was sold; where the rule had too little, the buyer got it in time by some other way.
        on_hand = np.maximum(on_hand - sold.units_ID[:, day], 0.0)
        moment = np.full(size, config.starts_at_us + (day + 1) * DAY_US, dtype=np.int64)
        gone = catalogue.is_sold_out(np.arange(size), moment)
        back = ~gone & catalogue.is_sold_out(np.arange(size), moment - DAY_US)
        on_hand = np.where(gone, 0.0, np.where(back, np.maximum(on_hand, up_to), on_hand))
        on_order = coming[:, day + 1 :].sum(axis=1)
        since_end = days - 1 - day
        if since_end % 7 == 0 and since_end // 7 < COUNTED_WEEKS:
            arrives = np.where(on_order > 0, day + 2 + (coming[:, day + 1 :] > 0).argmax(axis=1), -1)
            counted.append((day, on_hand, on_order, arrives))
        if day % REVIEW_DAYS == 0:
            lead = np.clip(np.round(rng.normal(means, deviations)), 1, 50).astype(np.int64)
            orders = np.where((on_hand + on_order <= reorder) & ~gone, up_to - on_hand - on_order, 0.0)
            coming[np.arange(size), day + lead] += np.maximum(orders, 0.0)
    cost = np.round(catalogue.price_I * rng.uniform(0.45, 0.7, size), 2)
    tables = [_table(config, catalogue, supplier, cost, *one) for one in counted]
    return pa.concat_tables(tables) if tables else INVENTORY_SCHEMA.empty_table()


def _table(
    config: SampleShopConfig,
    catalogue: Catalogue,
    supplier: NDArray[np.int64],
    cost: Floats,
    day: int,
    on_hand: Floats,
    on_order: Floats,
    arrives: NDArray[np.int64],
) -> pa.Table:
    size = len(on_hand)
    moment = pa.array(np.full(size, config.starts_at_us + (day + 1) * DAY_US)).cast(TIMESTAMP)
    arrival = pa.array(config.starts_at_us + arrives.astype(np.int64) * DAY_US, mask=arrives < 0).cast(TIMESTAMP)
    columns = {
        "item_id": pa.array(catalogue.item_ids),
        "counted_at": moment,
        "units_on_hand": pa.array(on_hand),
        "units_on_order": pa.array(on_order),
        "arrives_at": arrival,
        "unit_cost": pa.array([f"{one:.4f}" for one in cost]).cast(pa.decimal128(18, 4)),
        "supplier": pa.array(list(SUPPLIERS)).take(pa.array(supplier)),
        "source": pa.repeat(SOURCE, size),
        "created_timestamp": moment,
    }
    return pa.table(columns, schema=INVENTORY_SCHEMA)


def stock_terms() -> dict[str, object]:
    """Return what the shop writes into its ``stock.yml``: the lead times that are planted."""
    return {
        "review_days": REVIEW_DAYS,
        "suppliers": [
            {"name": name, "lead_days": mean, "lead_days_deviation": deviation}
            for name, (mean, deviation) in SUPPLIERS.items()
        ],
    }
