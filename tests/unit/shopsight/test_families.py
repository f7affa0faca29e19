"""The records of the families: what each names is there."""

import inspect
from pathlib import Path

import pytest

from shopsight.contracts import EXPORTED_MARTS
from shopsight.families import FAMILIES, Family, resolve
from shopsight.settings import REPO_ROOT, Settings

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")  # in BentoML itself


@pytest.fixture(params=FAMILIES.values(), ids=lambda family: family.name)
def family(request: pytest.FixtureRequest) -> Family:
    record: Family = request.param
    return record


def test_every_import_string_of_a_record_is_resolved(family: Family) -> None:
    assert resolve(family.service).name == family.bento
    assert callable(resolve(family.predictor).load)
    assert "size" in inspect.signature(resolve(family.config)).parameters
    assert "out_dir" in inspect.signature(resolve(family.train)).parameters
    watched = resolve(family.drift_columns)
    assert callable(watched.watched)
    assert watched.WATCHED_COLUMNS.numerical


def test_a_training_set_of_one_table_is_made_of_exported_marts_and_named_columns(family: Family) -> None:
    training = family.training
    if training is None:
        return
    assert {training.labels, *training.marts, *training.beside} <= set(EXPORTED_MARTS)
    assert all(isinstance(name, str) for names in family.features.values() for name in names)
    assert all(resolve(columns) for _, columns in training.beside.values())


def test_a_family_has_one_name_for_its_rooms_and_its_code(family: Family) -> None:
    for room in ("models", "serving"):
        assert Path(REPO_ROOT, room, family.name).is_dir()
    assert family.service.startswith(f"serving.{family.name}.")
    for reference in (family.predictor, family.config, family.train, family.drift_columns):
        assert reference.startswith(f"models.{family.name}.")


def test_no_two_families_share_a_bento_or_a_port() -> None:
    settings = Settings()
    assert len({family.bento for family in FAMILIES.values()}) == len(FAMILIES)
    assert len({family.port(settings) for family in FAMILIES.values()}) == len(FAMILIES)
