"""The mapping of a shop's own columns to the canonical ones: a YAML file whose mistakes are named with their line."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import available_timezones

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from shopsight.errors import ShopsightError
from shopsight.events import EVENT_NAMES, EVENT_SCHEMA, ITEM_SCHEMA, USER_SCHEMA
from shopsight.ingestion.readers.chunks import TableName

SCHEMAS: Final = {"events": EVENT_SCHEMA, "items": ITEM_SCHEMA, "users": USER_SCHEMA}
TIMES: Final = ("event_timestamp", "created_timestamp", "created_at", "valid_from", "valid_to")


class MappingError(ShopsightError):
    """A mapping file cannot be used."""


class ColumnMapping(BaseModel):
    """Where one canonical column comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    column: str | None = None
    """Column of the file."""
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
    separator: str | None = None
    """What parts the steps of a category path in the file."""
    decimal: Literal[".", ","] = "."
    """Decimal sign of numbers."""
    thousands: Literal[".", ","] | None = None
    """Sign between the thousands of numbers; blanks and apostrophes between them are read anyway."""
    sign: str | None = None
    """Sign of a currency that stands before or behind numbers, and is left out."""

    @model_validator(mode="after")
    def _has_one_origin(self) -> "ColumnMapping":
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either column or constant")
        if self.zone is not None and self.zone not in available_timezones():
            raise ValueError(f"zone {self.zone} is not known; it is written like Europe/London or UTC")
        if self.unit and (self.format or (self.zone and self.unit != "days")):
            raise ValueError("unit is for numbers, format and zone are for text")
        if self.unit == "days" and self.zone is None:
            raise ValueError("unit days has no zone, so give one: zone: UTC")
        if self.thousands == self.decimal:
            raise ValueError(f"decimal and thousands cannot both be {self.decimal}")
        unknown = sorted(set(self.only) - set(EVENT_NAMES))
        if unknown:
            raise ValueError(f"only: {', '.join(unknown)} is no event name")
        return self


Origin = Annotated[ColumnMapping, BeforeValidator(lambda value: {"column": value} if isinstance(value, str) else value)]


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
    unique_per_actor: tuple[Literal["order_id", "session_id"], ...] = ()
    """Ids that repeat between shoppers: the shopper's pseudonym is put before them."""
    repeats_are_pieces: tuple[str, ...] = ()
    """Event names of which a row that repeats another is a further piece; of others it is a duplicate."""
    negative_quantity_is_refund: bool = False
    """Whether a purchase of -2 pieces is a refund of 2."""

    @model_validator(mode="after")
    def _is_whole(self) -> "Mapping":
        names = SCHEMAS[self.table].names
        unknown = [name for name in self.columns if name not in names]
        if unknown:
            raise ValueError(
                f"columns: {', '.join(unknown)} is no column of {self.table}; those are {', '.join(names)}"
            )
        required = {"events": ["event_name", "event_timestamp"], "items": ["item_id"], "users": ["user_id"]}[self.table]
        missing = [name for name in required if name not in self.columns]
        if self.table == "events" and not {"user_id", "anonymous_id"} & set(self.columns):
            missing.append("user_id or anonymous_id")
        if missing:
            raise ValueError(f"columns: {', '.join(missing)} is missing")
        for name, origin in self.columns.items():
            if name not in TIMES and (origin.unit or origin.format or origin.zone):
                raise ValueError(f"columns.{name}: unit, format and zone are for times")
            if origin.format and "%z" not in origin.format and origin.zone is None:
                raise ValueError(f"columns.{name}: the format has no zone, so give one: zone: UTC")
        event_names = self.columns["event_name"] if self.table == "events" else None
        wrong = sorted(set(event_names.values.values()) - set(EVENT_NAMES)) if event_names else []
        if event_names and event_names.constant is not None and event_names.constant not in EVENT_NAMES:
            wrong.append(event_names.constant)
        wrong += sorted(set(self.repeats_are_pieces) - set(EVENT_NAMES))
        if wrong:
            raise ValueError(f"columns.event_name: {', '.join(wrong)} is none of {', '.join(EVENT_NAMES)}")
        return self

    def used_columns(self) -> tuple[str, ...]:
        """Return the columns that the file must have, each once."""
        named = [origin.column for origin in self.columns.values() if origin.column is not None]
        return tuple(dict.fromkeys([*named, *self.properties]))


def mapping_beside(path: Path) -> Path:
    """Return where the mapping of a file is looked for: beside it, under the same name."""
    return path.with_name(path.name.split(".")[0] + ".yml")


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping file.

    Raises:
        MappingError: it is missing, no YAML, or says something that no mapping says; with the line of the mistake.
    """
    try:
        text = path.read_text()
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_repeated_keys(root)
        return Mapping.model_validate(yaml.safe_load(text))
    except OSError as error:
        raise _error(
            path, error.strerror or str(error), "write one with: shopsight map FILE --write OUT.yml"
        ) from error
    except yaml.YAMLError as error:
        raise _error(path, " ".join(str(error).split()), "mend the YAML there") from error
    except ValidationError as error:
        problems = "; ".join(_problem(root, problem["loc"], problem["msg"]) for problem in error.errors())
        raise _error(path, problems, "mend these lines; docs/events.md has the keys of a mapping") from error


def _error(path: Path, why: str, fix: str) -> MappingError:
    return MappingError(f"cannot use the mapping {path}", why=why, fix=fix)


def _problem(root: yaml.Node | None, location: tuple[int | str, ...], message: str) -> str:
    """Return a mistake with its line and its key, as far down as the file has the key."""
    node, keys = root, [str(step) for step in location if step != "function-before[<lambda>(), ColumnMapping]"]
    for key in keys:
        mistakes = [
            (k if v.start_mark.line == k.start_mark.line else v)
            for k, v in (node.value if isinstance(node, yaml.MappingNode) else [])
            if k.value == key
        ]
        if not mistakes:
            break
        node = next(v for k, v in node.value if k.value == key) if isinstance(node, yaml.MappingNode) else None
    line = node.start_mark.line + 1 if node is not None else 1
    return f"line {line}: {'.'.join(keys)}: {message}".replace(": : ", ": ").replace("Value error, ", "")


def _refuse_repeated_keys(node: Any) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
            _refuse_repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(item)
