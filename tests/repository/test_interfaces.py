"""What clients of the services rely on; `python tests/support/interfaces.py` writes a change down that is meant."""

import pytest
from interfaces import described, snapshot

from shopsight.families import FAMILIES

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")  # in BentoML itself


@pytest.mark.parametrize("family", FAMILIES)
def test_the_routes_and_schemas_of_a_service_are_those_of_its_snapshot(family: str) -> None:
    record = FAMILIES[family]
    assert described(record) == snapshot(record).read_text()
