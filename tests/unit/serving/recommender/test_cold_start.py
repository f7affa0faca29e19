"""Items that nobody touched and shoppers of whom nothing is known, as the service answers them."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from models.recommender.predict import HistoryEvent, Recommender
from serving.features import FeatureReader
from serving.items.rules import RuleBook, RulesInForce
from serving.recommender.desk import RecommendationDesk
from serving.recommender.schemas import RecommendationRequest, Recommendations
from serving.served_model import ServedModel
from shopsight.live_items import LiveItem
from shopsight.privacy import Pseudonymiser

COLD = ("i_57", "i_58", "i_59")
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def cold_folder(recommender_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recommender of sixty items with a network beside it, three items of which nobody touched.

    The network's answer is the mean of the history's vectors; those lie on a circle, the cold ones at i_0, i_1, i_2.
    """
    import shutil

    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from safetensors.numpy import load_file, save_file

    folder = tmp_path_factory.mktemp("cold")
    shutil.copytree(recommender_folder, folder, dirs_exist_ok=True)
    arrays = load_file(str(folder / "arrays.safetensors"))
    angles = np.arange(60) * (2 * np.pi / 60)
    angles[57:] = angles[:3] + 0.01
    arrays["sequence.vectors"] = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    arrays["sequence.usable"] = np.ones(60, dtype=np.uint8)
    arrays["cold"] = (np.arange(60) >= 57).astype(np.uint8)
    arrays["trending"][57:] = 0.0
    arrays["item_knn.weights"][57:] = 0.0
    save_file(arrays, str(folder / "arrays.safetensors"))
    config = json.loads((folder / "config.json").read_text())
    config |= {"weights": {"transformer": 0.5, "item_knn": 0.5}, "sequence": {"length": 50}}
    (folder / "config.json").write_text(json.dumps(config))
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["items", "axis"], ["hidden"], keepdims=0)],
        "mean",
        [
            helper.make_tensor_value_info("items", TensorProto.FLOAT, ["B", "L", 2]),
            helper.make_tensor_value_info("behaviours", TensorProto.INT64, ["B", "L"]),
        ],
        [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["B", 2])],
        [numpy_helper.from_array(np.array([1]), "axis")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, str(folder / "sequence.onnx"))
    return folder


@pytest.fixture(scope="session")
def cold(cold_folder: Path) -> Recommender:
    return Recommender.load(cold_folder)


