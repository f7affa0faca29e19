"""What the last materialisation left in the online store: how far its data reach, and some whom it must know.

A reader cannot tell an emptied store from one that never heard of a shopper, nor an old one from a quiet shop: both
stand in a small file beside the definitions.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from shopsight.whole_files import write_json

WRITTEN_FILE: Final = "written.json"


@dataclass(frozen=True, kw_only=True)
class WrittenState:
    """What the store held after it was written."""

    data_end: datetime | None
    """The last moment that any row describes; ``None`` of a store without rows."""
    shoppers: Mapping[str, Sequence[str]]
    """Pseudonyms of shoppers who were written, by feature view."""

    @property
    def user_keys(self) -> list[str]:
        """All of the shoppers."""
        return list(dict.fromkeys(key for keys in self.shoppers.values() for key in keys))

    def without(self, users: Sequence[str]) -> "WrittenState":
        """Return the state as if some shoppers had not been written, for they were erased."""
        left = {view: [key for key in keys if key not in users] for view, keys in self.shoppers.items()}
        return replace(self, shoppers=left)

    def write(self, folder: Path) -> None:
        """Write the state into the folder of the feature store."""
        end = self.data_end.isoformat() if self.data_end else None
        write_json(folder / WRITTEN_FILE, {"data_end": end, "shoppers": dict(self.shoppers)})

    @classmethod
    def read(cls, folder: Path) -> "WrittenState | None":
        """Read what :meth:`write` wrote; ``None`` of a home that an earlier release materialised."""
        try:
            raw = json.loads((folder / WRITTEN_FILE).read_text())
        except FileNotFoundError:
            return None
        end = raw["data_end"]
        return cls(data_end=datetime.fromisoformat(end) if end else None, shoppers=raw["shoppers"])
