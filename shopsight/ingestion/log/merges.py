"""Two ids of known shoppers that are one person: an ``identify`` event names the other one in its properties."""

from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from shopsight.identity import clean_id
from shopsight.privacy import Pseudonymiser

PREVIOUS: Final = "previous_user_id"
"""Key of the properties of ``identify``: the raw id of the shopper who is merged into ``user_id``."""


def with_pseudonyms_of_merged(events: pa.Table, pseudonymiser: Pseudonymiser) -> pa.Table:
    """Replace the raw id under :data:`PREVIOUS` by its pseudonym, or leave it out where it is nobody's.

    An event without a device takes that id for one: tools say ``alias`` of devices and shoppers alike, and merges of
    one moment stay different events.

    Args:
        events: rows in canonical columns, with pseudonyms of ``user_id`` and ``anonymous_id``.
        pseudonymiser: of the log.
    """
    is_identity = pc.equal(events["event_name"], "identify")
    if not pc.any(is_identity).as_py():
        return events
    names_other = pc.match_substring(events["properties"], f'"{PREVIOUS}"')
    is_merge = pc.fill_null(pc.and_kleene(is_identity, names_other), False).combine_chunks()
    merges = events.filter(is_merge)
    said = [orjson.loads(text) for text in merges["properties"].to_pylist()]
    previous = [_previous(properties) for properties in said]
    devices = [
        pseudonymiser.anonymous(raw) if device is None and raw is not None else device
        for device, raw in zip(merges["anonymous_id"].to_pylist(), previous, strict=True)
    ]
    texts = [
        orjson.dumps(properties | {PREVIOUS: pseudonymiser.user(raw)} if raw is not None else properties).decode()
        for raw, properties in zip(previous, said, strict=True)
    ]
    for name, values in (("properties", texts), ("anonymous_id", devices)):
        index = events.schema.get_field_index(name)
        column = pc.replace_with_mask(events[name].combine_chunks(), is_merge, pa.array(values, pa.string()))
        events = events.set_column(index, events.schema.field(index), column)
    return events


def _previous(properties: dict[str, Any]) -> str | None:
    raw = properties.pop(PREVIOUS, None)  # the word may stand deeper, or be a value
    return None if raw is None or isinstance(raw, dict | list) else clean_id(str(raw), "user_id")
