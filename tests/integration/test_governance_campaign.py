"""A slice of the campaign against the registry's rules and files; `make campaign-governance` runs it in full."""

import pytest
from governance.campaign import campaign
from governance.defects import DEFECTS, IN_SEQUENCES, planted


def test_random_decisions_reach_no_illegal_state_and_mutations_are_noticed() -> None:
    tally = campaign(sequences=12, mutations=250, seed=1)
    assert tally.is_right, tally.faults
    assert tally.actions["approve"] > 5
    assert len(tally.mutations) == 8, "every kind of mutation was tried"


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS)
def test_every_planted_defect_turns_the_campaign_red(defect: str) -> None:
    with planted(defect):
        assert not campaign(sequences=60, mutations=200, seed=7).is_right


@pytest.mark.parametrize("defect", ["anybody-decides", "no-witness", "cards-are-not-proved", "decided-twice"])
def test_a_planted_defect_turns_a_slice_of_the_campaign_red(defect: str) -> None:
    with planted(defect):
        assert not campaign(
            sequences=8 if defect in (*IN_SEQUENCES, "anybody-decides") else 0, mutations=120, seed=7
        ).is_right
