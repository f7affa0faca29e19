"""Features computed when they are asked for, by the same function offline and online.

Feast stores the functions in the registry: each is whole in itself and uses nothing of its module. ``inputs`` and the
answer have one list per column.
"""

from typing import Any

from feast import Field, RequestSource
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64, Int64, String

from categories import category_prices_view
from entities import OWNER
from users import user_taste_view

shown_item = RequestSource(
    name="shown_item",
    schema=[
        Field(name="item_price", dtype=Float64, description="Price at which the item is shown."),
        Field(name="item_brand", dtype=String, description="Its brand; empty where there is none."),
    ],
    description="The item that a request asks about.",
    owner=OWNER,
)


@on_demand_feature_view(  # type: ignore[untyped-decorator]  # Feast gives its decorators no types
    sources=[user_taste_view, category_prices_view, shown_item],
    mode="python",
    description=(
        "How an item fits a shopper and its category. price_position: 0 at the category's lowest price in 28 days, "
        "1 at its highest, 0.5 where there is one price. price_to_median: price per median price that the shopper saw. "
        "is_in_price_band: 1 between the quartiles of these. is_top_brand: 1 for one of the shopper's top brands."
    ),
    tags={"computed": "on demand"},
    owner=OWNER,
    # Feast compares these with what it infers, and fields with a description are not equal to those without.
    schema=[
        Field(name="price_position", dtype=Float64),
        Field(name="price_to_median", dtype=Float64),
        Field(name="is_in_price_band", dtype=Int64),
        Field(name="is_top_brand", dtype=Int64),
    ],
)
def item_fit(inputs: dict[str, Any]) -> dict[str, Any]:
    """Place an item between what the shopper and its category are used to; None where that is not known."""
    answer: dict[str, Any] = {
        name: [] for name in ("price_position", "price_to_median", "is_in_price_band", "is_top_brand")
    }
    for price, brand, low, median, high, cheapest, dearest, brands in zip(
        inputs["item_price"],
        inputs["item_brand"],
        inputs["price_low_28d"],
        inputs["price_median_28d"],
        inputs["price_high_28d"],
        inputs["category_price_min_28d"],
        inputs["category_price_max_28d"],
        inputs["top_brands"],
        strict=True,
    ):
        has_price = price is not None and price == price  # a missing number of a data frame is not equal to itself
        spread = None if cheapest is None or dearest is None else dearest - cheapest
        position = None if not has_price or spread is None else (price - cheapest) / spread if spread else 0.5
        answer["price_position"].append(position)
        answer["price_to_median"].append(price / median if has_price and median else None)
        answer["is_in_price_band"].append(int(low <= price <= high) if has_price and low is not None else None)
        answer["is_top_brand"].append(None if brands is None else int(bool(brand) and brand in list(brands)))
    return answer
