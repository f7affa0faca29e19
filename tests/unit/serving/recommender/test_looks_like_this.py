"""What looks like the item of a page: by the home's pictures, under the filters and rules of every list."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.catalogue import Catalogue
from models.pictures.fit import fit_pictures
from models.pictures.index import PictureIndex
from models.pictures.space import PictureVectors
from models.recommender.predict import Recommender
from serving.audit.remaking import RecommendationsAgain
from serving.features import FeatureReader
from serving.http.problems import ProblemError
from serving.pictures.home_pictures import Pictures
from serving.prediction_log import PredictionLog, read_log
from serving.recommender.desk import RecommendationDesk
from serving.recommender.list_states import ListStates
from serving.recommender.schemas import RecommendationRequest
from serving.served_model import ServedModel
from shopsight.privacy import Pseudonymiser

NOW = datetime(2026, 1, 5, tzinfo=UTC)
NUM_PICTURES = 12
"""Of the first items; each three have the same picture but for some noise."""


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    rng = np.random.default_rng(1)
    shows = np.repeat(np.eye(NUM_PICTURES // 3, 8), 3, axis=0) + rng.normal(0, 0.01, (NUM_PICTURES, 8))
    shows = (shows / np.linalg.norm(shows, axis=1, keepdims=True)).astype(np.float32)
    colours = np.full((NUM_PICTURES, 4), 0.5, dtype=np.float32)
    digests = [f"d{number}" for number in range(NUM_PICTURES)]
    model = fit_pictures(digests, shows, colours, labels={}, texts_NT=np.zeros((NUM_PICTURES, 3), np.float32), seed=1)
    vectors = PictureVectors(shows_NK=model.space.project(shows), colours_NB=colours)
    item_ids = [f"i_{number}" for number in range(NUM_PICTURES)]
    return Pictures(
        model=model, digest="m", index=PictureIndex(item_ids=item_ids, vectors=vectors, labels={}, digests=digests)
    )


@pytest.fixture
def log(tmp_path: Path) -> PredictionLog:
    return PredictionLog(tmp_path / "log", clock=lambda: NOW)


@pytest.fixture
def desk_with(
    recommender: Recommender, log: PredictionLog, online: Any, pseudonymiser: Pseudonymiser
) -> Callable[..., RecommendationDesk]:
    def desk(pictures: Pictures | None, catalogue: Catalogue | None = None) -> RecommendationDesk:
        return RecommendationDesk(
            recommender,
            model=ServedModel(
                family="recommender",
                version="v0001",
                artefact=Path(),
                trained_at="",
                card={},
                evaluation={},
                approval={},
            ),
            features=FeatureReader(lambda: online, pseudonymiser),
            log=log,
            clock=lambda: NOW,
            new_id=lambda: "1",
            states=ListStates(log.folder, recommender.catalogue),
            pictures=lambda: pictures,
            catalogue=None if catalogue is None else lambda: catalogue,
        )

    return desk


def asked(desk: RecommendationDesk, **fields: Any) -> dict[str, Any]:
    request = RecommendationRequest.model_validate({"placement": "looks_like_this", "num_results": 2, **fields})
    return dict(desk.answer(request))


def test_the_items_whose_pictures_are_alike_come_with_their_reason(desk_with: Any, pictures: Pictures) -> None:
    answer = asked(desk_with(pictures), item_ids=["i_3"], explain=True)
    assert {item["item_id"] for item in answer["items"]} == {"i_4", "i_5"}
    assert answer["fallback"] is None
    assert answer["items"][0]["source"] == "pictures"
    assert answer["items"][0]["reasons"] == [{"code": "looks_like", "item_ids": ["i_3"], "weight": 1.0}]


def test_what_is_asked_to_be_left_out_is_no_part_of_it(desk_with: Any, pictures: Pictures) -> None:
    answer = asked(desk_with(pictures), item_ids=["i_3"], exclude_item_ids=["i_4"])
    assert answer["items"][0]["item_id"] == "i_5"
    assert "i_4" not in {item["item_id"] for item in answer["items"]}


def test_what_is_sold_out_is_not_shown(desk_with: Any, pictures: Pictures, recommender: Recommender) -> None:
    available = recommender.catalogue.available.copy()
    available[recommender.catalogue.positions["i_4"]] = False
    desk = desk_with(pictures, replace(recommender.catalogue, available=available))
    assert "i_4" not in {item["item_id"] for item in asked(desk, item_ids=["i_3"])["items"]}


@pytest.mark.parametrize("item_id", ["i_3", "i_30"])
def test_without_a_picture_similar_items_stand_in(desk_with: Any, pictures: Pictures, item_id: str) -> None:
    desk = desk_with(pictures if item_id == "i_30" else None)
    answer = asked(desk, item_ids=[item_id])
    assert answer["fallback"] == "similar_items"
    assert answer["items"]


def test_it_asks_for_an_item(desk_with: Any, pictures: Pictures) -> None:
    with pytest.raises(ProblemError, match="needs item_ids"):
        asked(desk_with(pictures))


def test_the_list_can_be_made_again_after_the_pictures_have_changed(
    desk_with: Any, pictures: Pictures, recommender_folder: Path, log: PredictionLog
) -> None:
    asked(desk_with(pictures), item_ids=["i_3"])
    log.close()
    (row,) = read_log(log.folder).rows
    again = RecommendationsAgain(recommender_folder, log.folder).again(row)
    assert again["results"] == row["results"]
    assert {item_id for item_id, _, _ in row["results"]} == {"i_4", "i_5"}
