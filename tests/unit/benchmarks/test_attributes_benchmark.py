"""The benchmark of attributes: what it takes for right, and that the rules hold what the sample shop plants."""

import numpy as np
import pytest

from benchmarks.attributes import Case, figures, outcomes, query_cases, title_cases
from models.intent.attributes import TextAttributes
from shopsight.sample_shop.catalogue import Catalogue, build_catalogue, category
from shopsight.sample_shop.config import SIZES


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return build_catalogue(SIZES["tiny"], np.random.default_rng(3))


@pytest.fixture(scope="module")
def attributes(catalogue: Catalogue) -> TextAttributes:
    return TextAttributes(categories=[category(int(leaf)) for leaf in catalogue.leaf_I], brands=catalogue.brands)


def test_right_found_and_there_are_counted_apart(attributes: TextAttributes) -> None:
    def case(text: str, price: tuple[float | None, float | None] | None) -> Case:
        return Case(text, {"price": price, "excluded": [], "colour": None})

    cases = [case("under 80", (None, 80)), case("over 80", (None, 80)), case("a tent", (None, 80)), case("tent", None)]
    counts = outcomes(attributes, cases, "price")
    assert counts.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]], "a bound on the wrong side is wrong"
    report = figures(counts, seed=1)
    assert (report["precision"]["value"], report["recall"]["value"]) == (0.5, 0.3333)
    assert figures(outcomes(attributes, cases, "colour"), seed=1)["recall"] is None


def test_the_planted_attributes_of_queries_and_titles_are_found(
    catalogue: Catalogue, attributes: TextAttributes
) -> None:
    queries = query_cases(catalogue, count=200, seed=5)
    for cases, kinds in (
        (queries["en"], ("category", "brand", "colour", "price", "excluded")),
        (queries["zh"], ("brand", "colour", "price", "excluded")),
        (title_cases(catalogue), ("category", "brand", "colour", "material")),
    ):
        for kind in kinds:
            right, predicted, there = outcomes(attributes, cases, kind).sum(axis=0)
            assert right >= 0.9 * max(predicted, there), kind
    assert any(case.truth["excluded"] for case in queries["en"])
