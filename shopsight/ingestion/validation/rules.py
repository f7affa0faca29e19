"""The decision table of validation: every reason for which a row is quarantined, and the SQL that finds it.

A condition sees each canonical column twice: typed under its name (NULL where it cannot be typed) and as it came
under ``raw_<name>`` (NULL where empty). It is read by DuckDB; NULL counts as false.
"""

from dataclasses import dataclass
from typing import Final

from shopsight.consent import CONSENTS
from shopsight.events import EVENT_NAMES
from shopsight.identity import ID_COLUMNS

ITEM_EVENTS: Final = (
    "select_item",
    "view_item",
    "add_to_wishlist",
    "add_to_cart",
    "remove_from_cart",
    "purchase",
    "rate_item",
)
"""Events that say nothing without the item they are about. A refund without one gives back the whole order."""

EARLIEST: Final = "1995-01-01T00:00:00+00:00"
"""Older than any online shop: what lies before is a unit mistake, such as seconds read as milliseconds."""
MAX_ID_BYTES: Final = 256
MAX_QUERY_BYTES: Final = 2_000
MAX_TEXT_BYTES: Final = 20_000
MAX_PROPERTIES_BYTES: Final = 65_536


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One way for a row to be bad."""

    reason: str
    """Code in the quarantine and in the manifest's counts."""
    condition: str
    """SQL that is true for the bad rows; ``$latest`` is a day after the arrival."""
    meaning: str
    """One line for a person."""
    about: tuple[str, ...] = ()
    """Columns without any of which no row can break the rule, so that it need not be asked; none: always ask."""
    limit: int | None = None
    """Bytes that one of these columns must exceed, for rules about length."""
    marks: tuple[str, ...] = ()
    """Texts of which one of these columns must hold one for the rule to be asked: most files have no such id."""


