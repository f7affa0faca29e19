"""What items are beside category and brand, such as their colour: counted beside the results, and filtered by."""

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa

Attributes = Mapping[str, Sequence[str]]
"""Values of one item by the name of the attribute."""


def item_attributes(items: pa.Table) -> list[Attributes]:
    """Return the attributes of each item, as the JSON of the column ``attributes`` has them; none without it."""
    if "attributes" not in items.column_names:
        return [{} for _ in range(items.num_rows)]
    return [_values(text) for text in items["attributes"].to_pylist()]


def with_attributes(items: pa.Table, edges: pa.Table) -> pa.Table:
    """Return the mart ``items`` with a column ``attributes``, from the mart ``graph_edges``."""
    of_item: dict[str, dict[str, list[str]]] = {}
    columns = (edges[name].to_pylist() for name in ("relation", "source_id", "target_id"))
    for relation, source, target in zip(*columns, strict=True):
        if relation == "has_attribute":
            name, _, value = target.removeprefix("attribute:").partition("=")
            of_item.setdefault(source.removeprefix("item:"), {}).setdefault(name, []).append(value)
    texts = [json.dumps(of_item.get(item_id, {}), sort_keys=True) for item_id in items["item_id"].to_pylist()]
    return items.append_column("attributes", pa.array(texts, pa.string()))


def _values(text: str | None) -> Attributes:
    said = json.loads(text or "{}")
    listed = {name: value if isinstance(value, list) else [value] for name, value in said.items()}
    plain = {name: [str(value) for value in values if value not in (None, "")] for name, values in listed.items()}
    return {name: values for name, values in plain.items() if values}
