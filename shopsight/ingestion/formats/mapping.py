"""The mapping of a shop's own columns to the canonical ones: what its YAML file may say."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from shopsight.events import EVENT_NAMES, EVENT_SCHEMA, INVENTORY_SCHEMA, ITEM_SCHEMA, USER_SCHEMA
from shopsight.ingestion.readers.chunks import TableName

SCHEMAS: Final = {"events": EVENT_SCHEMA, "items": ITEM_SCHEMA, "users": USER_SCHEMA, "inventory": INVENTORY_SCHEMA}
REQUIRED: Final = {
    "events": ["event_name", "event_timestamp"],
    "items": ["item_id"],
    "users": ["user_id"],
    "inventory": ["item_id", "units_on_hand"],
}
TIMES: Final = ("event_timestamp", "created_timestamp", "created_at", "valid_from", "valid_to", "refunded_at")
MONEY_OF_ORDERS: Final = ("order_total", "order_discount", "order_refund")
"""Amounts of a whole order: they stand on each of its lines, or on the first."""
NUMBERS: Final = ("quantity", "price", "value", "line_number", "list_position", *MONEY_OF_ORDERS, "line_refund")
JOINED: Final = "orders."
"""Stands before the columns of the file that :attr:`Mapping.orders` joins."""


class ColumnMapping(BaseModel):
    """Where one canonical column comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    column: str | None = None
    """Column of the file; also ``orders.NAME`` of a joined file, and a path into JSON such as
    ``properties.products[].id``, where ``[]`` makes a row of each element."""
    otherwise: str | None = None
    """Column that counts where the first is empty."""
    constant: str | None = None
    """The same text for every row, in place of a column."""
    values: dict[str, str] = Field(default_factory=dict)
    """What each value of the file is here; values that are not named stay as they are."""
    only: tuple[str, ...] = ()
    """Event names on which the column counts; on others it is empty."""
    unit: Literal["s", "ms", "us", "ns", "days"] | None = None
    """Of times that are numbers: seconds to nanoseconds since 1970, or Excel's days since 1899-12-30 in ``zone``."""
    format: str | None = None
    """Of times that are text, in the signs of strptime: ``%d.%m.%Y %H:%M``. ISO 8601 needs none."""
    zone: str | None = None
    """Zone of times that name none, such as ``UTC`` or ``Europe/London``."""
    zone_column: str | None = None
    """Column that says each row's zone, in place of ``zone``."""
    separator: str | None = None
    """What parts the steps of a category path in the file."""
    decimal: Literal[".", ","] = "."
    """Decimal sign of numbers."""
    thousands: Literal[".", ","] | None = None
    """Sign between the thousands of numbers; blanks and apostrophes between them are read anyway."""
    sign: str | None = None
    """Sign of a currency that stands before or behind numbers, and is left out."""
    scale: Literal[1, 10, 100, 1_000, 10_000, 1_000_000] = 1
    """How many of the file's units make one: 100 where amounts are in cents."""

    @model_validator(mode="after")
    def _has_one_origin(self) -> "ColumnMapping":
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either column or constant")
        if self.otherwise is not None and self.column is None:
            raise ValueError("otherwise stands in for a column, so give column too")
        if self.zone is not None and self.zone not in available_timezones():
            raise ValueError(f"zone {self.zone} is not known; it is written like Europe/London or UTC")
        if self.zone and self.zone_column:
            raise ValueError("give either zone or zone_column")
        if self.unit and (self.format or (self.has_zone and self.unit != "days")):
            raise ValueError("unit is for numbers, format and zone are for text")
        if self.unit == "days" and not self.has_zone:
            raise ValueError("unit days has no zone, so give one: zone: UTC")
        if self.thousands == self.decimal:
            raise ValueError(f"decimal and thousands cannot both be {self.decimal}")
        unknown = sorted(set(self.only) - set(EVENT_NAMES))
        if unknown:
            raise ValueError(f"only: {', '.join(unknown)} is no event name")
        return self

    @property
    def has_zone(self) -> bool:
        """Whether the mapping says the zone of times that name none."""
        return self.zone is not None or self.zone_column is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that this one is made of."""
        return tuple(name for name in (self.column, self.otherwise, self.zone_column) if name is not None)


Origin = Annotated[ColumnMapping, BeforeValidator(lambda value: {"column": value} if isinstance(value, str) else value)]


class Words(BaseModel):
    """Which rows count, by the words of a column; small and capital letters are the same."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    keep: tuple[str, ...] = ()
    """Rows with other words are left out."""
    skip: tuple[str, ...] = ()
    """Rows with these words are left out."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if bool(self.keep) == bool(self.skip):
            raise ValueError("give either keep or skip, with the words of the column")
        return self


class OrdersFile(BaseModel):
    """The file with a row per order, where the imported file has one per line of an order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path
    """Beside the mapping, unless the path is absolute."""
    column: str
    """Column of the imported file that names the order."""
    key: str | None = None
    """What that column is called in the file of orders; left out, the same."""


