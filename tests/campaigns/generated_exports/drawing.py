"""Draws an export from a seed by Hypothesis: the same one in every process."""

from collections.abc import Callable
from random import Random
from typing import Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from generated_exports.calls import STYLES as CALLS
from generated_exports.calls import calls_export
from generated_exports.canonical import canonical_export
from generated_exports.exports import Export
from generated_exports.own_columns import own_columns_export
from generated_exports.public_sets import rees46_export, uci_export
from generated_exports.shop_systems import STYLES as SHOPS
from generated_exports.shop_systems import shop_system_export

FORMATS: Final[dict[str, Callable[[Random, int, str], Export]]] = {
    **dict.fromkeys(("canonical_csv", "canonical_jsonl", "canonical_parquet"), canonical_export),
    **dict.fromkeys(CALLS, calls_export),
    **dict.fromkeys(SHOPS, shop_system_export),
    "rees46": rees46_export,
    "uci_online_retail": uci_export,
    "mapped": own_columns_export,
}
"""What draws an export of each format, from a source of chance and the number of its shop."""
CHANCE_BYTES: Final = 2_400
"""More than any export needs; after them everything is as plain as can be."""
EXAMPLES: Final = 2
"""Hypothesis begins with zeros, which give the plainest export; what it draws next is by chance."""


class Chance(Random):
    """A source of chance that takes its numbers from given bytes, and zeros after them.

    Hypothesis would also draw numbers that it finds in the modules which happen to be loaded, so that a seed would mean
    another export in another process; bytes of one length it draws alike everywhere.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self._data = data
        self._at = 0

    def getrandbits(self, k: int, /) -> int:
        """Return the next ``k`` bits."""
        count = -(-k // 8)
        some = self._data[self._at : self._at + count].ljust(count, b"\0")
        self._at += count
        return int.from_bytes(some, "big") >> (count * 8 - k)

    def random(self) -> float:
        """Return the next number from 0 to below 1."""
        return self.getrandbits(32) / (1 << 32)


def format_of(number: int) -> str:
    """Return the format whose turn it is."""
    return list(FORMATS)[number % len(FORMATS)]


def export_of(number: int) -> Export:
    """Return the export of a seed, of the format whose turn it is."""
    drawn: list[bytes] = []

    @seed(number)
    @settings(
        max_examples=EXAMPLES, database=None, phases=[Phase.generate], deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.binary(min_size=CHANCE_BYTES, max_size=CHANCE_BYTES))
    def collect(data: bytes) -> None:
        drawn.append(data)

    collect()
    return export_from(drawn[-1], number)


def export_from(data: bytes, number: int) -> Export:
    """Return the export that some bytes of chance make."""
    format_name = format_of(number)
    export = FORMATS[format_name](Chance(data), number, format_name)
    export.faults = sorted(set(export.faults))
    return export
