"""Churn over HTTP's head: customers by id, at a moment, with reasons; nobody unknown is an error."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from models.churn.dataset import LAST_DAY
from models.churn.predict import ChurnModel, load
from models.training import BASELINE_FOLDER
from serving.churn.desk import ChurnDesk
from serving.churn.schemas import ChurnPredictions, ChurnRequest
from serving.features import FeatureReader
from serving.http.problems import ProblemError
from serving.prediction_log import PredictionLog, read_log
from serving.served_model import ServedModel
from shopsight.feature_store import WrittenState
from shopsight.privacy import Pseudonymiser

NOW = datetime(2026, 1, 5, tzinfo=UTC)
Ask = Callable[..., list[dict[str, Any]]]


def us(days_ago: float) -> int:
    return int((NOW - timedelta(days=days_ago)).timestamp() * 1e6)


@pytest.fixture
def log(tmp_path: Path) -> PredictionLog:
    return PredictionLog(tmp_path / "log", clock=lambda: NOW)


@pytest.fixture
def desk(churn_folder: Path, log: PredictionLog, online: Any, pseudonymiser: Pseudonymiser) -> ChurnDesk:
    orders = [str(us(days)) for days in (90, 70, 50, 30, 10)]
    online.features[("churn_v1", pseudonymiser.user("maya"))] = {
        "last_seen_us": us(2),
        "ordered_us": orders,
        "order_values": ["20.0", "25.0", "20.0", "30.0", "20.0"],
        **dict.fromkeys(LAST_DAY, 3),
    }
    model = ServedModel(
        family="churn", version="v0001", artefact=Path(), trained_at="", card={}, evaluation={}, approval={}
    )
    return ChurnDesk(
        ChurnModel.load(churn_folder),
        model=model,
        features=FeatureReader(lambda: online, pseudonymiser),
        log=log,
        clock=lambda: NOW,
        new_id=lambda: "1",
    )


@pytest.fixture
def ask(desk: ChurnDesk) -> Ask:
    def answer(*instances: Any, **fields: Any) -> list[dict[str, Any]]:
        results = desk.answer("churn", ChurnRequest.model_validate({"instances": list(instances), **fields}))
        TypeAdapter(ChurnPredictions).validate_python(results)
        return [dict(entry) for entry in results["predictions"]]

    return answer


def test_a_regular_customer_who_stays_away_is_likelier_to_have_left(ask: Ask) -> None:
    now, later = ask({"user_id": "maya"}, {"user_id": "maya", "as_of": "2026-04-05T00:00:00Z"})
    assert (now["error"], now["user_known"], now["fallback"]) == (None, True, None)
    assert later["probability"] > now["probability"]
    assert now["expected_revenue"]["low"] <= now["expected_revenue"]["median"] <= now["expected_revenue"]["high"]
    assert now["features_as_of"] is not None


def test_where_the_import_stopped_weeks_ago_nobody_is_called_lost_for_it(
    desk: ChurnDesk, online: Any, pseudonymiser: Pseudonymiser, log: PredictionLog
) -> None:
    """Maya's features are of noon, January 5: what came of her since is not known, and so no sign that she left."""
    late = ChurnDesk(
        desk.predictor,
        model=desk.model,
        features=FeatureReader(lambda: online, pseudonymiser, written=lambda: WrittenState(data_end=NOW, shoppers={})),
        log=log,
        clock=lambda: NOW + timedelta(days=60),
        new_id=lambda: "1",
    )
    moments: list[dict[str, str]] = [{}, {"as_of": "2026-01-05T12:00:01Z"}, {"as_of": "2026-03-06T00:00:00Z"}]
    request = ChurnRequest.model_validate({"instances": [{"user_id": "maya"} | moment for moment in moments]})
    answer = late.answer("churn", request)
    TypeAdapter(ChurnPredictions).validate_python(answer)
    at_the_end, at_noon, today = (entry["probability"] for entry in answer["predictions"])
    assert at_the_end == at_noon
    assert at_noon < today
    assert answer["data_end"] == "2026-01-05T00:00:00Z", "the answer says how old the data are that it is made from"
    log.close()
    assert read_log(log.folder).rows[-1]["data_end"] == "2026-01-05T00:00:00Z"


