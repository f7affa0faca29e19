"""What to do next for shoppers, and their profiles: where a part is missing, the answer says so and guesses nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from models.next_best_action.dataset import FEATURES
from models.next_best_action.predict import NextBestAction
from models.training import BASELINE_FOLDER
from serving.features import FeatureReader
from serving.http.problems import ProblemError
from serving.next_best_action.desk import ActionDesk
from serving.next_best_action.schemas import ActionsRequest, NextBestActions, Profile
from serving.prediction_log import PredictionLog, read_log
from serving.served_model import ServedModel
from shopsight.privacy import Pseudonymiser
from shopsight.profile_store import ProfileStore, take_out_of_profiles, write_profiles
from shopsight.settings import Settings

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SHOPPER = dict.fromkeys(FEATURES, 3.0)
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def log(tmp_path: Path) -> PredictionLog:
    return PredictionLog(tmp_path / "log", clock=lambda: NOW)


@pytest.fixture
def open_desk(
    log: PredictionLog, online: Any, pseudonymiser: Pseudonymiser, home: Settings
) -> Callable[..., ActionDesk]:
    """Open the desk of an artefact; ``new`` came first a week ago, ``busy`` long ago, and looks at a lot."""
    for name, days, views in (("new", 7.0, 3.0), ("busy", 70.0, 12.0)):
        values = SHOPPER | {"days_since_first_event": days, "views_28d": views}
        online.features[("next_best_action_v1", pseudonymiser.user(name))] = values

    def opened(artefact: Path, *, now: datetime = NOW) -> ActionDesk:
        return ActionDesk(
            NextBestAction.load(artefact),
            model=ServedModel(
                family="next_best_action",
                version="v0001",
                artefact=artefact,
                trained_at="",
                card={},
                evaluation={},
                approval={},
            ),
            features=FeatureReader(lambda: online, pseudonymiser),
            profiles=ProfileStore.of(home),
            log=log,
            clock=lambda: now,
            new_id=lambda: "1",
        )

    return opened


@pytest.fixture
def desk(open_desk: Callable[..., ActionDesk], next_best_action_folder: Path) -> ActionDesk:
    return open_desk(next_best_action_folder)


def ask(desk: ActionDesk, *users: str, explain: bool = True) -> list[dict[str, Any]]:
    answer = desk.answer(ActionsRequest(user_ids=list(users), explain=explain))
    TypeAdapter(NextBestActions).validate_python(answer)
    return [dict(entry) for entry in answer["results"]]


def test_a_shopper_gets_what_surely_added_most_for_shoppers_like_them(desk: ActionDesk) -> None:
    (new,) = ask(desk, "new")
    assert (new["action"], new["user_known"], new["fallback"]) == ("reminder", True, None)
    assert 0 < new["increment"]["orders"]["low"] <= new["increment"]["orders"]["value"]
    assert new["increment"]["money"]["low"] > 0
    assert "beside" in new["reason"]


def test_who_would_be_driven_away_gets_nothing_and_is_told_why(desk: ActionDesk) -> None:
    (busy,) = ask(desk, "busy")
    assert (busy["action"], busy["increment"]) == ("nothing", None)
    (reminder,) = [one for one in busy["considered"] if one["action"] == "reminder"]
    assert not reminder["pays"]
    assert reminder["increment"]["orders"]["value"] < 0


def test_of_an_action_that_nobody_tried_nothing_is_claimed(desk: ActionDesk) -> None:
    (new,) = ask(desk, "new")
    others = [one for one in new["considered"] if one["action"] != "reminder"]
    assert {one["action"] for one in others} == {"offer", "replenishment", "new_category", "help"}
    said = [(one["pays"], one["increment"], one["reason"]) for one in others]
    assert said == [(False, None, "no campaign has tried it")] * 4
    assert ask(desk, "new", explain=False)[0]["considered"] == []


def test_the_baseline_says_the_same_to_everybody(
    open_desk: Callable[..., ActionDesk], next_best_action_folder: Path
) -> None:
    new, busy = ask(open_desk(next_best_action_folder / BASELINE_FOLDER), "new", "busy")
    assert new == busy
    assert new["action"] == "reminder"


def test_unknown_shoppers_and_all_while_the_features_are_away_get_nothing(desk: ActionDesk, online: Any) -> None:
    (stranger,) = ask(desk, "stranger")
    assert (stranger["action"], stranger["fallback"], stranger["user_known"]) == ("nothing", "unknown_user", False)
    online.away = True
    (new,) = ask(desk, "new")
    assert (new["action"], new["fallback"], new["user_known"]) == ("nothing", "no_features", None)


def test_a_shopper_grows_older_while_they_stay_away(
    desk: ActionDesk, open_desk: Callable[..., ActionDesk], next_best_action_folder: Path
) -> None:
    """Who came first a week before their last visit is new then, and not 70 days later."""
    later = open_desk(next_best_action_folder, now=NOW + timedelta(days=70))
    assert (ask(desk, "new")[0]["action"], ask(later, "new")[0]["action"]) == ("reminder", "nothing")


def test_the_log_has_the_pseudonym_and_what_was_read(
    desk: ActionDesk, log: PredictionLog, tmp_path: Path, pseudonymiser: Pseudonymiser
) -> None:
    ask(desk, "new")
    log.close()
    (row,) = read_log(tmp_path / "log").rows
    (result,) = row["results"]
    assert result["user"] == pseudonymiser.user("new")
    assert result["features"]["days_since_first_event"] == 7.0
    assert result["action"] == "reminder"


def test_a_profile_is_told_of_a_user_and_of_a_visitor_and_nobody_else(
    desk: ActionDesk, home: Settings, pseudonymiser: Pseudonymiser
) -> None:
    line = {
        "field": "country",
        "value": "DE",
        "as_of": None,
        "evidence": {"mart": "users", "rows": []},
        "interval": None,
        "confidence": "as the rows say",
        "consent": "personal",
    }
    keys = (pseudonymiser.user("maya"), pseudonymiser.anonymous("visitor"))
    documents = ({"user_id": key, "consent": "granted", "lines": [line], "not_known": {}} for key in keys)
    about = {"made_at": NOW.isoformat(), "last_month": {}}
    assert desk.notes() == ["profiles: none were made yet; `shopsight run` makes them"]
    write_profiles(home, documents, [], about=about, refused=frozenset)
    for name, key in zip(("maya", "visitor"), keys, strict=True):
        document = desk.profile(name)
        TypeAdapter(Profile).validate_python(document)
        assert (document["user_id"], document["lines"]) == (key, [line])
    assert desk.notes() == []
    take_out_of_profiles(home, frozenset({keys[0]}))
    for gone in ("maya", "stranger", keys[1]):
        with pytest.raises(ProblemError) as refused:
            desk.profile(gone)
        assert (refused.value.status, refused.value.code) == (404, "unknown_user")
