"""The benchmark of text intent: which texts may be learnt from, and what a bad file is told."""

from pathlib import Path

import pytest

from benchmarks.intent import folds_of_sources, mean_of, read_texts
from shopsight.errors import ShopsightError


def test_a_fold_holds_whole_sources_and_at_most_one_of_each_label() -> None:
    rows = [
        {"label": label, "source": source}
        for label, source in (("other", "a"), ("other", "b"), ("search_product", "c"), ("search_product", "c"))
    ]
    folds = [fold.tolist() for fold in folds_of_sources(rows)]
    assert folds == [[True, False, True, True], [False, True, False, False]]


def test_the_mean_of_several_runs_keeps_their_shape() -> None:
    runs = [{"macro_f1": 0.5, "per_source": {"a": {"cases": 3}}}, {"macro_f1": 0.7, "per_source": {"a": {"cases": 3}}}]
    assert mean_of(runs) == {"macro_f1": 0.6, "per_source": {"a": {"cases": 3}}}


def test_a_file_without_sources_and_languages_is_read_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "texts.csv"
    file.write_text("text,label\nred shoes,search_product\n质量很好,leave_review\n")
    rows = read_texts(file)
    assert [(row["source"], row["lang"]) for row in rows] == [("unknown", "en"), ("unknown", "zh")]


@pytest.mark.parametrize(
    ("content", "named"), [("text\nred\n", "label"), ("text,label\nred,buy_now\n", "buy_now"), ("", "label, text")]
)
def test_a_file_that_cannot_be_measured_says_why(tmp_path: Path, content: str, named: str) -> None:
    file = tmp_path / "texts.csv"
    file.write_text(content)
    with pytest.raises(ShopsightError, match=named):
        read_texts(file)
