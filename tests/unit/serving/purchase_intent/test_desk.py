import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from models.purchase_intent.predict import MODEL_FILE, PurchaseIntentModel
from models.tabular.errors import BadArtefactError
from serving.features import FeatureReader
from serving.http.problems import ProblemError
from serving.prediction_log import PredictionLog, read_log
from serving.purchase_intent.desk import PropensityDesk
from serving.purchase_intent.schemas import PredictionRequest, Predictions
from serving.served_model import ServedModel
from shopsight.privacy import Pseudonymiser

Ask = Callable[..., list[dict[str, Any]]]
START = "2026-01-05T10:00:00Z"


def event(name: str, *, second: int = 0, **fields: Any) -> dict[str, Any]:
    return {"event_name": name, "event_timestamp": f"2026-01-05T10:00:{second:02d}Z", **fields}


@pytest.fixture
def log(tmp_path: Path) -> PredictionLog:
    return PredictionLog(tmp_path / "log", clock=lambda: datetime(2026, 1, 5, tzinfo=UTC))


@pytest.fixture
def desk(purchase_intent_folder: Path, log: PredictionLog, online: Any, pseudonymiser: Pseudonymiser) -> PropensityDesk:
    return PropensityDesk(
        PurchaseIntentModel.load(purchase_intent_folder),
        model=ServedModel(
            family="purchase_intent",
            version="v0001",
            artefact=Path(),
            trained_at="",
            card={},
            evaluation={},
            approval={},
        ),
        features=FeatureReader(lambda: online, pseudonymiser),
        categories=lambda: {"i_1": "shoes", "i_2": "bags"},
        log=log,
        clock=lambda: datetime(2026, 1, 5, tzinfo=UTC),
        new_id=lambda: "1",
        act_from=0.25,
    )


@pytest.fixture
def ask(desk: PropensityDesk) -> Ask:
    def answer(*instances: Any, **fields: Any) -> list[dict[str, Any]]:
        request = PredictionRequest.model_validate({"instances": list(instances), **fields})
        results = desk.answer("purchase_intent", request)
        TypeAdapter(Predictions).validate_python(results)
        return [dict(entry) for entry in results["predictions"]]

    return answer


def test_carts_make_a_purchase_likelier(ask: Ask) -> None:
    looking, buying = ask(
        {"events": [event("view_item", second=n) for n in range(3)]},
        {"events": [event("add_to_cart", second=n) for n in range(3)]},
    )
    assert buying["probability"] > looking["probability"]
    assert looking["fallback"] == "session_alone"


def test_a_model_that_reads_a_feature_which_is_not_served_is_refused(
    purchase_intent_folder: Path, tmp_path: Path
) -> None:
    """It would read the feature as unknown, and answer with another probability in silence."""
    folder = shutil.copytree(purchase_intent_folder, tmp_path / "model")
    for name in ("config.json", MODEL_FILE):
        (folder / name).write_text((folder / name).read_text().replace("carts_so_far", "carts_of_old"))
    with pytest.raises(BadArtefactError, match="reads what is not served: carts_of_old"):
        PropensityDesk(
            PurchaseIntentModel.load(folder),
            model=ServedModel(
                family="purchase_intent", version="v0001", artefact=folder, card={}, evaluation={}, approval={}
            ),
            features=None,  # type: ignore[arg-type]  # nobody is asked about
            categories=lambda: {},
            log=[],
            clock=lambda: datetime(2026, 1, 5, tzinfo=UTC),
            new_id=lambda: "1",
            act_from=0.25,
        )


def test_reaching_out_is_advised_from_where_it_earns_more_than_it_costs(ask: Ask, desk: PropensityDesk) -> None:
    instance = {"events": [event("add_to_cart", second=n) for n in range(3)]}
    (entry,) = ask(instance)
    assert entry["act"] == (entry["probability"] >= 0.25)
    for desk.act_from, act in ((entry["probability"] - 0.01, True), (entry["probability"] + 0.01, False)):
        assert [result["act"] for result in ask(instance, {"events": []})] == [act, None]


def test_a_session_id_stands_for_its_online_features(ask: Ask) -> None:
    (by_id,) = ask({"session_id": "s_1", "user_id": "maya"})
    assert (by_id["error"], by_id["user_known"], by_id["fallback"]) == (None, True, None)
    assert by_id["features_as_of"] == "2026-01-05T12:00:00Z"


