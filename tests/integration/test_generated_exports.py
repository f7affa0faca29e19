"""Exports of every format, generated from a shop of which all is known, come out right or are refused with a reason."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from generated_exports.campaign import Judged, judged_together, summary
from generated_exports.drawing import FORMATS, export_of
from generated_exports.exports import Export, TrueOrder
from generated_exports.known_shop import Person

SEEDS = range(30)
"""Two exports of each format; ``make campaign-exports`` tries 2,000."""


def a_cent_more(export: Export) -> None:
    first = next(iter(export.truth.orders.values()))
    bought = next(row for row in first.rows if row["event_name"] == "purchase")
    bought["value"] += Decimal("0.01")


def of_somebody_else(export: Export) -> None:
    number, first = next(iter(export.truth.orders.items()))
    export.truth.orders[number] = TrueOrder(rows=first.rows, person=Person(user="somebody else"))


def one_order_more(export: Export) -> None:
    first = next(iter(export.truth.orders.values()))
    export.truth.orders["never seen"] = first


LIES: dict[int, Callable[[Export], None]] = {1000: a_cent_more, 1005: of_somebody_else, 1010: one_order_more}
"""Exports whose truth is changed, which must be noticed."""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Judged]:
    exports = [(seed, export_of(seed)) for seed in [*SEEDS, *LIES]]
    for seed, export in exports:
        LIES.get(seed, lambda _: None)(export)
    return {one.seed: one for one in judged_together(exports, tmp_path_factory.mktemp("exports"))}


def test_no_generated_export_is_silently_wrong(judged: dict[int, Judged]) -> None:
    slice_of_all = [judged[seed] for seed in SEEDS]
    assert {one.export.format_name for one in slice_of_all} == set(FORMATS)
    assert not [one.seed for one in slice_of_all if one.verdict.kind == "silently wrong"], summary(slice_of_all)


def test_nearly_all_generated_exports_are_right_and_not_refused(judged: dict[int, Judged]) -> None:
    kinds = [judged[seed].verdict.kind for seed in SEEDS]
    assert kinds.count("right") >= 0.9 * len(kinds)


@pytest.mark.parametrize("seed", LIES)
def test_an_export_that_lands_other_than_the_truth_is_noticed(judged: dict[int, Judged], seed: int) -> None:
    assert judged[seed].verdict.kind == "silently wrong"


def test_a_seed_gives_the_same_export_again() -> None:
    for seed in SEEDS:
        first, second = export_of(seed), export_of(seed)
        assert [delivery.files.keys() for delivery in first.deliveries] == [
            delivery.files.keys() for delivery in second.deliveries
        ]
        assert (first.truth, first.faults) == (second.truth, second.faults)
