"""The dossier of a model: what it says, that every number in it is checked, and both of its languages."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cli.app import app
from models.evaluation.approval import DriftSummary, gate
from models.evaluation.bootstrap import Estimate
from models.evaluation.results import Evaluation
from models.registry.artefacts import ArtefactChangedError
from models.registry.journal import JournalBrokenError, JournalHead
from models.registry.registry import ModelRegistry, UnknownVersionError
from orchestration.papers import judged, papers_of
from serving.audit.dossier.check import check_dossier, compare
from serving.audit.dossier.content import dossier
from serving.audit.dossier.page import page
from serving.audit.dossier.wording import LANGUAGES, catalogue
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES, resolve
from shopsight.settings import Settings

MONDAY = datetime(2026, 1, 5, 12, tzinfo=UTC)
DRIFT = DriftSummary(state="no drift", detail="all columns are alike")


def around(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.0123, high=value + 0.0456)


def evaluation_of(family: str, figure: float) -> Evaluation:
    return Evaluation(
        family=family,
        candidate="transformer",
        primary_metric="ndcg@10",
        protocol="a test window of 3 days",
        cases=523,
        metrics={"ndcg@10": around(figure), "recall@10": around(0.71)},
        baselines={"popularity": {"ndcg@10": around(0.21)}},
        gains={"popularity": around(figure - 0.21)},
        slices={"history of 1 to 4": {"ndcg@10": around(0.19)}},
    )


def register(home: Settings, family: str, folder: Path, *, day: int = 0, figure: float = 0.4017, **card: Any) -> str:
    """Register and approve a small version as the chain would, its card complete."""
    registry, at = ModelRegistry.of(home), MONDAY + timedelta(days=day)
    evaluation, champion = evaluation_of(family, figure), registry.champion(family)
    verdict = gate(evaluation, champion.evaluation if champion else None, DRIFT)
    trained = {
        "rows": 97673,
        "data_window": ["2025-10-01T00:00:07+00:00", "2026-01-04T23:58:01+00:00"],
        "seed": 7,
        "settings": {"epochs": 10, "rate": 0.003},
        "weights": {"transformer": 1.0, "item_knn": 0.5},
        "importance": {"orders": 0.8123, "days": 0.2345},
        "train_seconds": 20.9,
    }
    papers = papers_of(home, family) | judged(verdict, DRIFT)
    version = registry.register(
        family, folder, evaluation=evaluation, card=trained | papers | card, created_at=at
    ).version
    registry.judge(family, version, verdict=verdict, at=at)
    registry.approve(family, version, approver="Ana", reason="beats popularity", at=at, requester="Ben")
    return version


@pytest.fixture
def shop(home: Settings, tmp_path: Path) -> Settings:
    """A home with a training set, a mart and a champion."""
    rows = pa.table({"user_id": ["u_1", "u_2", "u_3"]})
    for path in (home.training_dir / "recommender" / "training_set.parquet", home.exports_dir / "interactions.parquet"):
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.json").write_text("[1]")
    register(home, "recommender", tmp_path / "model")
    return home


def written(home: Settings, *, version: str = "v0001", language: str = "en", family: str = "recommender") -> str:
    head = ModelRegistry.of(home).head()
    return page(dossier(home, family, version, language=language, head=head))


def save(home: Settings, text: str) -> Path:
    path = home.home / "dossier.html"
    path.write_text(text, encoding="utf-8")
    return path


def visible(text: str) -> str:
    return re.sub(r"<[^>]*>", " ", text.partition("<body>")[2])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_dossier_holds_no_more_when_any_single_number_of_it_is_changed(shop: Settings, language: str) -> None:
    text = written(shop, language=language)
    assert compare(text, text, name="page").holds
    body = text.index("<body>")
    index = text.index('<table id="evidence">') - body
    numbers = list(re.finditer(r"(\d)[\w.,:%+-]*", text[body:]))
    assert len(numbers) > 200
    for place, number in enumerate(numbers):
        # The index repeats what the sections say, and the other language has the same figures: some of each will do.
        if place % 10 and (language != "en" or number.start() > index):
            continue
        start = body + number.start(1)
        other = str((int(text[start]) + 1) % 10)
        assert not compare(text[:start] + other + text[start + 1 :], text, name="page").holds, number


def test_a_changed_figure_is_named_with_its_evidence_and_what_is_recomputed(shop: Settings) -> None:
    text = written(shop)
    assert ">0.4017<" in text
    check = check_dossier(shop, save(shop, text.replace(">0.4017</a> [", ">0.9017</a> [", 1)))
    assert [entry for entry in check.differing if entry["evidence"] != "words"] == [
        {
            "section": "Figures",
            "evidence": "evaluation.json#/metrics/ndcg@10/value",
            "document": "0.9017",
            "recomputed": "0.4017",
        }
    ]
    assert not check.holds


def test_a_figure_that_claims_other_evidence_is_missed_though_that_evidence_says_so(shop: Settings) -> None:
    text = written(shop)
    figure = re.search(r"<a [^>]*recall@10/value[^>]*>0.7100</a>", text)
    assert figure is not None
    ndcg = re.search(r"<a [^>]*metrics/ndcg@10/value[^>]*>0.4017</a>", text)
    assert ndcg is not None
    check = check_dossier(shop, save(shop, text.replace(ndcg[0], figure[0], 1)))
    assert check.differing


def test_a_changed_word_is_missed_and_so_is_a_line_that_was_taken_out(shop: Settings) -> None:
    text = written(shop)
    for changed in (
        text.replace("may not approve", "may approve"),
        re.sub(r"<tr><td>seed</td>.*?</tr>", "", text),
        text.replace("</section>", "<p>It is certified.</p></section>", 1),
        text.replace("font: 15px", "font: 25px"),
    ):
        assert changed != text
        assert check_dossier(shop, save(shop, changed)).differing


def test_an_untouched_dossier_holds_and_says_what_was_computed_again(shop: Settings) -> None:
    check = check_dossier(shop, save(shop, written(shop)))
    assert check.holds
    outcomes = {proof.what: proof.outcome for proof in check.proofs}
    assert outcomes == {
        "files": "holds",
        "gain over popularity": "holds",
        "verdict of the gate": "holds",
        "rows of training_set.parquet": "holds",
    }
    assert check.figures > 60


def test_later_decisions_change_nothing_of_what_a_dossier_says(shop: Settings, tmp_path: Path) -> None:
    path = save(shop, written(shop))
    register(shop, "recommender", tmp_path / "model", day=1, figure=0.42)
    assert ModelRegistry.of(shop).version("recommender", "v0001").status == "approved"
    assert check_dossier(shop, path).holds
    assert "in service" in path.read_text()


def test_the_changes_name_figures_and_settings_of_both_versions(shop: Settings, tmp_path: Path) -> None:
    settings = {"epochs": 12, "rate": 0.003}
    second = register(shop, "recommender", tmp_path / "model", day=1, figure=0.42, settings=settings)
    text = written(shop, version=second)
    assert 'data-evidence="v0001:evaluation.json#/metrics/ndcg@10/value" data-style="figure">0.4017<' in text
    assert 'data-evidence="v0001:card.json#/settings/epochs" data-style="plain">10<' in text
    changes = text[text.index("Changes since") :].partition("</section>")[0]
    assert "settings.epochs" in changes
    assert "settings.rate" not in changes
    assert check_dossier(shop, save(shop, text)).holds


def test_rows_that_moved_on_since_are_said_to_be_beyond_recomputing_and_not_to_be_wrong(shop: Settings) -> None:
    path = save(shop, written(shop))
    pq.write_table(pa.table({"user_id": ["u_1"] * 8}), shop.exports_dir / "interactions.parquet")
    (shop.exports_dir / "manifest.json").write_text('{"marts": {}}')
    check = check_dossier(shop, path)
    assert {entry["evidence"] for entry in check.moved_on} >= {"marts#/sha256", "marts#/rows/interactions"}
    assert not check.holds


def test_a_gain_that_is_not_the_difference_of_its_figures_is_missed(home: Settings, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.json").write_text("[1]")
    wrong = replace(evaluation_of("recommender", 0.4), gains={"popularity": around(0.3)})
    ModelRegistry.of(home).register(
        "recommender", tmp_path / "model", evaluation=wrong, card={"drift": None}, created_at=MONDAY
    )
    check = check_dossier(home, save(home, written(home)))
    assert [proof.what for proof in check.proofs if proof.outcome == "differs"] == ["gain over popularity"]


def test_accuracy_macro_f1_and_calibration_follow_from_the_tables_beside_them(home: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "confusion.json").write_text(json.dumps({"a": {"a": 3, "b": 1}, "b": {"a": 0, "b": 4}}))
    (folder / "curves.json").write_text(
        json.dumps(
            {
                "reliability": [
                    {"forecast": 0.2, "observed": 0.1, "share": 0.5},
                    {"forecast": 0.7, "observed": 0.7, "share": 0.5},
                ]
            }
        )
    )
    exact = {"accuracy": 7 / 8, "macro_f1": (6 / 7 + 8 / 9) / 2, "ece": 0.05}
    evaluation = replace(
        evaluation_of("intent", 0.4), metrics={"ndcg@10": around(0.4)} | {k: around(v) for k, v in exact.items()}
    )
    ModelRegistry.of(home).register("intent", folder, evaluation=evaluation, card={}, created_at=MONDAY)
    check = check_dossier(home, save(home, written(home, family="intent")))
    outcomes = {proof.what: proof.outcome for proof in check.proofs}
    assert {name: outcomes[name] for name in exact} == dict.fromkeys(exact, "holds")


def test_what_an_old_card_does_not_have_is_not_said(home: Settings, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.json").write_text("[1]")
    ModelRegistry.of(home).register(
        "churn", tmp_path / "model", evaluation=evaluation_of("churn", 0.4), card={"seed": 7}, created_at=MONDAY
    )
    text = written(home, family="churn")
    assert 'data-evidence="card.json#/code/commit" data-style="text">not said<' in text
    assert "states none" in text
    assert check_dossier(home, save(home, text)).holds


def test_a_dossier_of_a_changed_artefact_or_a_shortened_journal_is_refused(shop: Settings) -> None:
    path = save(shop, written(shop))
    card = shop.registry_dir / "recommender" / "v0001" / "card.json"
    original = card.read_text()
    card.write_text(original.replace("97673", "97674"))
    with pytest.raises(ArtefactChangedError, match=r"card\.json"):
        check_dossier(shop, path)
    card.write_text(original)
    journal = shop.registry_dir / "journal.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(JournalBrokenError):
        check_dossier(shop, path)


def test_a_version_that_was_not_there_yet_has_no_dossier_and_no_other_file_is_one(shop: Settings) -> None:
    with pytest.raises(UnknownVersionError, match="v0009"):
        dossier(shop, "recommender", "v0009", language="en", head=ModelRegistry.of(shop).head())
    with pytest.raises(UnknownVersionError, match="at record 0"):
        dossier(shop, "recommender", "v0001", language="en", head=JournalHead(0, "0" * 64))
    with pytest.raises(ShopsightError, match="no dossier"):
        check_dossier(shop, save(shop, "<html><p>0.4017</p></html>"))
    with pytest.raises(ShopsightError, match="language 'de'"):
        written(shop, language="de")


def test_a_reason_with_markup_in_it_stays_words(shop: Settings, tmp_path: Path) -> None:
    registry = ModelRegistry.of(shop)
    version = registry.register(
        "recommender", tmp_path / "model", evaluation=evaluation_of("recommender", 0.4), card={}, created_at=MONDAY
    ).version
    registry.reject(
        "recommender", version, approver="Ana", reason="<script>alert(1)</script>", at=MONDAY, requester="Ben"
    )
    text = written(shop)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert check_dossier(shop, save(shop, text)).holds


def test_both_languages_have_every_text_with_the_same_blanks() -> None:
    english, chinese = (catalogue(language) for language in LANGUAGES)
    own = {key for key in chinese if key.startswith("statement.")}
    assert set(english) == set(chinese) - own
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", chinese[key])), key
        assert text.strip()
        assert chinese[key].strip()


def test_every_family_states_its_limits_and_each_is_translated() -> None:
    chinese = catalogue("zh")
    stated: set[str] = set()
    for family in FAMILIES.values():
        assert family.statement, family.name
        module = resolve(family.statement)
        kinds: Mapping[str, Mapping[str, str]] = {"limits": module.LIMITS, "refuses": module.REFUSES}
        assert all(kinds.values())
        stated |= {f"statement.{family.name}.{kind}.{name}" for kind, texts in kinds.items() for name in texts}
    assert stated == {key for key in chinese if key.startswith("statement.")}


def test_the_chinese_dossier_has_the_figures_of_the_english_one(shop: Settings) -> None:
    pages = [written(shop, language=language) for language in LANGUAGES]
    figures = [re.findall(r'data-style="(?:count|figure|share|plain)">([^<]*)<', text) for text in pages]
    assert figures[0] == figures[1]
    assert "人工监督" in visible(pages[1])
    assert "Human oversight" not in visible(pages[1])


def test_the_command_writes_checks_and_ends_with_three_where_a_figure_was_changed(shop: Settings) -> None:
    runner = CliRunner()
    done = runner.invoke(app, ["dossier", "recommender", "--output", str(shop.home / "out"), "--json"])
    assert done.exit_code == 0, done.output
    path = Path(json.loads(done.stdout)["file"])
    assert path.name == "recommender-v0001-en.html"
    assert runner.invoke(app, ["dossier", "--check", str(path)]).exit_code == 0
    path.write_text(path.read_text().replace(">0.4017</a> [", ">0.5017</a> [", 1))
    checked = runner.invoke(app, ["dossier", "--check", str(path), "--json"])
    assert checked.exit_code == 3
    assert json.loads(checked.stdout)["holds"] is False
    assert runner.invoke(app, ["dossier", "nobody"]).exit_code == 1
