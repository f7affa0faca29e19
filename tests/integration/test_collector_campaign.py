"""A slice of the campaign that kills the collector and its landing; `make campaign-collector` runs it in full."""

from pathlib import Path

import pytest
from collector_kills.campaign import campaign
from collector_kills.victims import DEFECTS


def test_killed_anywhere_no_acknowledged_event_is_lost_and_none_is_there_twice(tmp_path: Path) -> None:
    tally = campaign(tmp_path, kills=3, seed=1)
    assert tally.acknowledged > 20
    assert tally.is_right, tally


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_turns_the_campaign_red(tmp_path: Path, defect: str) -> None:
    assert not campaign(tmp_path, kills=12, seed=1, defect=defect).is_right
