"""The benchmark of text intent: which texts may be learnt from, and what a bad file is told."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.intent import folds_of_sources, mean_of, measure, read_texts
from shopsight.contracts import INTENTS
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


def test_texts_out_of_scope_are_ranked_by_the_probability_of_other() -> None:
    def row(label: str, source: str) -> dict[str, str]:
        return {"text": "x", "label": label, "source": source, "lang": "en"}

    rows = [row("other", "bank"), row("other", "chat"), row("search_product", "shop"), row("search_product", "shop")]
    of_other = np.array([0.9, 0.4, 0.5, 0.1])
    probabilities = np.zeros((4, len(INTENTS)))
    probabilities[:, INTENTS.index("other")], probabilities[:, INTENTS.index("search_product")] = of_other, 1 - of_other
    report = measure(probabilities, np.array([False, True, False, False]), rows, seed=1)
    assert report["oos_auroc_per_source"] == {"bank": 1.0, "chat": 0.5}
    assert report["oos_auroc"] == 0.75
    assert report["intervals"]["oos_auroc"][0] <= 0.75 <= report["intervals"]["oos_auroc"][1]
    assert (report["coverage"], report["answer_precision"]) == (0.75, 1.0), "the rejected text is not counted as wrong"
    assert measure(probabilities[2:], np.array([False, False]), rows[2:], seed=1)["oos_auroc"] is None


@pytest.mark.parametrize(
    ("content", "named"), [("text\nred\n", "label"), ("text,label\nred,buy_now\n", "buy_now"), ("", "label, text")]
)
def test_a_file_that_cannot_be_measured_says_why(tmp_path: Path, content: str, named: str) -> None:
    file = tmp_path / "texts.csv"
    file.write_text(content)
    with pytest.raises(ShopsightError, match=named):
        read_texts(file)