def _names(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _is_not_a(column: str, kind: str) -> Rule:
    return Rule(
        reason=f"{column}_invalid",
        condition=f"raw_{column} is not null and {column} is null",
        meaning=f"{column} is not {kind}",
        about=(column,),
    )


def _is_not_whole(column: str) -> Rule:
    # A cast to INTEGER rounds 1.5 to 2, hence the comparison with the number itself.
    return Rule(
        reason=f"{column}_invalid",
        condition=f"raw_{column} is not null and ({column} is null or try_cast(raw_{column} as double) <> {column})",
        meaning=f"{column} is not a whole number",
        about=(column,),
    )


def _is_not_finite(column: str) -> Rule:
    return Rule(
        reason=f"{column}_invalid",
        condition=f"raw_{column} is not null and ({column} is null or not isfinite({column}))",
        meaning=f"{column} is not a finite number",
        about=(column,),
    )


def _is_negative(column: str) -> Rule:
    return Rule(reason=f"{column}_negative", condition=f"{column} < 0", meaning=f"{column} is below 0", about=(column,))


def _too_long(columns: tuple[str, ...], max_bytes: int, reason: str) -> Rule:
    sizes = ", ".join(f'strlen("{column}")' for column in columns)
    return Rule(
        reason=reason,
        condition=f"greatest({sizes}, 0) > {max_bytes}",
        meaning=f"over {max_bytes:,} bytes in {', '.join(columns)}",
        about=columns,
        limit=max_bytes,
    )


def _is_rounded(columns: tuple[str, ...]) -> Rule:
    # Excel writes 4006381333931 as 4.00638E+12: what it rounded away is lost, and different ids fall together.
    tests = " or ".join(
        f"""coalesce(regexp_full_match("{column}", '-?\\d([.,]\\d+)?[eE]\\+\\d+'), false)""" for column in columns
    )
    return Rule(
        reason="id_rounded",
        condition=tests,
        meaning="an id like 8.61E+11, rounded by a spreadsheet: export it again with the column as text",
        about=columns,
        marks=("+",),
    )


def _is_nested(columns: tuple[str, ...]) -> Rule:
    tests = " or ".join(
        f"""coalesce(starts_with("{column}", '{sign}') and json_valid("{column}"), false)"""
        for column in columns
        for sign in ("[", "{")
    )
    return Rule(
        reason="id_nested",
        condition=tests,
        meaning="an id that is a list or an object of JSON",
        about=columns,
        marks=("[", "{"),
    )


_EVENT_IDS = (
    "event_id user_id anonymous_id session_id item_id order_id list_id placement recommendation_id campaign_id "
    "channel device country platform brand source"
)

EVENT_RULES: Final = (
    Rule(reason="event_name_missing", condition="event_name is null", meaning="event_name is empty"),
    Rule(
        reason="event_name_unknown",
        condition=f"event_name not in ({_names(EVENT_NAMES)})",
        meaning="event_name is none of the canonical names",
    ),
    Rule(
        reason="event_timestamp_missing",
        condition="raw_event_timestamp is null",
        meaning="event_timestamp is empty",
    ),
    _is_not_a("event_timestamp", "RFC 3339 with a zone, nor epoch seconds or milliseconds"),
    Rule(
        reason="event_timestamp_out_of_range",
        condition=f"event_timestamp < timestamptz '{EARLIEST}' or event_timestamp > $latest",
        meaning="event_timestamp lies before 1995 or more than a day after the arrival; days of Excel (46082.4) and "
        "written-out numbers (20260301100000) are such: map them with unit: days or a format",
    ),
    _is_not_a("created_timestamp", "RFC 3339 with a zone, nor epoch seconds or milliseconds"),
    Rule(
        reason="created_timestamp_out_of_range",
        condition=f"created_timestamp < timestamptz '{EARLIEST}' or created_timestamp > $latest",
        meaning="created_timestamp lies before 1995 or more than a day after the arrival",
        about=("created_timestamp",),
    ),
    Rule(
        reason="actor_missing",
        condition="user_id is null and anonymous_id is null",
        meaning="neither user_id nor anonymous_id is given",
    ),
    Rule(
        reason="item_id_missing",
        condition=f"item_id is null and event_name in ({_names(ITEM_EVENTS)}) and event_name <> 'refund'",
        meaning="an event of an item without item_id",
    ),
    Rule(
        reason="order_id_missing",
        condition="order_id is null and event_name in ('purchase', 'refund')",
        meaning="a purchase or refund without order_id",
    ),
    Rule(
        reason="query_missing",
        condition="query is null and event_name = 'search'",
        meaning="a search without query",
    ),
    Rule(
        reason="text_missing",
        condition="\"text\" is null and event_name = 'ask_question'",
        meaning="a question without text",
    ),
    Rule(
        reason="rating_missing",
        condition='"value" is null and "text" is null and event_name = \'rate_item\'',
        meaning="a review without value (1 to 5) and without text",
    ),
    Rule(
        reason="rating_out_of_range",
        condition='event_name = \'rate_item\' and ("value" < 1 or "value" > 5)',
        meaning="a rating below 1 or above 5",
        about=("value",),
    ),
    _is_not_whole("line_number"),
    _is_negative("line_number"),
    _is_not_whole("quantity"),
    Rule(
        reason="quantity_out_of_range",
        condition="case when event_name = 'refund' then abs(quantity) else quantity end not between 1 and 1000000",
        meaning="quantity is below 1 or above a million; what comes back is a refund, and no purchase below 0",
        about=("quantity",),
    ),
    _is_not_a("price", "a number with a decimal point"),
    Rule(
        reason="price_negative",
        condition="price < 0 and event_name is distinct from 'refund'",
        meaning="price is below 0; money given back is a refund, and no purchase below 0",
        about=("price",),
    ),
    Rule(
        reason="value_negative",
        condition="\"value\" < 0 and event_name = 'purchase'",
        meaning="a purchase with a value below 0: money given back is a refund",
        about=("value",),
    ),
    Rule(
        reason="value_invalid",
        condition='raw_value is not null and ("value" is null or not isfinite("value"))',
        meaning="value is not a finite number",
        about=("value",),
    ),
    _is_not_whole("list_position"),
    _is_negative("list_position"),
    Rule(
        reason="currency_invalid",
        condition="not regexp_full_match(currency, '[A-Z]{3}')",
        meaning="currency is not three letters (ISO 4217)",
        about=("currency",),
    ),
    Rule(
        reason="consent_unknown",
        condition=f"consent not in ({_names(CONSENTS)})",
        meaning=f"consent is none of {', '.join(CONSENTS)}",
    ),
    Rule(
        reason="properties_invalid",
        condition="properties is not null and (not json_valid(properties) or try(json_type(properties)) <> 'OBJECT')",
        meaning="properties is not a JSON object",
        about=("properties",),
    ),
    _is_rounded(ID_COLUMNS),
    _is_nested(ID_COLUMNS),
    _too_long(tuple(_EVENT_IDS.split()), MAX_ID_BYTES, "id_too_long"),
    _too_long(("query",), MAX_QUERY_BYTES, "query_too_long"),
    _too_long(("text", "category"), MAX_TEXT_BYTES, "text_too_long"),
    _too_long(("properties",), MAX_PROPERTIES_BYTES, "properties_too_long"),
)

ITEM_RULES: Final = (
    Rule(reason="item_id_missing", condition="item_id is null", meaning="item_id is empty"),
    _is_not_a("price", "a number with a decimal point"),
    _is_negative("price"),
    Rule(
        reason="currency_invalid",
        condition="not regexp_full_match(currency, '[A-Z]{3}')",
        meaning="currency is not three letters (ISO 4217)",
        about=("currency",),
    ),
    _is_not_a("valid_from", "a timestamp"),
    _is_not_a("valid_to", "a timestamp"),
    _is_not_a("created_timestamp", "a timestamp"),
    Rule(
        reason="attributes_invalid",
        condition="attributes is not null and (not json_valid(attributes) or try(json_type(attributes)) <> 'OBJECT')",
        meaning="attributes is not a JSON object",
    ),
    _is_rounded(("item_id",)),
    _too_long(("item_id", "brand", "availability"), MAX_ID_BYTES, "id_too_long"),
    _too_long(("title", "description", "category", "image_url"), MAX_TEXT_BYTES, "text_too_long"),
)

USER_RULES: Final = (
    Rule(reason="user_id_missing", condition="user_id is null", meaning="user_id is empty"),
    _is_not_a("created_at", "a timestamp"),
    _is_not_a("created_timestamp", "a timestamp"),
    Rule(
        reason="consent_unknown",
        condition=f"consent not in ({_names(CONSENTS)})",
        meaning=f"consent is none of {', '.join(CONSENTS)}",
    ),
    _is_rounded(("user_id",)),
    _too_long(("user_id", "age_band", "gender", "country"), MAX_ID_BYTES, "id_too_long"),
)

INVENTORY_RULES: Final = (
    Rule(reason="item_id_missing", condition="item_id is null", meaning="item_id is empty"),
    Rule(
        reason="units_on_hand_missing",
        condition="raw_units_on_hand is null",
        meaning="units_on_hand is empty: a count says how many are there, 0 too",
    ),
    *(_is_not_finite(name) for name in ("units_on_hand", "units_on_order")),
    Rule(
        reason="units_on_hand_negative",
        condition="units_on_hand < 0",
        meaning="units_on_hand is below 0: write 0, for what is owed to customers is not there",
        about=("units_on_hand",),
    ),
    _is_negative("units_on_order"),
    _is_not_a("unit_cost", "a number with a decimal point"),
    _is_negative("unit_cost"),
    _is_not_a("counted_at", "a timestamp"),
    Rule(
        reason="counted_at_in_future",
        condition="counted_at > $latest",
        meaning="counted_at lies more than a day in the future",
        about=("counted_at",),
    ),
    _is_not_a("arrives_at", "a timestamp"),
    _is_not_a("created_timestamp", "a timestamp"),
    _is_rounded(("item_id",)),
    _too_long(("item_id", "supplier"), MAX_ID_BYTES, "id_too_long"),
)

STRUCTURE_REASONS: Final = {
    "wrong_number_of_fields": "the line has more or fewer fields than the header",
    "unclosed_quote": "a quoted field is never closed",
    "not_utf8": "the line is not UTF-8",
    "nul_byte": "the line holds a NUL byte",
    "not_a_json_object": "the line is not one JSON object",
}
"""Reasons that the readers themselves give, where a row has no columns to be judged by."""

IMPORTER_REASONS: Final = {
    "event_timestamp_outside_the_data_set": "event_timestamp lies outside the days that the data set covers",
    "not_a_product": "the stock code is postage, a fee, a voucher or a test, and no product",
    "left_out_by_design": "an event that the format leaves out on purpose, such as scroll",
    "left_out_by_mapping": "the mapping's where leaves it out",
    "part_of_another_line": "a part of another line of the order, or the line whose parts count: the money counts once",
    "money_of_parts_unclear": "a line and its parts both have money, and not the same: which counts is not known",
    "money_of_order_unclear": "the lines of its order name different amounts for the order, or one below 0 or none",
    "not_a_sale": "neither price nor customer: a correction of the stock",
    "order_not_paid": "an order that failed or was never paid",
    "order_updated_later": "a later call of the file says the order anew",
    "order_without_its_first_line": "the line of the order that has its time and its money is not beside it",
}
"""Reasons that the importer of one format knows of, beside the rules."""
