"""Other rules, another model and another gate, tried on the days that were: what would have changed."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from approved_toys import crown_toy
from typer.testing import CliRunner

from cli.app import app
from models.evaluation.approval import DriftSummary, GatePolicy, gate
from models.evaluation.bootstrap import Estimate
from models.evaluation.results import Evaluation
from models.recommender.predict import Recommender
from models.registry.registry import ModelRegistry, UnknownVersionError
from models.registry.version import ModelVersion
from serving.audit.days import DayReplay, replay_days, rows_of_days
from serving.audit.gates import read_policy, replay_gate
from serving.features import FeatureReader
from serving.items.rules import RuleBook, RulesInForce
from serving.prediction_log import PredictionLog, new_id
from serving.recommender.desk import RecommendationDesk
from serving.recommender.experiments.in_force import ExperimentsFile
from serving.recommender.list_states import ListStates
from serving.recommender.schemas import RecommendationRequest
from serving.served_model import ServedModel
from shopsight.errors import ShopsightError
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
NEVER_I_21 = {"rules": [{"name": "no 21", "leave_out": {"item_ids": ["i_21"]}}]}


class Shop:
    """A desk whose lists a test asks for on some days."""

    def __init__(self, home: Settings, version: ModelVersion, features: FeatureReader) -> None:
        recommender = Recommender.load(version.path)
        catalogue = recommender.catalogue
        self.now, self.book = NOW, RuleBook()
        log = PredictionLog(home.predictions_dir / "recommender", clock=lambda: self.now)
        self.desk = RecommendationDesk(
            recommender,
            model=ServedModel(
                family="recommender", version="v0001", artefact=version.path, card={}, evaluation={}, approval={}
            ),
            features=features,
            log=log,
            clock=lambda: self.now,
            new_id=new_id,
            rules=lambda: RulesInForce(self.book, catalogue),
            catalogue=lambda: catalogue,
            experiments=ExperimentsFile(home.experiments_path),
            states=ListStates(log.folder, catalogue),
        )

    def ask(self, times: int = 1, **fields: Any) -> list[Any]:
        return [self.desk.answer(RecommendationRequest.model_validate(fields)) for _ in range(times)]


@pytest.fixture
def shop(home: Settings, recommender_folder: Path, online: Any, pseudonymiser: Pseudonymiser) -> Shop:
    version = crown_toy(home, "recommender", recommender_folder)
    return Shop(home, version, FeatureReader(lambda: online, pseudonymiser))


def replayed(home: Settings, *, days: int = 2, **candidate: Any) -> DayReplay:
    rows, damaged = rows_of_days(home, days=days, until=NOW.date())
    assert damaged == []
    return replay_days(rows, home, **candidate)


def test_rules_that_say_nothing_change_nothing_though_lists_tried_other_items(home: Settings, shop: Shop) -> None:
    shop.book = RuleBook.model_validate({"explore": {"share": 0.5, "placements": ["best_sellers"], "places": 3}})
    shop.ask(20, placement="best_sellers", num_results=8)
    result = replayed(home, rules=RuleBook())
    assert (result.asked, result.changed, result.share_kept) == (20, 0, 1.0)
    assert not result.gain
    assert not result.lose


def test_an_item_that_a_rule_leaves_out_loses_its_impressions_by_day_and_placement(home: Settings, shop: Shop) -> None:
    shop.now = NOW - timedelta(days=1)
    shop.ask(3, user_id="maya", num_results=5)
    shop.now = NOW
    shop.ask(4, user_id="maya", num_results=5)
    shop.ask(placement="bought_together", item_ids=["i_1"], num_results=2)
    result = replayed(home, rules=RuleBook.model_validate(NEVER_I_21))
    assert result.lose["i_21"] == 7
    assert sum(result.gain.values()) == 7
    assert {day: counts["changed"] for day, counts in result.by_day.items()} == {"2026-01-04": 3, "2026-01-05": 4}
    assert result.by_placement["recommended_for_you"]["changed"] == 7
    assert replayed(home, days=1, rules=RuleBook.model_validate(NEVER_I_21)).asked == 5


def test_the_same_model_as_a_candidate_changes_nothing_and_an_unknown_one_is_named(home: Settings, shop: Shop) -> None:
    shop.ask(5, user_id="maya", num_results=5)
    assert replayed(home, version="v0001").changed == 0
    with pytest.raises(UnknownVersionError, match="v0009"):
        replayed(home, version="v0009")


def test_another_model_shows_other_lists_of_the_items_that_were_in_stock(
    home: Settings, shop: Shop, recommender_folder: Path, tmp_path: Path
) -> None:
    shop.ask(5, user_id="maya", num_results=5)
    other = tmp_path / "other"
    other.mkdir()
    for file in recommender_folder.iterdir():
        if file.name not in ("card.json", "evaluation.json"):
            (other / file.name).write_bytes(file.read_bytes())
    config = json.loads((other / "config.json").read_text())
    config["weights"] = {"popularity": 1.0}
    (other / "config.json").write_text(json.dumps(config))
    second = crown_toy(home, "recommender", other)
    result = replayed(home, version=second.version)
    assert (result.asked, result.changed) == (5, 5), result.not_replayable


def test_nothing_is_estimated_without_feedback_or_where_no_list_tried_anything(home: Settings, shop: Shop) -> None:
    answers = shop.ask(5, user_id="maya", num_results=5)
    candidate = RuleBook.model_validate(NEVER_I_21)
    assert "shopsight feedback" in replayed(home, rules=candidate).estimates["clicks"]["not_estimable"]
    feed_back(home, answers, clicked=set())
    estimates = replayed(home, rules=candidate).estimates
    assert "None of 5 lists has propensities" in estimates["revenue"]["not_estimable"]


def test_clicks_and_revenue_are_estimated_where_lists_tried_what_the_candidate_shows(
    home: Settings, shop: Shop
) -> None:
    shop.book = RuleBook.model_validate(
        {"explore": {"share": 0.5, "placements": ["best_sellers"], "places": 1, "among": 1}}
    )
    answers = shop.ask(800, placement="best_sellers", num_results=2)
    own, tried = sorted({str(one["items"][1]["item_id"]) for one in answers}, key=lambda i: int(i[2:]))
    shown_own = replay_of_first(home, own)
    own, tried = (own, tried) if shown_own else (tried, own)
    feed_back(home, answers, clicked={tried})
    leave_own_out = RuleBook.model_validate({"rules": [{"name": "no own", "leave_out": {"item_ids": [own]}}]})
    estimates = replayed(home, rules=leave_own_out).estimates
    clicks, revenue = estimates["clicks"], estimates["revenue"]
    assert clicks["logged"] == pytest.approx(0.25, abs=0.05)
    assert clicks["candidate"]["low"] <= 0.5 <= clicks["candidate"]["high"]
    assert clicks["difference"]["low"] > 0
    assert revenue["difference"]["low"] > 0
    assert revenue["candidate"]["value"] == pytest.approx(20 * clicks["candidate"]["value"], rel=0.01)


def replay_of_first(home: Settings, item: str) -> bool:
    """Return whether an item is the list's own, and not one that was tried."""
    rows, _ = rows_of_days(home, days=1, until=NOW.date())
    pinned = RuleBook.model_validate({"rules": [{"name": "none", "leave_out": {"item_ids": [item]}}]})
    return replay_days(rows[:1], home, rules=pinned).changed == 1


