"""A shop of twenty-four items that is searched in English and Chinese, with the real sentence encoder."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from models.catalogue import Catalogue
from models.search.attributes import item_attributes
from models.search.dataset import item_texts
from models.search.memory import Click, ClickMemory
from models.search.predict import SearchEngine, everything
from models.search.train import encoded
from models.text.sentences import load_sentence_encoder

SHELVES: Mapping[str, tuple[str, str, float]] = {
    "Trail Running Shoes": ("Sports > Shoes", "waterproof, cushioned", 90.0),
    "Coffee Mug": ("Kitchen > Mugs", "dishwasher safe, keeps hot", 12.0),
    "Headphones": ("Audio > Headphones", "noise cancelling, comfortable", 150.0),
    "Sleeping Bag": ("Outdoors > Sleeping Bags", "warm and compact", 120.0),
}
BRANDS = ("Veloria", "Hydra", "Nordwind")
COLOURS = ("Blue", "Black")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def items_table() -> pa.Table:
    rows: list[dict[str, Any]] = []
    for shelf, (category, traits, price) in SHELVES.items():
        for brand in BRANDS:
            for number, colour in enumerate(COLOURS, start=1):
                rows.append(
                    {
                        "item_id": f"i{len(rows):02d}",
                        "title": f"{brand} {number} {shelf}, {colour}",
                        "category": category,
                        "brand": brand,
                        "description": f"{shelf} by {brand}: {traits}, in {colour.lower()}.",
                        "attributes": json.dumps({"colour": colour, "size": [str(number), "all"]}),
                        "price": price + 10.0 * number + len(brand),
                        "is_available": True,
                        "is_listed": True,
                    }
                )
    return pa.Table.from_pylist(rows)


def engine_of(items: pa.Table, clicks: list[Click] | None = None) -> SearchEngine:
    encoder = load_sentence_encoder("use")
    texts = item_texts(items)
    catalogue = Catalogue.of(items)
    category_of = dict(zip(catalogue.item_ids, map(str, catalogue.categories), strict=True))
    return SearchEngine.build(
        catalogue,
        texts,
        vectors_ND=encoded(encoder, [everything(text) for text in texts]),
        demand=np.zeros((len(texts), 2)),
        encoder=encoder,
        memory=ClickMemory.of(clicks or [], category_of),
        attributes=item_attributes(items),
    )


def searches_table(items: pa.Table, *, count: int) -> pa.Table:
    """Return searches for an item's own words, the newest last; shoppers of a colour ask for no brand."""
    rows = []
    for number in range(count):
        item = items.slice(number * 7 % items.num_rows, 1).to_pylist()[0]
        words = item["title"].replace(",", "").split()
        query = " ".join(words[2:]) if number % 3 else f"{words[0]} {' '.join(words[2:-1])}"
        rows.append(
            {
                "event_timestamp": BEGAN + timedelta(hours=number),
                "query": query.lower(),
                "clicked_item_id": item["item_id"],
                "user_id": f"u{number % 9}",
                "is_clicked": True,
            }
        )
    return pa.Table.from_pylist(rows).cast(
        pa.schema(
            [
                ("event_timestamp", pa.timestamp("us", "UTC")),
                ("query", pa.string()),
                ("clicked_item_id", pa.string()),
                ("user_id", pa.string()),
                ("is_clicked", pa.bool_()),
            ]
        )
    )
