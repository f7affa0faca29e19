"""The words by which shops name their columns and events: what guessing a mapping goes by."""

import re
from typing import Final

from shopsight.events import EVENT_NAMES

COLUMN_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "event_timestamp": (
        "event_timestamp", "event_time", "timestamp", "time", "ts", "datetime", "date", "invoice_date", "order_date",
        "created_at", "unix_review_time", "t_dat", "occurred_at", "time_stamp", "purchase_date",
    ),
    "created_timestamp": ("created_timestamp", "received_at", "ingested_at", "loaded_at"),
    "event_name": (
        "event_name", "event_type", "event", "behavior_type", "behaviour_type", "behavior", "behaviour", "action",
        "action_type", "type", "interaction", "activity",
    ),
    "event_id": ("event_id", "message_id", "hit_id", "uuid"),
    "user_id": (
        "user_id", "user", "customer_id", "cust_id", "customer", "cust", "client_id", "member_id", "reviewer_id",
        "household_id", "uid", "shopper_id", "buyer_id", "account_id",
    ),
    "anonymous_id": ("anonymous_id", "visitor_id", "visitor", "device_id", "cookie_id", "user_pseudo_id", "guest_id"),
    "session_id": ("session_id", "user_session", "session", "visit_id", "ga_session_id"),
    "item_id": (
        "item_id", "item", "product_id", "product", "stock_code", "article_id", "sku", "asin", "parent_asin", "aid",
        "product_code", "isbn", "movie_id", "goods_id",
    ),
    "quantity": ("quantity", "qty", "units", "count", "amount_of_items", "pieces"),
    "price": ("price", "unit_price", "item_price", "sales_price", "unitprice"),
    "currency": ("currency", "currency_code"),
    "value": ("value", "rating", "overall", "stars", "score", "revenue"),
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

PERSONAL: Final = ("email", "mail", "first_name", "last_name", "full_name", "phone", "address", "street", "birthday")
"""Parts of the names of columns that no mapping takes by itself."""


def event_word(text: str) -> str:
    """Return a value of a column of events as :data:`EVENT_OF_WORD` has it."""
    return re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).strip("_")
