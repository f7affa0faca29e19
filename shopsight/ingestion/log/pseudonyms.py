"""What is done to accepted rows before anything keeps them: ids of people become pseudonyms, texts lose addresses."""

import pyarrow as pa

from shopsight.ingestion.log.merges import with_pseudonyms_of_merged
from shopsight.privacy import Pseudonymiser, redact


def pseudonymised(rows: pa.Table, pseudonymiser: Pseudonymiser) -> pa.Table:
    """Replace the ids of people by pseudonyms, and redact what people wrote.

    Args:
        rows: typed rows of events, items or users.
        pseudonymiser: of the log.
    """
    treatments = {
        "user_id": pseudonymiser.users,
        "anonymous_id": pseudonymiser.anonymous_ids,
        "query": redact,
        "text": redact,
    }
    for name, treatment in treatments.items():
        index = rows.schema.get_field_index(name)
        if index >= 0 and rows[name].null_count < rows.num_rows:
            rows = rows.set_column(index, rows.schema.field(index), treatment(rows[name]))
    return with_pseudonyms_of_merged(rows, pseudonymiser) if "event_name" in rows.column_names else rows
