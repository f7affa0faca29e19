"""The words by which shops name their columns and events: what guessing a mapping goes by."""

import re
from collections.abc import Iterable
from typing import Final, Literal

from shopsight.events import EVENT_NAMES

COLUMN_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "event_timestamp": (
        "event_timestamp", "event_time", "timestamp", "time", "ts", "datetime", "date", "invoice_date", "order_date",
        "created_at", "unix_review_time", "t_dat", "occurred_at", "time_stamp", "purchase_date",
        "order_purchase_timestamp", "ordered_at", "order_time", "eventdate", "event_date", "created",
    ),
    "created_timestamp": ("created_timestamp", "received_at", "ingested_at", "loaded_at"),
    "event_name": (
        "event_name", "event_type", "event", "behavior_type", "behaviour_type", "behavior", "behaviour", "action",
        "action_type", "type", "interaction", "activity",
    ),
    "event_id": ("event_id", "message_id", "hit_id", "uuid"),
    "user_id": (
        "user_id", "user", "customer_id", "cust_id", "customer", "cust", "client_id", "member_id", "reviewer_id",
        "household_id", "household_key", "uid", "shopper_id", "buyer_id", "account_id", "customer_user_id",
    ),
    "anonymous_id": ("anonymous_id", "visitor_id", "visitor", "device_id", "cookie_id", "user_pseudo_id", "guest_id"),
    "session_id": ("session_id", "user_session", "session", "visit_id", "ga_session_id"),
    "item_id": (
        "item_id", "product_id", "item", "product", "stock_code", "article_id", "sku", "sku_id", "asin", "parent_asin",
        "aid", "product_code", "isbn", "movie_id", "video_id", "track_id", "content_id", "goods_id", "article",
        "variant_sku",
    ),
    "quantity": ("quantity", "qty", "qty_ordered", "units", "count", "amount_of_items", "pieces"),
    "price": ("price", "unit_price", "item_price", "sales_price", "unitprice", "item_cost", "price_cents"),
    "currency": ("currency", "currency_code"),
    "value": (
        "value", "rating", "overall", "stars", "score", "line_total", "row_total", "item_revenue", "item_total",
        "line_amount", "revenue", "sales_value", "sales_amount", "net_amount", "total", "amount", "total_price",
        "total_amount", "subtotal", "sales", "extended_price",
    ),
    "order_id": (
        "order_id", "transaction_id", "invoice", "invoice_no", "order", "order_number", "basket_id", "receipt_id",
    ),
    "query": ("query", "search_term", "search_query", "keyword", "keywords", "search"),
    "text": ("text", "review_text", "review", "comment", "review_body", "body", "question"),
    "country": ("country", "country_code", "geo_country"),
    "device": ("device", "device_type", "device_category"),
    "channel": ("channel", "sales_channel_id", "medium", "sales_channel"),
    "platform": ("platform", "os"),
    "category": ("category", "category_code", "category_path", "category_name", "product_category", "category_id"),
    "brand": ("brand", "manufacturer", "vendor", "brand_name"),
    "campaign_id": ("campaign_id", "campaign", "utm_campaign"),
    "list_position": ("list_position", "position", "rank"),
}  # fmt: skip
"""Names of columns in snake case, the surest first."""

EVENT_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "view_item": ("view", "views", "pv", "click", "clicks", "product_view", "detail", "view_product", "product_viewed"),
    "add_to_wishlist": ("fav", "favorite", "favourite", "wishlist", "like", "collect"),
    "add_to_cart": ("cart", "carts", "addtocart", "add_cart", "basket", "add", "product_added"),
    "remove_from_cart": ("remove", "removefromcart", "remove_cart", "product_removed"),
    "begin_checkout": ("checkout", "start_checkout", "checkout_started"),
    "purchase": ("buy", "buys", "transaction", "order", "orders", "sale", "bought", "ordered", "order_completed"),
    "refund": ("return", "returned", "refunded", "order_refunded"),
    "search": ("searched", "view_search_results", "products_searched"),
    "page_view": ("page", "pageview", "screen_view", "visit"),
    "rate_item": ("rate", "rating", "review", "reviewed"),
    "view_item_list": ("list", "impression", "view_list"),
}
"""What shops call their events, beside the canonical names themselves."""

EVENT_OF_WORD: Final = {word: name for name, words in EVENT_WORDS.items() for word in words} | {
    name: name for name in EVENT_NAMES
}
"""What each word means."""

