"""A slice of `make campaign-edge`: two services over sockets, and the defects that each check must see."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge.described import client_of, schemathesis
from edge.fuzz import fuzz
from edge.load import capacity, overload
from edge.poison import POISONS, SIZE, poisoned_batches
from edge.requests import KINDS, draw, draw_honest
from toy_services import toy_services

SEED = 7


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    with toy_services(tmp_path_factory.mktemp("home"), ["recommender", "intent", "collector"]) as ports:
        yield ports


@pytest.mark.parametrize("family", ["recommender", pytest.param("intent", marks=pytest.mark.slow), "collector"])
def test_every_connection_is_answered_with_no_5xx_and_every_error_is_a_problem_document(
    ports: dict[str, int], family: str
) -> None:
    findings = asyncio.run(fuzz(ports[family], family, seed=SEED, count=120))
    assert findings.faults == {}
    assert {"202" if family == "collector" else "200", "400", "404", "405", "408", "422"} <= findings.statuses.keys()


@pytest.mark.parametrize(
    ("defect", "fault"),
    [
        ("server errors", "an answer of 5xx"),
        pytest.param("server errors", "a traceback", marks=pytest.mark.slow),
        pytest.param("server errors", "open to other origins", marks=pytest.mark.slow),
        ("silence", "a connection without an answer"),
        pytest.param("plain errors", "an error that is no problem document", marks=pytest.mark.slow),
    ],
)
def test_the_fuzz_sees_a_defect_that_is_planted(ports: dict[str, int], defect: str, fault: str) -> None:
    findings = asyncio.run(fuzz(ports["intent"], "intent", seed=SEED, count=20, marker=defect, patience=2))
    assert fault in findings.faults


def test_a_drawn_attempt_is_the_same_whenever_it_is_drawn_and_every_kind_is_drawn() -> None:

    drawn = [draw(random.Random(n), "intent") for n in range(100)]
    assert drawn == [draw(random.Random(n), "intent") for n in range(100)]
    assert {attempt.kind for attempt in drawn} == set(KINDS)


@pytest.mark.parametrize("family", ["recommender", "intent", "collector"])
def test_one_bad_element_costs_no_good_one(ports: dict[str, int], family: str) -> None:
    tally = poisoned_batches(ports[family], family, seed=SEED, count=1)
    assert tally == {"batches": len(POISONS), "good elements": len(POISONS) * (SIZE - 1), "spoilt": 0}


def test_a_batch_that_one_element_spoils_is_seen(ports: dict[str, int]) -> None:
    assert poisoned_batches(ports["intent"], "intent", seed=SEED, count=1, marker="whole batches")["spoilt"] > 0


@pytest.mark.slow
def test_schemathesis_finds_nothing_and_would_find_an_answer_that_is_not_described(ports: dict[str, int]) -> None:
    assert {name: schemathesis(port, seconds=5, seed=SEED) for name, port in ports.items()} == dict.fromkeys(ports, "")
    assert "unique failures" in schemathesis(ports["intent"], seconds=5, seed=SEED, marker="plain errors")


@pytest.mark.slow
def test_a_service_under_three_times_its_load_refuses_and_answers_on(ports: dict[str, int]) -> None:
    """The campaign asks for four fifths; beside other tests of this machine a third shows a collapse."""
    request = draw_honest("recommender")

    async def loads() -> tuple[float, float, set[str]]:
        before = await capacity(ports["recommender"], request, seconds=1.5)
        under = await overload(ports["recommender"], request, per_second=3 * before.goodput, seconds=3)
        after = await capacity(ports["recommender"], request, seconds=1.5)
        return (before.goodput + after.goodput) / 2, under.goodput, set(under.statuses)

    capable, good, statuses = asyncio.run(loads())
    assert statuses == {"200", "429"}
    assert good > capable / 3


@pytest.mark.slow
def test_a_generated_client_of_each_service_works(tmp_path: Path) -> None:
    with toy_services(tmp_path) as ports:
        assert {family: client_of(port, family, tmp_path) for family, port in ports.items()} == dict.fromkeys(ports, "")
