"""Exports of every format, generated from a shop of which all is known, come out right or are refused with a reason."""

import copy
from collections.abc import Callable
from decimal import Decimal

import pytest
from generated_exports.campaign import Judged, landed_together, summary
from generated_exports.drawing import FORMATS, export_of
from generated_exports.exports import TrueOrder, Truth
from generated_exports.judging import Landed
from generated_exports.known_shop import Person

SEEDS = (15, 31, 242, 273, 289, 35, 291, 262, 128, 54, 205, 161, 27, 163, 239)
"""Of each format the export with the most faults among 300; ``make campaign-exports`` tries 2,000."""


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    return landed_together([(seed, export_of(seed)) for seed in SEEDS], tmp_path_factory.mktemp("exports"))


def test_generated_exports_are_right_or_refused_with_a_reason(landed: Landed) -> None:
    judged = [
        Judged(seed=seed, export=done.export, verdict=landed.verdict(seed)) for seed, done in landed.imported.items()
    ]
    assert {one.export.format_name for one in judged} == set(FORMATS)
    assert not [one.seed for one in judged if one.verdict.kind == "silently wrong"], summary(judged)
    assert sum(one.verdict.kind == "right" for one in judged) >= 0.8 * len(judged), summary(judged)


def a_cent_more(truth: Truth) -> None:
    first = next(iter(truth.orders.values()))
    bought = next(row for row in first.rows if row["event_name"] == "purchase")
    bought["value"] += Decimal("0.01")


def of_somebody_else(truth: Truth) -> None:
    number, first = next(iter(truth.orders.items()))
    truth.orders[number] = TrueOrder(rows=first.rows, person=Person(user="somebody else"))


def one_order_more(truth: Truth) -> None:
    truth.orders["never seen"] = next(iter(truth.orders.values()))


def one_order_less(truth: Truth) -> None:
    del truth.orders[next(iter(truth.orders))]


@pytest.mark.parametrize("lie", [a_cent_more, of_somebody_else, one_order_more, one_order_less])
@pytest.mark.parametrize("seed", [15, 289, 163])
def test_an_export_that_lands_other_than_the_truth_is_noticed(
    landed: Landed, seed: int, lie: Callable[[Truth], None]
) -> None:
    assert landed.verdict(seed).kind == "right"
    truth = copy.deepcopy(landed.imported[seed].export.truth)
    lie(truth)
    assert landed.verdict(seed, truth).kind == "silently wrong"


def test_a_seed_gives_the_same_export_again() -> None:
    for seed in SEEDS:
        first, second = export_of(seed), export_of(seed)
        assert [delivery.files.keys() for delivery in first.deliveries] == [
            delivery.files.keys() for delivery in second.deliveries
        ]
        assert (first.truth, first.faults) == (second.truth, second.faults)