class PartOf(BaseModel):
    """Which lines are parts of another line: a bundle and its products, a configurable product and the one chosen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    """Column with the id of the line that this one is a part of."""
    line: str
    """Column with each line's own id."""


class Mapping(BaseModel):
    """A whole mapping file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: TableName = "events"
    """What a row of the file is."""
    source: str = "shop"
    """Fills ``source``."""
    header: tuple[str, ...] = ()
    """Names of the columns of a CSV file without a header line."""
    encoding: str | None = None
    """How a text file is encoded, such as ``gb18030`` or ``cp1252``; left out, its bytes tell, or the import asks."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """What parts the fields of a text file; left out, its first line tells."""
    history: bool = True
    """Whether a row without ``created_timestamp`` counts as known when it happened, as in an export of the past."""
    columns: dict[str, Origin]
    """The canonical columns, and where each comes from; the short form of ``column`` is its name alone."""
    properties: tuple[str, ...] = ()
    """Columns that are kept in ``properties`` (``attributes`` of items); all others are left out."""
    where: dict[str, Words] = Field(default_factory=dict)
    """Rows that count, by columns of the file; the others are set aside, as the mapping wants."""
    orders: OrdersFile | None = None
    """A file of orders that is joined; its columns are called ``orders.NAME``."""
    part_of: PartOf | None = None
    """Lines that are parts of other lines: of a line and its parts, those with the money count."""
    item_title: Origin | None = None
    """What the item of a row is called: every item's most frequent title is written to the items, beside the events."""
    order_total: Origin | None = None
    """What a whole order cost, which is spread over its lines in proportion to their amounts."""
    order_discount: Origin | None = None
    """What is taken off a whole order, and so off its lines in proportion to their amounts."""
    order_refund: Origin | None = None
    """What was given back of a whole order: a refund event of its own."""
    line_refund: Origin | None = None
    """What was given back of a line: a refund event of its own."""
    refunded_at: Origin | None = None
    """When it was given back; left out, at the time of the purchase."""
    unique_per_actor: tuple[Literal["order_id", "session_id"], ...] = ()
    """Ids that repeat between shoppers: the shopper's pseudonym is put before them."""
    repeats_are_pieces: tuple[str, ...] = ()
    """Event names of which a row that repeats another is a further piece; of others it is a duplicate."""
    negative_quantity_is_refund: bool = False
    """Whether a purchase of -2 pieces is a refund of 2."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        self._refuse_unknown_columns()
        for name, origin in self.origins().items():
            _refuse_what_does_not_fit(name, origin)
        event_names = self.columns["event_name"] if self.table == "events" else None
        wrong = sorted(set(event_names.values.values()) - set(EVENT_NAMES)) if event_names else []
        if event_names and event_names.constant is not None and event_names.constant not in EVENT_NAMES:
            wrong.append(event_names.constant)
        wrong += sorted(set(self.repeats_are_pieces) - set(EVENT_NAMES))
        if wrong:
            raise ValueError(f"columns.event_name: {', '.join(wrong)} is none of {', '.join(EVENT_NAMES)}")
        self._refuse_half_said_orders()
        if self.item_title and (self.table != "events" or "item_id" not in self.columns):
            raise ValueError("item_title: is for events with an item_id; the items' own table has title under columns")
        return self

    def _refuse_unknown_columns(self) -> None:
        names = SCHEMAS[self.table].names
        unknown = [name for name in self.columns if name not in names]
        if unknown:
            raise ValueError(
                f"columns: {', '.join(unknown)} is no column of {self.table}; those are {', '.join(names)}"
            )
        missing = [name for name in REQUIRED[self.table] if name not in self.columns]
        if self.table == "events" and not {"user_id", "anonymous_id"} & set(self.columns):
            missing.append("user_id or anonymous_id")
        if missing:
            raise ValueError(f"columns: {', '.join(missing)} is missing")
        if self.header and (odd := [name for name in self.used_columns() if name not in self.header]):
            raise ValueError(f"header: {', '.join(odd)} is not among its names")

    def _refuse_half_said_orders(self) -> None:
        """Refuse keys about orders that have nothing to work on."""
        if (self.needs_whole_orders() or self.line_refund) and "order_id" not in self.columns:
            raise ValueError("columns: order_id is missing, which the keys about orders need")
        if self.order_total and self.order_discount:
            raise ValueError("order_discount: order_total has it taken off already: give one of them")
        if self.refunded_at and not (self.order_refund or self.line_refund):
            raise ValueError("refunded_at: give order_refund or line_refund too")
        joined = [name for name in self.named_columns() if name.startswith(JOINED)]
        if joined and self.orders is None:
            raise ValueError(f"orders: is missing, which {joined[0]} needs: orders: {{file: FILE, column: COLUMN}}")
        arrays = {name[: name.index("[]")] for name in self.named_columns() if "[]" in name}
        if len(arrays) > 1 or any(name.count("[]") > 1 for name in self.named_columns()):
            raise ValueError(f"columns: one array can be a file's lines, not {', '.join(sorted(arrays))}")

        if self.repeats_are_pieces and (arrays or "line_number" in self.columns):
            raise ValueError("repeats_are_pieces: the lines of an order have numbers of their own already")

    def origins(self) -> dict[str, ColumnMapping]:
        """Return every column that a row is made of: the canonical ones, and those that become others by the order."""
        others = (*MONEY_OF_ORDERS, "line_refund", "refunded_at", "item_title")
        named = {name: getattr(self, name) for name in others}
        return self.columns | {name: origin for name, origin in named.items() if origin is not None}

    def named_columns(self) -> tuple[str, ...]:
        """Return every column that the mapping names, each once: of the file, joined, or a path into JSON."""
        named = [name for origin in self.origins().values() for name in origin.columns]
        parts = [self.part_of.column, self.part_of.line] if self.part_of else []
        by = [self.orders.column] if self.orders else []
        return tuple(dict.fromkeys([*named, *self.properties, *self.where, *parts, *by]))

    def used_columns(self) -> tuple[str, ...]:
        """Return the columns that the file must have, each once."""
        is_joined = self.orders is not None
        return tuple(name for name in self.named_columns() if not (is_joined and name.startswith(JOINED)))

    def needs_whole_orders(self) -> bool:
        """Return whether a line cannot be understood without the other lines of its order."""
        return any(getattr(self, name) is not None for name in (*MONEY_OF_ORDERS, "part_of"))


def _refuse_what_does_not_fit(name: str, origin: ColumnMapping) -> None:
    """Refuse keys that say nothing of a column of this kind."""
    place = name if name in Mapping.model_fields else f"columns.{name}"
    if name not in TIMES and (origin.unit or origin.format or origin.has_zone):
        raise ValueError(f"{place}: unit, format and zone are for times")
    if origin.format and "%z" not in origin.format and not origin.has_zone:
        raise ValueError(f"{place}: the format has no zone, so give one: zone: UTC")
    if name not in NUMBERS and origin.scale != 1:
        raise ValueError(f"{place}: scale is for numbers")
