import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from cli.app import app
from models.intent.labelled_texts import suggest_labels
from models.intent.predict import IntentPrediction
from shopsight.contracts import INTENTS
from shopsight.labelled_texts import read_labels, write_suggestions
from shopsight.settings import Settings


def prediction(best: str, probability: float) -> IntentPrediction:
    rest = (1 - probability) / (len(INTENTS) - 1)
    shares = {label: probability if label == best else rest for label in INTENTS}
    return IntentPrediction(label=best, probabilities=shares, language="en", rejected=False)


def csv_of(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    return path


def asked_to_import(file: Path) -> Result:
    return CliRunner().invoke(app, ["label", "import", str(file), "--json"])


def imported(file: Path) -> dict[str, Any]:
    done: dict[str, Any] = json.loads(asked_to_import(file).stdout)
    return done


def test_labels_add_up_and_the_latest_word_counts(home: Settings, tmp_path: Path) -> None:
    first = imported(csv_of(tmp_path / "a.csv", "red shoes,search_product", "hm,", "does it fit?,other"))
    assert (first["added"], first["without_label"], first["held"]) == (2, 1, 2)
    second = imported(csv_of(tmp_path / "b.csv", "Does it fit,ask_question", "RED shoes!,search_product"))
    assert (second["added"], second["changed"], second["unchanged"], second["held"]) == (0, 1, 1, 2)
    stored = read_labels(home.labels_path)
    assert dict(zip(*(stored[name].to_pylist() for name in ("text", "label")), strict=True)) == {
        "RED shoes!": "search_product",
        "Does it fit": "ask_question",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\nred shoes,search_product\ndoes it fit,question\n", "line 3: 'question'"),
        ("text,label\n,other\n", "line 2: no text"),
        ("text,intent\na,b\n", "no column `label`"),
        (None, "cannot read"),
    ],
)
def test_one_wrong_line_leaves_everything_as_it_was_and_is_named(
    home: Settings, tmp_path: Path, content: str | None, message: str
) -> None:
    file = tmp_path / "labels.csv"
    if content is not None:
        file.write_text(content)
    refused = asked_to_import(file)
    assert refused.exit_code == 1
    assert message in refused.stderr
    assert not home.labels_path.exists()


@pytest.mark.usefixtures("home")
def test_the_least_sure_texts_come_first_each_once_and_without_those_that_are_known(tmp_path: Path) -> None:
    surety = {"red shoes": 0.9, "fits me": 0.4, "hello": 0.6}
    texts = ["red shoes", "Fits me!", "fits me", "hello", "known text", "said by the shop", None]
    utterances = pa.table({"text": texts, "label_source": [*["channel"] * 5, "shop", "channel"]})
    suggestions = suggest_labels(
        utterances,
        pa.table({"text": ["Known text."], "label": ["other"]}),
        lambda texts: [prediction("other", surety.get(text.casefold().strip("!"), 0.05)) for text in texts],
        count=2,
    )
    assert [one.text.casefold().strip("!") for one in suggestions] == ["fits me", "hello"]
    assert suggestions[0].margin == pytest.approx(0.4 - 0.15)
    write_suggestions(tmp_path / "out" / "s.csv", suggestions)
    with (tmp_path / "out" / "s.csv").open() as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["", ""]
    filled = (tmp_path / "out" / "s.csv").read_text().replace("hello,,", "hello,other,")
    (tmp_path / "filled.csv").write_text(filled)
    done = imported(tmp_path / "filled.csv")
    assert (done["added"], done["without_label"]) == (1, 1)
