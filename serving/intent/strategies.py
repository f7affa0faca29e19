"""What the shop does next with a text, by its intent: a table that a shop may replace by its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError

Need = Literal["query", "filter", "items", "attributes", "sentiment", "aspects"]
"""What a strategy may ask of the text: itself, a filter that `/v1/recommendations` takes, the items it names, …"""

FILTERED: Final = ("category", "brand")


class Strategy(BaseModel):
    """What to do, and what of the text it takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    strategy: str = Field(min_length=1, max_length=100, pattern=r"^[a-z][a-z0-9_]*$")
    needs: tuple[Need, ...] = ()


DEFAULT: Final[Mapping[str, Strategy]] = {
    "search_product": Strategy(strategy="show_search_results", needs=("query", "filter")),
    "compare_product": Strategy(strategy="show_comparison", needs=("items", "filter")),
    "ask_question": Strategy(strategy="answer_question", needs=("query", "items", "attributes")),
    "leave_review": Strategy(strategy="collect_review", needs=("sentiment", "aspects", "items")),
    "other": Strategy(strategy="show_best_sellers", needs=()),
}


class UnusableStrategiesError(ShopsightError):
    """A strategy table that cannot be read or is not complete."""


def read_strategies(path: Path) -> dict[str, Strategy]:
    """Return the shop's table over the default one; without a file, the default.

    Raises:
        UnusableStrategiesError: the file is no table, or a line of it is wrong; the label is named.
    """
    if not path.exists():
        return dict(DEFAULT)
    fix = "write `label: {strategy: name, needs: [query, filter, items, attributes, sentiment, aspects]}`"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UnusableStrategiesError(f"The strategies in {path} cannot be read.", why=str(error), fix=fix) from error
    if not isinstance(content, dict) or not set(content) <= set(INTENTS):
        unknown = (
            sorted(map(str, set(content) - set(INTENTS))) if isinstance(content, dict) else [type(content).__name__]
        )
        why = f"it names {', '.join(unknown)}; the labels are {', '.join(INTENTS)}"
        raise UnusableStrategiesError(f"The strategies in {path} are not by label.", why=why, fix=fix)
    table = dict(DEFAULT)
    for label, line in content.items():
        try:
            table[label] = Strategy.model_validate(line)
        except ValidationError as error:
            why = "; ".join(f"{label}.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise UnusableStrategiesError(f"The strategies in {path} are not valid.", why=why, fix=fix) from error
    return table


def filter_of(attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a text names as the filter that ``/v1/recommendations`` takes; None where it names nothing."""
    wanted: dict[str, Any] = {kind: {"any_of": [attributes[kind]]} for kind in FILTERED if attributes[kind] is not None}
    if attributes["price"] is not None:
        wanted["price"] = {bound: value for bound, value in attributes["price"].items() if value is not None}
    return wanted or None
