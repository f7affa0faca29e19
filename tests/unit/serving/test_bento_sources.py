"""Which code a Bento carries: its own family's and what all share, and nothing of another family."""

import pytest

from serving.packaging.bento import source_files
from shopsight.families import FAMILIES
from shopsight.settings import REPO_ROOT


@pytest.mark.parametrize("name", FAMILIES)
def test_a_bento_carries_its_own_family_and_the_rooms_that_all_share(name: str) -> None:
    folders = {path.relative_to(REPO_ROOT).parts[:2] for path in source_files(FAMILIES[name])}
    rooms = {parts[1] for parts in folders if parts[0] == "models"}
    assert {name, "evaluation", "registry", "tabular", "text"} <= rooms
    assert rooms.isdisjoint(set(FAMILIES) - {name})
    assert {parts[1] for parts in folders if parts[0] == "serving"}.isdisjoint(set(FAMILIES) - {name})