def test_an_earlier_moment_is_told_nothing_of_what_came_after_it(ask: Ask) -> None:
    (then,) = ask({"user_id": "maya", "as_of": (NOW - timedelta(days=40)).isoformat()}, explain=True)
    values = {reason["feature"]: reason["value"] for reason in then["reasons"]}
    assert values.get("orders", 3) == 3
    (before,) = ask({"user_id": "maya", "as_of": (NOW - timedelta(days=400)).isoformat()})
    assert before["fallback"] == "base_rate"


def test_reasons_come_in_words_the_strongest_first(ask: Ask) -> None:
    (entry,) = ask({"user_id": "maya"}, explain=True)
    strengths = [abs(reason["log_odds"]) for reason in entry["reasons"]]
    assert len(strengths) == 5
    assert strengths == sorted(strengths, reverse=True)
    assert all(reason["words"].endswith("the risk") for reason in entry["reasons"])


def test_somebody_unknown_gets_the_base_rate_and_so_does_everybody_while_the_store_is_away(
    ask: Ask, desk: ChurnDesk, online: Any
) -> None:
    (stranger,) = ask({"user_id": "nobody"})
    assert (stranger["user_known"], stranger["fallback"]) == (False, "base_rate")
    assert stranger["probability"] == pytest.approx(desk.predictor.base_rate, abs=1e-6)
    online.away = True
    (entry,) = ask({"user_id": "maya"})
    assert (entry["user_known"], entry["fallback"], entry["error"]) == (None, "base_rate", None)


def test_one_bad_instance_fails_alone(ask: Ask) -> None:
    bad: list[Any] = [{}, {"user_id": ""}, {"user_id": "maya", "as_of": "soon"}, {"user_id": "maya", "x": 1}, 7]
    entries = ask(*bad, {"user_id": "maya"})
    assert [entry["error"] and entry["error"]["code"] for entry in entries] == ["invalid_instance"] * 5 + [None]


def test_another_task_is_not_found(desk: ChurnDesk) -> None:
    with pytest.raises(ProblemError) as problem:
        desk.answer("purchase_intent", ChurnRequest(instances=[{}]))
    assert problem.value.status == 404


def test_every_answer_leaves_one_row_with_pseudonyms_and_features(
    ask: Ask, log: PredictionLog, tmp_path: Path, pseudonymiser: Pseudonymiser
) -> None:
    ask({"user_id": "maya"}, {"user_id": "nobody"}, {})
    log.close()
    (row,) = read_log(tmp_path / "log").rows
    (result,) = row["results"]
    assert result["user"] == pseudonymiser.user("maya")
    assert len(result["features"]["ordered_us"]) == 5
    assert row["errors"] == 1


def test_the_next_order_is_told_with_an_interval_and_agrees_with_the_probability(ask: Ask) -> None:
    now, later = ask({"user_id": "maya"}, {"user_id": "maya", "as_of": "2026-04-05T00:00:00Z"})
    days = now["next_order_days"]
    assert days["low"] <= days["median"] <= (days["high"] or float("inf"))
    assert now["order_within"]["28"] == pytest.approx(1 - now["probability"], abs=2e-6)
    assert list(now["order_within"]) == ["7", "14", "28", "56"]
    assert (later["next_order_days"]["median"] or float("inf")) > days["median"]
    (stranger,) = ask({"user_id": "nobody"})
    assert (stranger["next_order_days"], stranger["order_within"]) == (None, None)


def test_where_bg_nbd_stands_in_the_same_request_is_answered_by_the_rhythm_of_the_orders_alone(
    desk: ChurnDesk, churn_folder: Path
) -> None:
    desk.predictor = load(churn_folder / BASELINE_FOLDER)
    desk.model = replace(desk.model, evaluation={"candidate": "bg_nbd", "is_baseline": True})
    request = ChurnRequest.model_validate({"instances": [{"user_id": "maya"}], "explain": True})
    answer = TypeAdapter(ChurnPredictions).validate_python(desk.answer("churn", request))
    assert answer["model"] == {"name": "churn", "version": "v0001", "baseline": "bg_nbd"}
    entry = answer["predictions"][0]
    assert entry["error"] is None
    assert 0 < entry["probability"] < 1
    assert entry["expected_revenue"]["low"] <= entry["expected_revenue"]["high"]
    assert [reason["feature"] for reason in entry["reasons"]] == ["bg_nbd"]
