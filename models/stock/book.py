"""How a shop orders: one YAML file, validated as a whole; docs/stock.md shows each line of it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PrivateAttr, StringConstraints, model_validator

from shopsight.books import read_book
from shopsight.errors import ShopsightError

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)]
Days = Annotated[FiniteFloat, Field(ge=0, le=730)]
Units = Annotated[FiniteFloat, Field(gt=0, le=1e7)]
Money = Annotated[FiniteFloat, Field(ge=0, le=1e9)]


class UnusableStockTermsError(ShopsightError):
    """The file of stock terms cannot be read, or is not valid."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The terms that hold for one item."""

    lead_days: float = 14.0
    """From an order until it is on the shelf, on average."""
    lead_days_deviation: float = 3.0
    """Standard deviation of that."""
    review_days: int = 7
    """How often it is decided what to order."""
    service_level: float | None = None
    """Chance that nothing runs out until the next order arrives; None: as the costs ask for."""
    holding_share: float = 0.25
    """What a year in stock costs, as a share of what the item cost: money, space, what goes out of date."""
    margin_share: float = 0.4
    """Share of the price that is earned, where a count names no unit cost."""
    lost_sale_factor: float = 1.0
    """What a sale that cannot be made costs, as a multiple of its margin; over 1 where shoppers stay away after it."""
    order_cost: float = 0.0
    """What placing and receiving one line of an order costs, whatever its size."""
    pack_size: float = 1.0
    """Units that are ordered together; orders are multiples of it."""
    min_order: float = 1.0
    """Fewer units of an item cannot be ordered."""
    assumed: tuple[str, ...] = ()
    """Names of those above that nobody gave: they are defaults."""


class Given(BaseModel):
    """Terms that a shop gives: for all items, for a supplier's, or for one; what is left out holds as above it."""

    # Unknown words are refused, so that a misspelt one is not silently without effect.
    model_config = ConfigDict(extra="forbid", frozen=True)

    lead_days: Days | None = None
    lead_days_deviation: Days | None = None
    review_days: int | None = Field(default=None, ge=1, le=182)
    service_level: float | None = Field(default=None, ge=0.5, le=0.999)
    holding_share: float | None = Field(default=None, gt=0, le=10)
    margin_share: float | None = Field(default=None, gt=0, lt=1)
    lost_sale_factor: float | None = Field(default=None, gt=0, le=100)
    order_cost: Money | None = None
    pack_size: Units | None = None
    min_order: Units | None = None

    def given(self) -> dict[str, float | int]:
        """Return the terms that are given, by name."""
        return {name: value for name in TERM_NAMES if (value := getattr(self, name)) is not None}


TERM_NAMES: Final = tuple(field.name for field in fields(Terms) if field.name != "assumed")


class Supplier(Given):
    """Terms of what one supplier delivers."""

    name: Text


class ItemTerms(Given):
    """Terms of one item."""

    item_id: Text
    supplier: Text | None = None
    """Who delivers it; goes before what counts say."""
    ordered: bool = True
    """False: it is sold as long as some are there, and ordered no more."""


class StockBook(Given):
    """All terms of a shop."""

    dead_after_days: int = Field(default=90, ge=7, le=730)
    """Days without a sale after which what is there is dead stock."""
    suppliers: list[Supplier] = Field(default=[], max_length=10_000)
    items: list[ItemTerms] = Field(default=[], max_length=1_000_000)
    _suppliers: dict[str, Supplier] = PrivateAttr(default={})
    _items: dict[str, ItemTerms] = PrivateAttr(default={})

    @model_validator(mode="after")
    def _named_once(self) -> "StockBook":
        for what, names in (
            ("suppliers are called", [one.name for one in self.suppliers]),
            ("lines are of", [one.item_id for one in self.items]),
        ):
            if len(set(names)) < len(names):
                twice = sorted({name for name in names if names.count(name) > 1})
                raise ValueError(f"two {what} {', '.join(twice)}")
        named = {one.name for one in self.suppliers}
        if lost := sorted({one.supplier for one in self.items if one.supplier and one.supplier not in named}):
            raise ValueError(f"items name suppliers that are not among suppliers: {', '.join(lost)}")
        return self

    def model_post_init(self, _: object) -> None:
        """Make names findable."""
        self._suppliers = {one.name: one for one in self.suppliers}
        self._items = {one.item_id: one for one in self.items}

    @classmethod
    def read(cls, path: Path) -> "StockBook":
        """Read a file of terms; without the file every term is a default.

        Raises:
            UnusableStockTermsError: it is not valid; every wrong line is named.
        """
        if not path.exists():
            return cls()
        return read_book(cls, path, what="stock terms", page="docs/stock.md", error=UnusableStockTermsError)

    def supplier_of(self, item_id: str, counted: str | None) -> str | None:
        """Return who delivers an item: as its line says, else as its count does."""
        line = self._items.get(item_id)
        return (line.supplier if line else None) or counted

    def not_ordered(self) -> list[str]:
        """Return the items that are ordered no more."""
        return [one.item_id for one in self.items if not one.ordered]

    def terms_of(self, item_id: str, supplier: str | None) -> Terms:
        """Return the terms of an item: its own before its supplier's, these before the shop's, these before defaults.

        Args:
            item_id: the item.
            supplier: who delivers it, by :meth:`supplier_of`.
        """
        levels: list[Given | None] = [self, self._suppliers.get(supplier or ""), self._items.get(item_id)]
        given: dict[str, float | int] = {}
        for level in levels:
            given |= level.given() if level else {}
        return terms_from(given)


def terms_from(given: Mapping[str, float | int]) -> Terms:
    """Return terms with defaults for what is not given, and their names in ``assumed``.

    >>> terms_from({"lead_days": 5}).assumed[:2]
    ('lead_days_deviation', 'review_days')
    """
    values = dict(given)
    if "lead_days" in values and "lead_days_deviation" not in values:
        # Somebody who says five days does not mean five days more or less three.
        values["lead_days_deviation"] = 0.2 * values["lead_days"]
    # Without a service level the costs say it: that is a way to decide, and no value that was made up.
    assumed = tuple(name for name in TERM_NAMES if name not in given and name != "service_level")
    return Terms(**values, assumed=assumed)  # type: ignore[arg-type]  # the names are those of the fields