def test_one_bad_instance_fails_alone(ask: Ask) -> None:
    good = {"events": [event("view_item")]}
    bad: list[Any] = [
        None,
        "s_1",
        [],
        {},
        {"user_id": "maya"},
        {"session_id": "unknown"},
        {"session_id": ""},
        {"events": [event("no_such_event")]},
        {"events": [event("view_item", price=-1)]},
        {"events": [{"event_name": "view_item", "event_timestamp": "yesterday"}]},
        {"events": [{"event_name": "view_item", "event_timestamp": "0001-01-01T00:00:00+14:00"}]},
        {"events": [event("purchase")]},
        {"events": [event("view_item")], "surprise": 1},
    ]
    answers = ask(good, *bad, good)
    assert [a["index"] for a in answers] == list(range(len(bad) + 2))
    assert answers[0]["probability"] == answers[-1]["probability"] is not None
    for index, failed in enumerate(answers[1:-1]):
        assert failed["probability"] is None
        assert failed["error"]["code"] in ("invalid_instance", "unknown_session", "no_session"), bad[index]


def test_without_the_online_store_events_are_still_answered(ask: Ask, online: Any) -> None:
    online.away = True
    by_events, by_id = ask({"user_id": "maya", "events": [event("view_item")]}, {"session_id": "s_1"})
    assert by_events["probability"] is not None
    assert (by_events["user_known"], by_events["fallback"]) == (None, "session_alone")
    assert by_id["error"]["code"] == "features_unavailable"


def test_an_event_without_category_takes_the_catalogues(ask: Ask, log: PredictionLog) -> None:
    ask({"events": [event("view_item", item_id="i_1"), event("view_item", item_id="i_2", second=5)]})
    log.close()
    (row,) = read_log(log.folder).rows
    assert row["results"][0]["features"]["distinct_categories_so_far"] == 2


def test_the_log_has_the_features_that_were_used_and_no_raw_id(
    ask: Ask, log: PredictionLog, pseudonymiser: Pseudonymiser
) -> None:
    ask({"user_id": "maya", "session_id": "s_1"}, {"user_id": "nobody@example.org", "events": [event("view_item")]})
    log.close()
    (row,) = read_log(log.folder).rows
    first, second = row["results"]
    assert (first["user"], first["features"]["carts_so_far"]) == (pseudonymiser.user("maya"), 3)
    assert first["features"]["purchases_28d"] == 3
    assert second["features"]["purchases_28d"] is None
    written = b"".join(path.read_bytes() for path in log.folder.rglob("*.jsonl"))
    assert b"maya" not in written
    assert b"example.org" not in written


def test_reasons_come_with_explain(ask: Ask) -> None:
    instance = {"events": [event("add_to_cart", second=n) for n in range(3)]}
    (plain,), (explained,) = ask(instance), ask(instance, explain=True)
    assert plain["reasons"] == []
    assert explained["reasons"][0]["feature"] == "carts_so_far"
    assert "put into the cart, which" in explained["reasons"][0]["words"]
    assert explained["probability"] == plain["probability"]


def test_tasks_that_are_not_there_are_told_apart(desk: PropensityDesk) -> None:
    request = PredictionRequest(instances=[{}])
    for task, status in {"churn": 422, "weather": 404}.items():
        with pytest.raises(ProblemError) as caught:
            desk.answer(task, request)
        assert caught.value.status == status


def test_a_model_that_reads_no_shopper_says_nothing_of_who_is_known(
    tmp_path: Path, log: PredictionLog, online: Any, pseudonymiser: Pseudonymiser
) -> None:
    import lightgbm as lgb
    import numpy as np

    from models.evaluation.calibration import LogitScaling
    from models.purchase_intent.encoding import FeatureEncoder

    carts = np.arange(100, dtype=np.float64)
    encoder = FeatureEncoder.fit({"carts_so_far": carts}, names=("carts_so_far",), max_categories=10)
    data = lgb.Dataset(carts[:, None], (carts > 50).astype(int), feature_name=["carts_so_far"])
    booster = lgb.train({"objective": "binary", "num_leaves": 3, "verbose": -1, "num_threads": 1}, data, 2)
    desk = PropensityDesk(
        PurchaseIntentModel(booster, encoder, LogitScaling(slope=1.0, intercept=0.0)),
        model=ServedModel(
            family="purchase_intent", version="v1", artefact=tmp_path, card={}, evaluation={}, approval={}
        ),
        features=FeatureReader(lambda: online, pseudonymiser),
        categories=lambda: {},
        log=log,
        clock=lambda: datetime(2026, 1, 5, tzinfo=UTC),
        new_id=lambda: "1",
        act_from=0.25,
    )
    request = PredictionRequest.model_validate({"instances": [{"user_id": "maya", "events": [event("view_item")]}]})
    (entry,) = desk.answer("purchase_intent", request)["predictions"]
    assert (entry["user_known"], entry["fallback"], entry["features_as_of"]) == (None, "session_alone", None)
