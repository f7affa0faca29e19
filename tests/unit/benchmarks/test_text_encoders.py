"""The benchmark of sentence encoders: what it asks, and what counts as an answer."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.text_encoders import judged_task, ndcg, shop_tasks, tagged_task


def test_the_shop_is_asked_for_the_same_things_in_both_languages() -> None:
    tasks = shop_tasks(size="tiny", queries=20, seed=1)
    english, chinese = tasks["sample_shop_en"], tasks["sample_shop_zh"]
    assert len(english.queries) == len(chinese.queries) == 20
    assert english.titles == chinese.titles
    assert (english.gains_QN == chinese.gains_QN).all()
    assert (english.gains_QN.max(axis=1) == 3).all(), "each wish is of an item that is there"


def test_a_better_title_in_front_is_worth_more() -> None:
    gains = np.array([[3.0, 1.0, 0.0]])
    best, worse, worst = (ndcg(np.array([scores]), gains)[0] for scores in ([3, 2, 1], [2, 3, 1], [1, 2, 3]))
    assert best == pytest.approx(1.0)
    assert best > worse > worst > 0


def test_a_title_that_nobody_judged_for_a_query_gains_nothing(tmp_path: Path) -> None:
    file = tmp_path / "judged.csv"
    file.write_text("search_term,product_title,relevance\nlamp,Desk lamp,3\nrug,Wool rug,2.5\nrug,Door mat,1\n")
    task = judged_task(file, queries=5, seed=1)
    assert task.gains_QN[task.queries.index("rug"), task.titles.index("Wool rug")] == 1.5
    assert task.gains_QN[task.queries.index("rug"), task.titles.index("Desk lamp")] == 0


def test_a_chinese_query_is_what_a_title_names(tmp_path: Path) -> None:
    file = tmp_path / "tagged.txt"
    file.write_text("新 O\n款 O\n红 O\n色 O\n跑 B-HCCX\n鞋 I-HCCX\n\n好 O\n")
    task = tagged_task(file, titles=5, seed=1)
    assert (task.queries, task.titles) == (["跑鞋"], ["新款红色跑鞋"])
