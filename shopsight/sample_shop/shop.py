"""The sample shop: a seeded generator of everything a real shop would send."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopsight.events import TIMESTAMP
from shopsight.sample_shop.arrow import to_batch
from shopsight.sample_shop.block import Block, build_block
from shopsight.sample_shop.catalogue import Catalogue, build_catalogue
from shopsight.sample_shop.config import SIZES, SampleShopConfig
from shopsight.sample_shop.people import People, build_people
from shopsight.sample_shop.sessions import session_scale
from shopsight.sample_shop.truth import PlantedTruth, collect_truth
from shopsight.settings import Size

Rows = TypeVar("Rows", pa.RecordBatch, pa.Table)


@dataclass(frozen=True, kw_only=True)
class SampleShop:
    """A generated shop; its events are drawn when they are asked for, block of shoppers by block of shoppers."""

    config: SampleShopConfig
    seed: int
    catalogue: Catalogue = field(repr=False)
    people: People = field(repr=False)

    @property
    def items(self) -> pa.Table:
        """The catalogue as the shop would export it (``ITEM_SCHEMA``): every version of every item."""
        return self.catalogue.table(self.config)

    @property
    def users(self) -> pa.Table:
        """The shoppers with an account (``USER_SCHEMA``)."""
        return self.people.table(self.config)

    @property
    def num_batches(self) -> int:
        """Number of batches that ``event_batches`` yields."""
        return -(-self.config.users // self.config.block_users)

    def event_batches(
        self, *, arrived_from: datetime | None = None, arrived_before: datetime | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield raw rows, one batch per block of shoppers, in ``RAW_SCHEMA``; blemishes included.

        A batch holds whole shoppers, by shopper and time; memory is that of one block, however many there are.

        Args:
            arrived_from: only rows that arrived at or after this moment (by ``created_timestamp``).
            arrived_before: only rows that arrived before this moment. Two calls with the same moment split a shop
                into what a first and a second delivery would have brought, late rows in the second.
        """
        waiting: list[pa.RecordBatch] = []
        for block in self._blocks():
            batch = to_batch(self.config, self.catalogue, block)
            # Every other row comes again in the same delivery, the rest in the next one.
            again, later = (batch.take(pa.array(block.resent_D[side::2])) for side in (0, 1))
            if block.number == self.num_batches - 1:
                yield arrived(pa.concat_batches([batch, again, later, *waiting]), arrived_from, arrived_before)
            else:
                yield arrived(pa.concat_batches([batch, again, *waiting]), arrived_from, arrived_before)
                waiting = [later]

    @cached_property
    def truth(self) -> PlantedTruth:
        """What was planted; asking for it draws every block once more."""
        return collect_truth(self.config, self.catalogue, self.people, self._blocks())

    def _blocks(self) -> Iterator[Block]:
        scale = session_scale(self.config, self.people)
        for number in range(self.num_batches):
            yield build_block(self.config, self.catalogue, self.people, scale, number, self.seed)


def arrived(batch: Rows, start: datetime | None, end: datetime | None) -> Rows:
    """Return the rows that arrived at or after ``start`` and before ``end``, by their ``created_timestamp``."""
    if start is not None:
        batch = batch.filter(pc.greater_equal(batch["created_timestamp"], pa.scalar(start, TIMESTAMP)))
    if end is not None:
        batch = batch.filter(pc.less(batch["created_timestamp"], pa.scalar(end, TIMESTAMP)))
    return batch


def generate(size: Size | SampleShopConfig, *, seed: int) -> SampleShop:
    """Make a shop: the same size and seed give the same bytes.

    Args:
        size: ``tiny`` (tests), ``small`` (the demo), ``medium``, ``large``, or any configuration.
        seed: source of every draw.
    """
    config = size if isinstance(size, SampleShopConfig) else SIZES[size]
    return SampleShop(
        config=config,
        seed=seed,
        catalogue=build_catalogue(config, np.random.default_rng([seed, 0])),
        people=build_people(config, np.random.default_rng([seed, 1])),
    )
