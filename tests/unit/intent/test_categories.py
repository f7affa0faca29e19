"""Categories for items that have none: what the most alike items are in, and how far that can be trusted."""

import csv

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.intent.categories import suggest_categories
from shopsight.sample_shop.catalogue import Catalogue, build_catalogue, category
from shopsight.sample_shop.config import SIZES
from shopsight.settings import Settings


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return build_catalogue(SIZES["tiny"], np.random.default_rng(3))


def test_items_of_the_sample_shop_get_back_the_category_that_was_taken_from_them(catalogue: Catalogue) -> None:
    texts = [f"{title} {about}" for title, about in zip(catalogue.titles, catalogue.descriptions, strict=True)]
    truth = [category(int(leaf)) for leaf in catalogue.leaf_I]
    taken = set(np.random.default_rng(1).permutation(len(truth))[: len(truth) // 5].tolist())
    suggestions = suggest_categories(texts, [None if n in taken else name for n, name in enumerate(truth)], seed=7)
    assert {place for place, _ in suggestions.rows} <= taken
    assert len(suggestions.rows) + suggestions.unsure == len(taken)
    assert len(suggestions.rows) > 0.7 * len(taken)
    right = [vote.category == truth[place] for place, vote in suggestions.rows]
    assert np.mean(right) >= 0.9
    assert suggestions.precision is not None
    assert suggestions.precision.low <= np.mean(right) + 0.05, "what was measured holds for what was suggested"
    for place, vote in suggestions.rows:
        assert vote.nearest not in taken
        assert truth[vote.nearest] == vote.category
        assert vote.share >= suggestions.min_share, (place, vote)


def test_where_texts_say_nothing_of_the_category_hardly_anything_is_suggested(catalogue: Catalogue) -> None:
    rng = np.random.default_rng(5)
    names = [f"c{n}" for n in rng.integers(0, 8, len(catalogue.titles))]
    suggestions = suggest_categories(catalogue.titles, [None, *names[1:]], seed=7)
    assert suggestions.coverage is not None
    assert suggestions.coverage.value < 0.1


def test_a_shop_without_categories_or_with_all_of_them_gets_no_suggestions() -> None:
    nothing = suggest_categories(["red shoes"] * 30, [None] * 30, seed=1)
    assert (nothing.rows, nothing.unsure, nothing.precision) == ([], 30, None)
    texts = [f"{word} {n}" for n in range(20) for word in ("shoes", "mugs")]
    everything = suggest_categories(texts, [text.split()[0] for text in texts], seed=1)
    assert (everything.rows, everything.unsure) == ([], 0)
    assert suggest_categories([], [], seed=1).rows == []
    assert suggest_categories([*texts, None, ""], [*(text.split()[0] for text in texts), None, None], seed=1).rows == []


def test_people_get_a_file_of_suggestions_with_the_item_that_each_follows_from(
    home: Settings, catalogue: Catalogue
) -> None:
    from orchestration.defs.insights.assets import category_suggestions

    items = catalogue.table(SIZES["tiny"]).select(["item_id", "title", "description", "category"]).to_pylist()
    items[5]["category"] = None
    home.exports_dir.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(items), home.exports_dir / "items.parquet")
    result = dg.materialize([category_suggestions], resources={"settings": home})
    metadata = result.asset_materializations_for_node("category_suggestions")[0].metadata
    with (home.reports_dir / "category_suggestions.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["item_id"] == items[5]["item_id"]
    assert row["suggested_category"] == category(int(catalogue.leaf_I[5]))
    assert {i["item_id"]: i["category"] for i in items}[row["most_alike_item"]] == row["suggested_category"]
    assert metadata["dagster/row_count"].value == 1
    assert metadata["interval/precision/low"].value <= metadata["metric/precision"].value


def test_a_chinese_title_finds_its_like() -> None:
    texts = [f"{word}{n}" for n in "甲乙丙丁戊己庚辛壬癸子丑" for word in ("红色跑步鞋", "蓝色咖啡杯")]
    names = ["鞋" if "鞋" in text else "杯" for text in texts]
    suggestions = suggest_categories([*texts, "白色跑步鞋新款"], [*names, None], seed=1)
    assert [vote.category for _, vote in suggestions.rows] == ["鞋"]
