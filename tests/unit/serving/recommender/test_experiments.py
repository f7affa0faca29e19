"""Experiments: which arm a shopper is in, what the arm changes, and what is written down of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy.stats import chi2_contingency

from models.recommender.predict import Recommender
from serving.features import FeatureReader
from serving.items.rules import RuleBook, RulesInForce
from serving.prediction_log import PredictionLog, read_log
from serving.recommender.desk import RecommendationDesk
from serving.recommender.experiments.assignment import assigned, position
from serving.recommender.experiments.book import ExperimentBook, UnusableExperimentsError
from serving.recommender.experiments.in_force import ExperimentsFile, warnings_of
from serving.recommender.schemas import RankingRequest, RecommendationRequest, Recommendations
from serving.served_model import ServedModel
from shopsight.privacy import Pseudonymiser

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
HALVES = "arms: [{name: control, share: 0.5}, {name: varied, share: 0.5, diversity: 1.0}]"
DAYS = "start: 2026-01-01, end: 2026-01-31, metric: conversion"


def book_of(*experiments: str, hold_out: str = "null") -> ExperimentBook:
    import yaml

    lines = f"{{hold_out: {hold_out}, experiments: [{', '.join('{' + one + '}' for one in experiments)}]}}"
    return ExperimentBook.model_validate(yaml.safe_load(lines))


def arm_of(book: ExperimentBook, user: str, placement: str = "recommended_for_you", now: datetime = NOW) -> str | None:
    arm = assigned(book, user, placement, now).arm
    return arm.name if arm else None


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_shopper_stays_in_an_arm_and_shares_are_kept() -> None:
    book = book_of(f"name: a, {DAYS}, arms: [{{name: control, share: 0.2}}, {{name: b, share: 0.3, diversity: 0.5}}]")
    arms = [arm_of(book, f"u_{number}") for number in range(20_000)]
    assert arms == [arm_of(book, f"u_{number}") for number in range(20_000)]
    shares = [arms.count(name) / len(arms) for name in ("control", "b", None)]
    assert shares == pytest.approx([0.2, 0.3, 0.5], abs=0.015)


def test_another_process_assigns_alike() -> None:
    """The place is SHA-256 of salt and pseudonym, not Python's hash, which each process salts anew."""
    assert position("a", "u_1") == pytest.approx(0.33250771, abs=1e-8)  # printf "a\\0u_1" | sha256sum


def test_two_experiments_spread_shoppers_independently() -> None:
    halves = [f"name: {name}, placements: [{where}], {DAYS}, {HALVES}" for name, where in
              (("one", "trending"), ("two", "best_sellers"))]  # fmt: skip
    book = book_of(*halves)
    table = np.zeros((2, 2))
    for number in range(20_000):
        first, second = (arm_of(book, f"u_{number}", where) == "varied" for where in ("trending", "best_sellers"))
        table[int(first), int(second)] += 1
    assert chi2_contingency(table).pvalue > 0.001


def test_experiments_with_one_salt_would_not() -> None:
    halves = [f"name: {name}, salt: same, placements: [{where}], {DAYS}, {HALVES}" for name, where in
              (("one", "trending"), ("two", "best_sellers"))]  # fmt: skip
    book = book_of(*halves)
    users = [f"u_{number}" for number in range(500)]
    assert [arm_of(book, user, "trending") for user in users] == [arm_of(book, user, "best_sellers") for user in users]


@pytest.mark.parametrize(
    ("day", "takes_part"), [("2025-12-31", False), ("2026-01-01", True), ("2026-01-31", True), ("2026-02-01", False)]
)
def test_an_experiment_runs_from_its_first_day_to_the_end_of_its_last(day: str, takes_part: bool) -> None:
    now = datetime.fromisoformat(f"{day}T23:00:00+00:00")
    assert (arm_of(book_of(f"name: a, {DAYS}, {HALVES}"), "u_1", now=now) is not None) == takes_part


