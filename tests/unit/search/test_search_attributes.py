"""Attributes come from the knowledge graph's edges, and survive the model's folder."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from models.search.attributes import item_attributes, with_attributes
from models.search.predict import SearchEngine
from models.search.train import write_catalogue


def test_edges_of_an_item_become_its_attributes_and_an_item_without_any_has_none() -> None:
    items = pa.table({"item_id": ["i1", "i2"]})
    edges = pa.table(
        {
            "source_id": ["item:i1", "item:i1", "item:i1"],
            "relation": ["has_attribute", "has_attribute", "of_brand"],
            "target_id": ["attribute:colour=Blue", "attribute:fit=a=b", "brand:Nike"],
        }
    )
    assert item_attributes(with_attributes(items, edges)) == [{"colour": ["Blue"], "fit": ["a=b"]}, {}]


def test_a_loaded_engine_has_the_attributes_that_it_was_saved_with(
    engine: SearchEngine, items: pa.Table, tmp_path: Path
) -> None:
    engine.save(tmp_path)
    write_catalogue(tmp_path, items, np.zeros((items.num_rows, 2)))
    assert SearchEngine.load(tmp_path, encoder=engine.encoder).attributes == engine.attributes
    assert engine.attributes[0] == {"colour": ["Blue"], "size": ["1", "all"]}
