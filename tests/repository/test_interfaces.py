"""What clients of the services rely on; `python tests/support/interfaces.py` writes a change down that is meant."""

import json

import pytest
from interfaces import described, snapshot

from cli.demo import first_call
from shopsight.families import FAMILIES, SERVICES, Family
from shopsight.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")  # in BentoML itself


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    return FAMILIES[request.param]


@pytest.mark.parametrize("name", SERVICES)
def test_the_routes_and_schemas_of_a_service_are_those_of_its_snapshot(name: str) -> None:
    assert described(name) == snapshot(name).read_text()


def test_the_first_call_of_the_demo_is_one_that_its_service_describes(family: Family) -> None:
    call = first_call(Settings(), family, "maya")
    paths = json.loads(snapshot(family.name).read_text())["paths"]
    route = family.route if family.route in paths else family.route.replace(family.name, "{task}")
    schema = paths[route]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/")[-1]
    fields = json.loads(snapshot(family.name).read_text())["components"]["schemas"][schema]
    assert set(call.body) <= set(fields["properties"])
    assert set(fields.get("required", ())) <= set(call.body)
    assert "{shopper}" not in json.dumps(call.body)
    assert call.url.endswith(f":{family.port(Settings())}{family.route}")