def test_who_is_held_out_is_in_no_experiment() -> None:
    book = book_of(f"name: a, {DAYS}, {HALVES}", hold_out="{share: 0.25, since: 2026-01-01}")
    assignments = [assigned(book, f"u_{number}", "trending", NOW) for number in range(4_000)]
    out = [one for one in assignments if one.hold_out]
    assert len(out) / len(assignments) == pytest.approx(0.25, abs=0.03)
    assert all(one.experiment is None for one in out)
    assert all(one.experiment is not None for one in assignments if not one.hold_out)


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (f"experiments: [{{name: a, {DAYS}, arms: [{{name: control, share: 0.5}}, {{name: b, share: 2}}]}}]",
         r"experiment 'a'\.arm 'b'\.share: .*less than 1"),
        (f"experiments: [{{name: a, {DAYS}, arms: [{{name: b, share: 0.5}}, {{name: c, share: 0.5}}]}}]",
         "no arm is called 'control'"),
        (f"experiments: [{{name: a, {DAYS}, arms: [{{name: control, share: 0.6}}, {{name: b, share: 0.6}}]}}]",
         r"add up to 1\.2"),
        (f"experiments: [{{name: a, {DAYS}, arms: [{{name: control, share: 0.5, diversity: 1}}, "
         "{name: b, share: 0.5}]}]",
         "'control' changes something"),
        (f"experiments: [{{name: a, {DAYS}, {HALVES}}}, {{name: b, placements: [trending], {DAYS}, {HALVES}}}]",
         "'a' and 'b' would run on trending on the same days"),
        (f"experiments: [{{name: a, {DAYS}, {HALVES}, guard_rails: [{{metric: conversion}}]}}]",
         "a metric stands twice"),
        (f"experiments: [{{name: hold_out, {DAYS}, {HALVES}}}]", "no experiment may be called 'hold_out'"),
        (f"experiments: [{{name: a, start: 2026-02-01, end: 2026-01-01, metric: conversion, {HALVES}}}]",
         "ends before it starts"),
        (f"experiments: [{{name: a, {DAYS}, {HALVES}, colour: red}}]", "experiment 'a'.colour"),
        ("experiments: [", "cannot be read"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_the_line_named(tmp_path: Path, lines: str, named: str) -> None:
    with pytest.raises(UnusableExperimentsError) as refused:
        ExperimentBook.read(written(tmp_path / "experiments.yml", lines))
    import re

    assert re.search(named, f"{refused.value.what} {refused.value.why}")


def test_experiments_after_each_other_may_share_a_placement() -> None:
    later = "start: 2026-02-01, end: 2026-02-28, metric: conversion"
    book = book_of(f"name: a, {DAYS}, {HALVES}", f"name: b, {later}, {HALVES}")
    assert [one.name for one in book.experiments] == ["a", "b"]


def test_the_version_changes_with_everything_but_the_end() -> None:
    def version(lines: str) -> str:
        return book_of(f"name: a, {lines}, {HALVES}").experiments[0].version

    assert version(DAYS) == version(DAYS.replace("01-31", "02-28"))
    assert version(DAYS) != version(DAYS.replace("conversion", "click_through"))


def test_a_broken_file_leaves_the_experiments_of_before_in_force_and_says_so(tmp_path: Path) -> None:
    path, now = tmp_path / "experiments.yml", [0.0]
    file = ExperimentsFile(path, seconds_now=lambda: now[0])
    assert file().experiments == []
    path.write_text(f"experiments: [{{name: a, {DAYS}, {HALVES}}}]")
    assert file().experiments == [], "the file is looked at once a second"
    now[0] = 1.0
    assert [one.name for one in file().experiments] == ["a"]
    path.write_text("experiments: [{name: a}]")
    now[0] = 2.0
    assert [one.name for one in file().experiments] == ["a"]
    assert file.failure is not None
    assert "stay in force" in file.failure
    path.unlink()
    now[0] = 3.0
    assert (file().experiments, file.failure) == ([], None)


def test_what_an_arm_names_and_there_is_not_is_a_warning(recommender: Recommender) -> None:
    arms = "[{name: control, share: 0.5}, {name: same, share: 0.1}, {name: b, share: 0.1, without_rules: [gone], "
    arms += "rules: {rules: [{name: r, leave_out: {item_ids: [i_none]}}]}}]"
    book = book_of(f"name: a, {DAYS}, arms: {arms}")
    warnings = warnings_of(book, RulesInForce(RuleBook(), recommender.catalogue))
    assert [warning.partition("arm ")[2] for warning in warnings] == [
        "'same' changes nothing: it is compared with the control as an A/A test",
        "'b' is without the unknown rule 'gone'",
        "'b': rule 'r' names the unknown item 'i_none'",
    ]


def test_warnings_follow_the_file_and_the_shops_rules(tmp_path: Path, recommender: Recommender) -> None:
    arms = "[{name: control, share: 0.5}, {name: b, share: 0.5, without_rules: [r]}]"
    path = written(tmp_path / "experiments.yml", f"experiments: [{{name: a, {DAYS}, arms: {arms}}}]")
    now = [0.0]
    file = ExperimentsFile(path, seconds_now=lambda: now[0])
    file()
    rule = {"name": "r", "leave_out": {"item_ids": ["i_1"]}}
    without, with_rule = (
        RulesInForce(RuleBook.model_validate({"rules": rules}), recommender.catalogue) for rules in ([], [rule])
    )
    assert len(file.warnings(without)) == 1
    assert file.warnings(with_rule) == []
    path.unlink()
    now[0] = 1.0
    file()
    assert file.warnings(without) == []


# --- the desk

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def log(tmp_path: Path) -> PredictionLog:
    return PredictionLog(tmp_path / "log", clock=lambda: NOW)


@pytest.fixture
def ask(
    recommender: Recommender, log: PredictionLog, online: Any, pseudonymiser: Pseudonymiser, tmp_path: Path
) -> Callable[..., Ask]:
    """Return, for the arm that everybody is to be in, what answers requests."""

    def desk_of(arm: str, *, rules: RuleBook | None = None) -> Ask:
        arms = f"[{{name: control, share: 0.000000001}}, {{name: b, share: 0.999999998, {arm}}}]"
        experiment = f"experiments: [{{name: a, placements: [recommended_for_you], {DAYS}, arms: {arms}}}]"
        in_force = RulesInForce(rules or RuleBook(), recommender.catalogue)
        desk = RecommendationDesk(
            recommender,
            model=ServedModel(
                family="recommender", version="v0001", artefact=Path(), card={}, evaluation={}, approval={}
            ),
            features=FeatureReader(lambda: online, pseudonymiser),
            log=log,
            clock=lambda: NOW,
            new_id=lambda: "1",
            rules=lambda: in_force,
            experiments=ExperimentsFile(written(tmp_path / "experiments.yml", experiment)),
        )

        def answer(**fields: Any) -> dict[str, Any]:
            if "ranked" in fields:
                return dict(desk.rank(RankingRequest(item_ids=fields.pop("ranked"), **fields)))
            results = desk.answer(RecommendationRequest.model_validate(fields))
            TypeAdapter(Recommendations).validate_python(results)
            return dict(results)

        return answer

    return desk_of


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def test_the_arm_stands_in_the_answer_and_the_exposure_in_the_log(
    ask: Callable[..., Ask], log: PredictionLog, pseudonymiser: Pseudonymiser
) -> None:
    answer = ask("diversity: 1.0")(user_id="maya")
    assert (answer["experiment"], answer["arm"]) == ("a", "b")
    log.close()
    (row,) = read_log(log.folder).rows
    assert (row["experiment"], row["arm"], row["hold_out"]) == ("a", "b", None)
    assert len(row["experiment_version"]) == 8
    assert row["pseudonyms"] == [pseudonymiser.user("maya"), pseudonymiser.anonymous("maya")]


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"user_id": "maya", "personalised": False},
        {"user_id": "maya", "placement": "trending"},
        {"user_id": "maya", "ranked": ["i_1", "i_2"]},
    ],
)
def test_nobody_in_particular_and_other_placements_take_no_part(
    ask: Callable[..., Ask], log: PredictionLog, request_: dict[str, Any]
) -> None:
    answer = ask("diversity: 1.0")(**request_)
    assert (answer["experiment"], answer["arm"]) == (None, None)
    log.close()
    (row,) = read_log(log.folder).rows
    assert (row["experiment"], row["pseudonyms"]) == (None, None)