def feed_back(home: Settings, answers: list[Any], *, clicked: set[str]) -> None:
    """Write what came of lists as the join of the feedback does; a click buys for 20."""
    rows = [
        {
            "recommendation_id": answer["recommendation_id"],
            "item_id": item["item_id"],
            "clicks": int(item["item_id"] in clicked),
            "revenue": 20.0 * (item["item_id"] in clicked),
        }
        for answer in answers
        for item in answer["items"]
    ]
    home.exports_dir.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), home.exports_dir / "list_feedback.parquet")


def test_the_command_prints_what_changes_and_asks_for_one_candidate(shop: Shop, tmp_path: Path) -> None:
    shop.now = datetime.now(UTC)
    shop.ask(3, user_id="maya", num_results=5)
    rules = tmp_path / "rules.yml"
    rules.write_text(json.dumps(NEVER_I_21))
    runner = CliRunner()
    done = runner.invoke(app, ["replay", "--days", "2", "--rules", str(rules), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["changed"] == 3
    printed = runner.invoke(app, ["replay", "--days", "2", "--rules", str(rules)])
    assert "not estimable, because" in printed.stdout
    for wrong in (["--days", "2"], ["--rules", str(rules)], ["--days", "2", "--gate", str(rules), "--version", "v1"]):
        assert runner.invoke(app, ["replay", *wrong]).exit_code == 1


def judged(home: Settings, folder: Path, figure: float, *, drift: bool = True) -> str:
    """Register a version that its gate judged, beside whatever serves."""
    estimate = Estimate(value=figure, low=figure - 0.01, high=figure + 0.01)
    evaluation = Evaluation(
        family="churn",
        candidate="trees",
        primary_metric="roc_auc",
        protocol="a test date",
        cases=300,
        metrics={"roc_auc": estimate},
        baselines={"recency": {"roc_auc": Estimate(value=0.5, low=0.4, high=0.6)}},
        gains={"recency": estimate},
    )
    registry, summary = ModelRegistry.of(home), DriftSummary(state="no drift", detail="alike")
    champion = registry.champion("churn")
    verdict = gate(evaluation, champion.evaluation if champion else None, summary)
    card = {"drift": {"state": "no drift", "detail": "alike"}} if drift else {}
    version = registry.register("churn", folder, evaluation=evaluation, card=card, created_at=NOW).version
    registry.judge("churn", version, verdict=verdict, at=NOW)
    if verdict.eligible:
        registry.approve("churn", version, approver="Ana", reason="good", at=NOW, requester="Ben")
    return version


@pytest.fixture
def verdicts(home: Settings, tmp_path: Path) -> Settings:
    """A home with a champion of .80 and two candidates that were refused beside it, of .77 and of .50."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.json").write_text("[1]")
    for figure in (0.80, 0.77, 0.50):
        judged(home, folder, figure)
    judged(home, folder, 0.79, drift=False)
    return home


def test_a_wider_margin_would_have_let_one_refused_candidate_pass(verdicts: Settings) -> None:
    result = replay_gate(verdicts, policy=GatePolicy(champion_margin=0.05), since=NOW)
    assert (result.asked, result.same) == (3, 2)
    ((version, was, becomes),) = [(one["version"], one["was"], one["becomes"]) for one in result.otherwise]
    assert (version, was, becomes) == ("v0002", False, True)
    assert list(result.not_replayable.values()) == [1]


def test_more_cases_would_have_refused_the_first_and_the_defaults_change_nothing(verdicts: Settings) -> None:
    stricter = replay_gate(verdicts, policy=GatePolicy(minimum_cases=400), since=NOW)
    assert [(one["version"], one["becomes"]) for one in stricter.otherwise] == [("v0001", False)]
    assert "fewer than the 400 needed" in stricter.otherwise[0]["why"][0]
    assert replay_gate(verdicts, policy=GatePolicy(), since=NOW).otherwise == []
    assert replay_gate(verdicts, policy=GatePolicy(), since=NOW + timedelta(days=1)).asked == 0


@pytest.mark.parametrize("text", ["", "- 1", "champion_margin: 2", "margin: 0.1", "minimum_cases: many", "a: [", "x"])
def test_a_file_that_holds_no_limits_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gate.yml"
    path.write_text(text)
    with pytest.raises(ShopsightError, match="holds no limits of a gate"):
        read_policy(path)
    path.write_text("champion_margin: 0.05\n")
    assert read_policy(path) == GatePolicy(champion_margin=0.05)
