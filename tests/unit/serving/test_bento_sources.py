"""Which code a Bento carries: its own family's and what all share, and nothing of another family."""

import pytest
import yaml

from serving.packaging.bento import list_bentos, source_files
from shopsight.families import FAMILIES
from shopsight.settings import REPO_ROOT, Settings


@pytest.mark.parametrize("name", FAMILIES)
def test_a_bento_carries_its_own_family_and_the_rooms_that_all_share(name: str) -> None:
    folders = {path.relative_to(REPO_ROOT).parts[:2] for path in source_files(FAMILIES[name])}
    rooms = {parts[1] for parts in folders if parts[0] == "models"}
    assert {name, "evaluation", "registry", "tabular", "text"} <= rooms
    assert rooms.isdisjoint(set(FAMILIES) - {name})
    assert {parts[1] for parts in folders if parts[0] == "serving"}.isdisjoint(set(FAMILIES) - {name})


def test_the_store_lists_the_families_bentos_newest_first_and_no_bento_of_anybody_else(home: Settings) -> None:
    for name, family, version, hour in (
        ("shopsight_churn", "churn", "v0001", 9),
        ("shopsight_churn", "churn", "v0002", 12),
        ("shopsight_intent", "intent", "v0001", 10),
        ("own", "own", "v0001", 11),
    ):
        folder = home.bentoml_dir / "bentos" / name / f"{version}-{hour}"
        folder.mkdir(parents=True)
        labels = {"family": family, "model_version": version}
        info = {"name": name, "version": folder.name, "labels": labels}
        created = f"2026-01-05 {hour:02}:00:00.000000"
        (folder / "bento.yaml").write_text(yaml.safe_dump(info) + f"creation_time: '{created}'\n")
    listed = [(bento.family, bento.model_version) for bento in list_bentos(home)]
    assert listed == [("churn", "v0002"), ("intent", "v0001"), ("churn", "v0001")]
