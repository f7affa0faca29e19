"""Groups are written with each run, and a shopper's group keeps its number."""

import dagster as dg
import pyarrow.parquet as pq
import pytest
from asked_shop import asked_shop

from models.grouping.report import SCHEMA
from orchestration.defs.scoring.groups import MARTS, user_groups
from shopsight.marts import export_path, read_mart
from shopsight.settings import Settings


def shop_of(home: Settings, shoppers: int) -> None:
    """Write the marts of a shop."""
    home.exports_dir.mkdir(parents=True, exist_ok=True)
    marts = asked_shop(shoppers=shoppers)
    for name in MARTS:
        pq.write_table(marts.sql(f"from {name}").to_arrow_table(), export_path(home, name))


def run(home: Settings) -> None:
    user_groups(dg.build_asset_context(), settings=home)


def test_a_group_keeps_its_number_from_run_to_run(home: Settings) -> None:
    shop_of(home, 600)
    run(home)
    first = read_mart(home, "user_groups")
    assert first.schema.equals(SCHEMA)
    assert first.num_rows > 200
    assert home.groups_path.exists()
    numbers = home.groups_path.read_text()
    run(home)
    assert read_mart(home, "user_groups").equals(first)
    assert home.groups_path.read_text() == numbers


@pytest.mark.parametrize("shoppers", [20])
def test_a_shop_of_few_shoppers_has_an_empty_table(home: Settings, shoppers: int) -> None:
    shop_of(home, shoppers)
    run(home)
    assert read_mart(home, "user_groups").equals(SCHEMA.empty_table())
    assert not home.groups_path.exists()
