from pathlib import Path

import pytest

from models.intent.labelled_texts import import_labels, read_labels, suggest_labels, write_suggestions
from models.intent.predict import IntentPrediction
from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError


def prediction(best: str, probability: float) -> IntentPrediction:
    rest = (1 - probability) / (len(INTENTS) - 1)
    shares = {label: probability if label == best else rest for label in INTENTS}
    return IntentPrediction(label=best, probabilities=shares, language="en")


def csv_of(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    return path


def test_labels_add_up_and_the_latest_word_counts(tmp_path: Path) -> None:
    target = tmp_path / "labels.parquet"
    first = import_labels(csv_of(tmp_path / "a.csv", "red shoes,search_product", "hm,", "does it fit?,other"), target)
    assert (first.added, first.without_label, first.held) == (2, 1, 2)
    second = import_labels(csv_of(tmp_path / "b.csv", "Does it fit,ask_question", "RED shoes!,search_product"), target)
    assert (second.added, second.changed, second.unchanged, second.held) == (0, 1, 1, 2)
    assert dict(zip(*(read_labels(target)[name].to_pylist() for name in ("text", "label")), strict=True)) == {
        "RED shoes!": "search_product",
        "Does it fit": "ask_question",
    }


def test_one_wrong_label_leaves_everything_as_it_was_and_is_named_with_its_line(tmp_path: Path) -> None:
    target = tmp_path / "labels.parquet"
    with pytest.raises(ShopsightError) as caught:
        import_labels(csv_of(tmp_path / "a.csv", "red shoes,search_product", "does it fit,question"), target)
    assert "line 3: 'question'" in caught.value.why
    assert not target.exists()
    (tmp_path / "c.csv").write_text("text,intent\na,b\n")
    with pytest.raises(ShopsightError, match="no column `label`"):
        import_labels(tmp_path / "c.csv", target)
    with pytest.raises(ShopsightError, match="cannot read"):
        import_labels(tmp_path / "absent.csv", target)


def test_the_least_sure_texts_come_first_each_once_and_without_those_that_are_known(tmp_path: Path) -> None:
    surety = {"red shoes": 0.9, "fits me": 0.4, "hello": 0.6}
    found = suggest_labels(
        ["red shoes", "Fits me!", "fits me", "hello", "known text", ""],
        ["Known text."],
        lambda texts: [prediction("other", surety.get(text.casefold().strip("!"), 0.99)) for text in texts],
        count=2,
    )
    assert [one.text.casefold().strip("!") for one in found] == ["fits me", "hello"]
    assert found[0].margin == pytest.approx(0.4 - 0.15)
    write_suggestions(found, tmp_path / "out" / "s.csv")
    filled = (tmp_path / "out" / "s.csv").read_text().replace("hello,,", "hello,other,")
    (tmp_path / "filled.csv").write_text(filled)
    done = import_labels(tmp_path / "filled.csv", tmp_path / "labels.parquet")
    assert (done.added, done.without_label) == (1, 1)
