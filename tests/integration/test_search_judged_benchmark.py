"""Judged queries of a file, measured by the product's features and trees; what cannot be split is refused."""

import csv
import random
from pathlib import Path

import pytest

from benchmarks.search.judged import measure
from shopsight.errors import ShopsightError

NOUNS, COLOURS = ("跑鞋", "手机壳", "咖啡杯", "耳机", "睡袋"), ("黑色", "红色", "蓝色", "白色")


def write(path: Path, queries: int) -> Path:
    rng = random.Random(1)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["search_term", "product_title", "relevance"])
        for number in range(queries):
            noun, colour = rng.choice(NOUNS), rng.choice(COLOURS)
            for brand in range(6):
                other, shade = rng.choice([noun, *NOUNS]), rng.choice(COLOURS)
                relevance = 1 + (other == noun) + (other == noun and shade == colour)
                rows.writerow([f"{colour}{noun} {number}", f"品牌{brand} {shade} {other}", relevance])
    return path


def test_chinese_queries_are_judged_beside_each_baseline_on_queries_that_taught_nothing(tmp_path: Path) -> None:
    figures = measure(write(tmp_path / "judged.csv", 60), encoder="use", seed=7, resamples=50)
    assert figures["languages"] == {"zh": 60}
    assert figures["queries"]["train"] > figures["queries"]["test"] > figures["queries"]["validation"]
    assert set(figures["baselines"]) == {"bm25", "word_overlap", "semantic"}
    assert figures["rmse"]["value"] < min(one["rmse"]["value"] for one in figures["baselines"].values())


def test_a_file_of_three_queries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShopsightError, match="too few judged queries"):
        measure(write(tmp_path / "judged.csv", 3), encoder="use", seed=7)