KNOWN_NUMBERS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "JData": ("type", {"1": "view_item", "2": "add_to_cart", "3": "remove_from_cart", "4": "purchase",
                       "5": "add_to_wishlist", "6": "select_item"}),
    "Tianchi's mobile log": ("behavior_type", {"1": "view_item", "2": "add_to_wishlist", "3": "add_to_cart",
                                               "4": "purchase"}),
    "Tmall's log": ("action_type", {"0": "view_item", "1": "add_to_cart", "2": "purchase", "3": "add_to_wishlist"}),
}  # fmt: skip
"""Public files whose events are numbers: their column, and what each number means there."""

COLUMNS_OF_FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "ga4": ("event_timestamp", "event_name", "event_params", "user_pseudo_id"),
    "segment": ("messageId", "anonymousId", "type"),
    "posthog": ("uuid", "event", "distinct_id", "timestamp"),
    "amplitude": ("event_type", "event_time", "amplitude_id"),
    "snowplow": ("collector_tstamp", "domain_userid", "event_id"),
    "matomo": ("idVisit", "visitorId", "actionDetails"),
    "shopify": ("Name", "Financial Status", "Lineitem name", "Lineitem price"),
    "retailrocket": ("timestamp", "visitorid", "event", "itemid", "transactionid"),
    "rees46": ("event_time", "event_type", "product_id", "category_id", "category_code", "user_id", "user_session"),
}
"""Columns by which the export of a tool is known that has an importer of its own."""

PERSONAL: Final = ("email", "mail", "first_name", "last_name", "full_name", "phone", "address", "street", "birthday")
"""Parts of the names of columns that no mapping takes by itself."""


def format_of(columns: Iterable[str]) -> str | None:
    """Return the format whose importer reads a file with these columns without a mapping, or None."""
    there = set(columns)
    return next((name for name, own in COLUMNS_OF_FORMATS.items() if there.issuperset(own)), None)


def event_word(text: str) -> str:
    """Return a value of a column of events as :data:`EVENT_OF_WORD` has it."""
    return re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).strip("_")


UNDONE: Final = frozenset(
    {
        "cancelled", "canceled", "cancel", "failed", "failure", "void", "voided", "declined", "rejected", "expired",
        "abandoned", "trash", "draft", "checkout_draft", "auto_draft", "unavailable", "closed_unpaid", "unpaid",
    }
)  # fmt: skip
"""Words for orders that came to nothing."""

SCALES: Final = {
    100: ("cents", "cent", "pence", "minor", "centavos", "paise", "kopecks", "centimes"),
    1_000_000: ("micros", "micro"),
}
"""Words that say in what unit of its own a column counts money."""

MoneyRole = Literal["unit", "line", "order", "discount", "refund", "other"]
_AMOUNT: Final = frozenset({"total", "amount", "value", "revenue", "subtotal", "sum", "paid"})
_WHOLE: Final = frozenset({"order", "grand", "cart", "basket", "purchase", "transaction", "payment", "invoice"})
_BESIDE: Final = frozenset(
    {"shipping", "freight", "tax", "taxes", "vat", "delivery", "fee", "fees", "tip", "margin", "profit"}
)


def snake_case(name: str) -> str:
    """Return a column's name in snake case: ``InvoiceDate`` and ``Invoice Date`` are ``invoice_date``."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")


def money_role(column: str) -> MoneyRole | None:
    """Return what money a column holds by its name, or None where it speaks of none."""
    words = set(snake_case(column).split("_"))
    if words & {"refund", "refunded", "refunds"} and not words & {"id", "at", "date", "reason", "status"}:
        return "refund"
    if words & {"id", "date", "status", "currency", "count", "type", "code", "name", "qty", "quantity", "at"}:
        return None
    if words & {"discount", "discounts", "coupon", "disc", "rebate", "voucher"} and "price" not in words:
        return "discount"
    if words & _BESIDE:
        return "other"
    if words & _AMOUNT and words & {
        "order",
        "grand",
        "cart",
        "basket",
        "purchase",
        "transaction",
        "payment",
        "invoice",
    }:
        return "order"
    if words >= {"total", "paid"}:
        return "order"
    if words & _AMOUNT or words & {"sales", "turnover", "extended"} or words >= {"total", "price"}:
        return "line"
    if "price" in words or words >= {"item", "cost"} or words & {"unitprice"}:
        return "unit"
    return "other" if words & {"cost", "costs"} else None


def scale_of(column: str) -> int:
    """Return how many of a column's units make one of the currency, by its name: 100 for ``price_cents``."""
    words = set(snake_case(column).split("_"))
    return next((scale for scale, names in SCALES.items() if words & set(names)), 1)
