"""The benchmark's script is held to the marts that dbt makes."""

from pathlib import Path

import pytest

from benchmarks.warehouse import measure


@pytest.mark.slow
def test_the_hand_written_script_makes_the_same_marts(tmp_path: Path) -> None:
    figures = measure(20_000, tmp_path)
    assert figures["unequal_marts"] == []
    one_day = figures["one_day"]
    assert isinstance(one_day, dict)
    assert one_day["database_seconds"] > 0
