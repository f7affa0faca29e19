"""Every mart says of a small shop with everything in it what plain Python says of the same rows, value for value."""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pytest
from mart_oracle.log import Log
from oracle_shop import DBT_VARIABLES, ORACLES, built_rows, expected_rows, land_shop, open_marts

from shopsight.marts import mart_names
from shopsight.settings import Settings, prepare_environment
from shopsight.warehouse import run_dbt

HELD_ELSEWHERE = {"unconverted_revenue"}
"""Marts of which another module's oracle says what they hold: test_dbt_money."""


@dataclass(frozen=True)
class Shop:
    """A built warehouse and the log that it was built from."""

    log: Log
    settings: Settings
    marts: duckdb.DuckDBPyConnection


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    settings = Settings(home=tmp_path_factory.mktemp("oracle") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_HOME", str(settings.home))
        prepare_environment(settings)
        log = land_shop(settings)
        run_dbt(settings, "run", "--no-write-json", *DBT_VARIABLES)
        with open_marts(settings) as marts:
            yield Shop(log, settings, marts)


@pytest.mark.parametrize("mart", ORACLES)
def test_a_mart_is_what_its_rows_add_up_to(shop: Shop, mart: str) -> None:
    expected = expected_rows(shop.log, mart)
    built = built_rows(shop.marts, mart, list(expected[0]))
    differing = [pair for pair in zip(built, expected, strict=False) if pair[0] != pair[1]]
    assert len(built) == len(expected)
    assert differing == []


@pytest.mark.parametrize(
    ("mart", "column", "values"),
    [
        ("users", "segment", "at_risk bot champion dormant_visitor lost loyal new_customer not_profiled prospect"),
        ("users", "consent", "analytics_only granted none"),
        ("rfm", "life_cycle_stage", "at_risk champion hibernating lost loyal new promising"),
        *(("rfm", f"{score}_score", "1.0 2.0 3.0 4.0 5.0") for score in ("recency", "frequency", "monetary")),
        ("identities", "status", "linked shared unknown"),
        ("utterances", "channel", "agent question review search"),
        ("utterances", "label_source", "channel shop"),
        ("price_history", "list_price_source", "catalogue events"),
        ("placement_performance", "kind", "list promotion"),
        ("funnel_daily", "is_complete", "False True"),
        ("sessions", "is_bounce", "False True"),
        ("session_labels", "purchased", "False True"),
        ("session_state_features", "is_checked_out", "False True"),
    ],
)
def test_the_shop_has_every_value_that_a_rule_can_give(shop: Shop, mart: str, column: str, values: str) -> None:
    assert sorted({str(row[column]) for row in expected_rows(shop.log, mart)}) == values.split()


def test_a_fifth_of_the_customers_ends_exactly_at_one_of_them(shop: Shop) -> None:
    assert len(expected_rows(shop.log, "rfm")) % 5 == 1


def test_every_column_of_every_exported_mart_has_an_oracle(shop: Shop) -> None:
    exported = set(mart_names(shop.settings))
    assert exported - ORACLES.keys() == HELD_ELSEWHERE
    for mart in ORACLES:
        columns = {name for name, *_ in shop.marts.execute(f"describe {mart}").fetchall()}
        assert columns == expected_rows(shop.log, mart)[0].keys(), mart