def test_the_arm_does_not_change_once_more_is_known_of_the_shopper(
    ask: Callable[..., Ask], log: PredictionLog, online: Any
) -> None:
    """A visitor's features lie under another pseudonym than an unknown shopper's would; the arm asks neither."""
    answer = ask("diversity: 1.0")
    answer(user_id="visitor")
    online.away = True
    answer(user_id="visitor")
    log.close()
    rows = read_log(log.folder).rows
    assert rows[0]["user"] != rows[1]["user"]
    assert rows[0]["pseudonyms"] == rows[1]["pseudonyms"]


def test_an_arm_shows_best_sellers_in_place_of_the_model(ask: Callable[..., Ask]) -> None:
    assert ids(ask("model: popularity")(user_id="maya", num_results=2)) == ["i_0", "i_1"]


def test_an_arm_varies_categories_and_caps_brands(ask: Callable[..., Ask], recommender: Recommender) -> None:
    catalogue = recommender.catalogue

    def kinds(answer: dict[str, Any], column: str) -> int:
        return len({getattr(catalogue, column)[catalogue.positions[item_id]] for item_id in ids(answer)})

    seen = [{"event_name": "view_item", "item_id": f"i_{number}"} for number in (10, 20, 30, 40)]
    plain = ask("rules: {new_items: 0.1}")(user_id="new", recent_events=seen, num_results=5)
    varied = ask("diversity: 1.0")(user_id="new", recent_events=seen, num_results=5)
    assert kinds(varied, "categories") > kinds(plain, "categories")
    capped = ask("max_per_brand: 1")(user_id="new", recent_events=seen, num_results=2)
    assert kinds(capped, "brands") == len(ids(capped))