@pytest.fixture
def ask(cold: Recommender, online: Any, pseudonymiser: Pseudonymiser) -> Ask:
    """Answers under a rule book."""

    def answer(book: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        rules = RulesInForce(RuleBook.model_validate(book or {}), cold.catalogue)
        desk = RecommendationDesk(
            cold,
            model=ServedModel(
                family="recommender", version="v1", artefact=Path(), trained_at="", card={}, evaluation={}, approval={}
            ),
            features=FeatureReader(lambda: online, pseudonymiser),
            log=[],
            clock=lambda: datetime(2026, 1, 5, tzinfo=UTC),
            new_id=lambda: "1",
            rules=lambda: rules,
        )
        results = desk.answer(RecommendationRequest.model_validate(fields))
        TypeAdapter(Recommendations).validate_python(results)
        return dict(results)

    return answer


def viewed(*item_ids: str) -> list[dict[str, str]]:
    return [{"event_name": "view_item", "item_id": item_id} for item_id in item_ids]


def ids(answer: Mapping[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def test_an_item_nobody_touched_has_one_place_in_ten_and_says_why(ask: Ask) -> None:
    answer = ask(recent_events=viewed("i_4", "i_1"), num_results=10, explain=True)
    assert [item_id in COLD for item_id in ids(answer)] == [False] * 9 + [True]
    last = answer["items"][-1]
    assert (last["item_id"], last["source"]) == ("i_59", "content"), "its vector lies between the two that were viewed"
    assert last["reasons"] == [{"code": "new_item", "item_ids": ["i_1"], "weight": 1.0}]
    assert not set(COLD) & set(ids(ask(recent_events=viewed("i_4", "i_1"), num_results=9)))


@pytest.mark.parametrize(("share", "places"), [(0.0, []), (0.1, [10, 20]), (0.25, [4, 8, 12]), (1.0, [1, 2, 3])])
def test_the_shop_sets_the_share_of_new_items(ask: Ask, share: float, places: list[int]) -> None:
    answer = ask({"new_items": share}, recent_events=viewed("i_4"), num_results=20)
    assert [item["rank"] for item in answer["items"] if item["source"] == "content"] == places


def test_no_other_wish_lets_more_new_items_in(ask: Ask) -> None:
    """A boost moves them to the front; there are not more of them for it."""
    new = {"items": {"item_ids": list(COLD)}, "by": 1.0}
    book = {"new_items": 0.1, "rules": [{"name": "new", "boost": new}]}
    answer = ask(book, recent_events=viewed("i_4"), num_results=10)
    assert [item_id in COLD for item_id in ids(answer)] == [True] + [False] * 9


def test_new_items_keep_to_filters_and_exclusions(ask: Ask) -> None:
    answer = ask({"new_items": 1.0}, recent_events=viewed("i_4"), exclude_item_ids=["i_58"], num_results=20)
    assert {"i_57", "i_59"} <= set(ids(answer))
    assert "i_58" not in ids(answer)
    cheap = ask({"new_items": 1.0}, recent_events=viewed("i_4"), filter={"price": {"lte": 30}}, num_results=20)
    assert not set(COLD) & set(ids(cheap))


def test_what_is_like_a_new_item_is_what_its_text_and_attributes_are_like(ask: Ask) -> None:
    answer = ask(placement="similar_items", item_ids=["i_58"], num_results=2, explain=True)
    assert ids(answer) == ["i_1", "i_2"]
    assert answer["items"][0]["reasons"] == [{"code": "similar_content", "item_ids": ["i_58"], "weight": 1.0}]


def test_a_visit_of_new_items_alone_is_a_history(ask: Ask) -> None:
    answer = ask(recent_events=viewed("i_58"), num_results=3)
    assert (answer["fallback"], ids(answer)[0]) == ("session_events", "i_1")


def test_a_model_of_before_serves_no_item_as_new(recommender: Recommender) -> None:
    assert not recommender.cold_N.any()
    recommended = recommender.recommend(
        [HistoryEvent(item_id="i_4", event_name="view_item")], num_results=50, cold_share=1
    )
    assert "content" not in {item.source for item in recommended}


def test_a_shopper_whose_items_are_gone_gets_what_trends_in_the_category_they_like(
    ask: Ask, online: Any, pseudonymiser: Pseudonymiser, cold: Recommender
) -> None:
    gone = {"item_ids": ["sold"], "event_names": ["view_item"], "favourite_category": "Shoes > Hiking"}
    online.features[("recommender_v1", pseudonymiser.user("rosa"))] = gone
    answer = ask(user_id="rosa", num_results=3)
    assert (answer["user_known"], answer["fallback"]) == (True, "trending_in_segment")
    assert {cold.catalogue.categories[int(item_id[2:])] for item_id in ids(answer)} == {"shoes > hiking"}
    everybody = ask(user_id="rosa", num_results=3, personalised=False)
    assert everybody["fallback"] == "trending"


def test_a_visit_to_items_newer_than_the_model_is_served_by_their_category(ask: Ask, cold: Recommender) -> None:
    """The model cannot read the items, but the events say what they are; the newest three categories count."""
    names = ["shoes", "hats", "hats", "bags > backpacks", "wigs"]
    events = [{"event_name": "view_item", "item_id": f"n_{n}", "category": name} for n, name in enumerate(names)]
    answer = ask(recent_events=events, num_results=3)
    assert answer["fallback"] == "trending_in_segment"
    assert {cold.catalogue.categories[int(item_id[2:])] for item_id in ids(answer)} == {"bags > backpacks"}
    unheard_of = ask(recent_events=events[:2], num_results=3, placement="win_back")
    assert unheard_of["fallback"] == "trending_in_segment", "shoes are still among the newest three"
    assert ask(recent_events=events[1:3], num_results=3)["fallback"] == "trending"


def test_what_nobody_looks_at_does_not_trend_in_a_segment(ask: Ask, cold: Recommender) -> None:
    event = {"event_name": "view_item", "item_id": "n_1", "category": "bags"}
    answer = ask(recent_events=[event], num_results=60)
    ranked = [item["item_id"] for item in answer["items"]]
    bags = [i for i in ranked if (cold.catalogue.categories[int(i[2:])] or "").startswith("bags") and i not in COLD]
    assert len(bags) > 10
    assert ranked[: len(bags)] == bags
    assert not set(ranked[: len(bags)]) & set(COLD)


def test_cold_items_and_those_newer_than_the_model_take_their_places_in_turns(cold: Recommender) -> None:
    newcomer = LiveItem.of_row({"item_id": "new", "title": "Item 0 in red", "valid_from": "2026-05-01T12:00:00Z"})
    catalogue = cold.catalogue.with_room(3).with_live({60: newcomer})
    history = [HistoryEvent(item_id="i_0", event_name="view_item")]
    answer = cold.with_catalogue(catalogue).recommend(history, num_results=10, cold_share=0.4)
    assert [item.item_id for item in answer if item.source == "content"] == ["new", "i_57", "i_58", "i_59"]
    assert answer[1].item_id == "new"
    assert answer[1].reasons[0].item_ids == ("i_0",)
