"""Where a cold start is tried: the sample shop, with texts, or public files with attributes alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import SecretStr

from benchmarks.recommendation.reader import read_attributes, read_sequences
from benchmarks.recommendation.split import as_interactions
from models.catalogue import Catalogue
from models.recommender.artefact import catalogue_table
from models.recommender.cold.texts import item_texts
from models.recommender.dataset import Interactions, item_attributes
from shopsight.marts import read_mart
from shopsight.sample_shop.landing import land_sample_shop
from shopsight.settings import Settings, Size
from shopsight.warehouse import run_dbt


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop's log and what its catalogue says, in the order of ``data.item_ids``."""

    data: Interactions
    attributes_NA: NDArray[np.int64]
    texts: list[str]
    """Empty where the catalogue has none."""
    catalogue: Catalogue | None = None
    """None where there are attributes alone."""


def from_files(interactions: Path, attributes: Path) -> Shop:
    """Read files in the S3-Rec format, users in the order of the file."""
    data = as_interactions(read_sequences(interactions).items)
    return Shop(data=data, attributes_NA=read_attributes(attributes, data.item_ids), texts=[""] * data.items)


def sample_shop(home: Path, size: Size, *, seed: int, say: Callable[[str], None]) -> Shop:
    """Generate a sample shop into a home of its own and build its marts."""
    # A key of its own would give shoppers other ids, and with these another order, each time.
    settings = Settings(home=home, sample_size=size, pseudonym_key=SecretStr("the key of a benchmark"))
    land_sample_shop(settings, size, seed=seed, received_at=datetime.now(UTC))
    say("landed the sample shop; building its marts")
    run_dbt(settings, "run", "--select", "+interactions", "+items")
    return from_marts(read_mart(settings, "interactions"), read_mart(settings, "items"))


def from_marts(interactions: pa.Table, items: pa.Table) -> Shop:
    """Return the shop of two marts: every level of a category and the brand are attributes."""
    data = Interactions.from_tables(interactions, items)
    return Shop(
        data=data,
        attributes_NA=item_attributes(items, data.item_ids),
        texts=item_texts(items, data.item_ids),
        catalogue=_catalogue(items, data.item_ids),
    )


def _catalogue(items: pa.Table, item_ids: NDArray[np.object_]) -> Catalogue:
    """Return the items with their descriptions, which a model's own catalogue lacks, in the order of ``item_ids``."""
    table = catalogue_table(items, item_ids)
    descriptions = dict(zip(items["item_id"].to_pylist(), items["description"].to_pylist(), strict=True))
    return replace(
        Catalogue.of(table), descriptions={place: descriptions.get(one) or "" for place, one in enumerate(item_ids)}
    )