def test_an_arm_has_rules_beside_the_shops_and_may_be_without_one_of_them(ask: Callable[..., Ask]) -> None:
    shop = RuleBook.model_validate({"rules": [{"name": "no best seller", "leave_out": {"item_ids": ["i_0"]}}]})
    best = {"user_id": "new", "num_results": 3}
    own = "model: popularity, rules: {rules: [{name: x, leave_out: {item_ids: [i_1]}}]}"
    assert ids(ask(own, rules=shop)(**best))[0] == "i_2"
    assert ids(ask("model: popularity, without_rules: [no best seller]", rules=shop)(**best))[0] == "i_0"
    in_place = own.replace("x,", "no best seller,")
    assert ids(ask(in_place, rules=shop)(**best))[:2] == ["i_0", "i_2"]


def test_an_experiment_that_was_stopped_shows_nobody_another_list_from_then_on() -> None:
    stopped = f"name: a, {DAYS}, {HALVES}, stopped_at: '2026-01-05T12:00:00Z'"
    book = book_of(stopped)
    users = [f"u_{number}" for number in range(50)]
    assert {arm_of(book, user, now=NOW) for user in users} == {None}
    before = [arm_of(book, user, now=datetime(2026, 1, 5, 11, 59, 59, tzinfo=UTC)) for user in users]
    assert before == [arm_of(book_of(f"name: a, {DAYS}, {HALVES}"), user) for user in users]


def test_a_stop_changes_nothing_of_what_was_shown_and_leaves_its_day_to_another() -> None:
    running, stopped = (f"name: a, {DAYS}, {HALVES}{end}" for end in ("", ", stopped_at: '2026-01-05T12:00:00Z'"))
    assert book_of(running).experiments[0].version == book_of(stopped).experiments[0].version
    later = "name: b, start: 2026-01-05, end: 2026-01-06, metric: conversion, " + HALVES
    assert len(book_of(stopped, later).experiments) == 2
    for also in (running, stopped.replace("-05T", "-06T")):
        with pytest.raises(ValueError, match="would run on"):
            book_of(also, later)
