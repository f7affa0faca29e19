"""A small shop that is searched."""

import pyarrow as pa
import pytest
from search_shop import engine_of, items_table

from models.search.predict import SearchEngine


@pytest.fixture(scope="session")
def items() -> pa.Table:
    return items_table()


@pytest.fixture(scope="session")
def engine(items: pa.Table) -> SearchEngine:
    return engine_of(items)
