"""The whole chain on a shop in which nothing happened yet, or next to nothing."""

import csv
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from running import call, environment_of, run, settings_of

from models.registry.registry import ModelRegistry
from serving.packaging.bento import find_bento
from serving.prediction_log import PredictionLog
from serving.recommender.desk import open_desk
from serving.recommender.schemas import RecommendationRequest
from serving.served_model import ServedModel
from shopsight.clock import utc_now
from shopsight.families import FAMILIES


@pytest.mark.slow
def test_an_empty_shop_runs_through_and_says_that_nothing_can_be_judged(tmp_path: Path) -> None:
    environment = environment_of(settings_of(tmp_path / "home"), tmp_path)
    finished = run(environment, "run", "--json")
    assert finished.returncode == 0, finished.stderr[-4000:]
    assert "recommender_evaluation:passes_its_gate" in json.loads(finished.stdout)["failed_checks"]
    status = json.loads(call(environment, "status", "--json").stdout)
    assert status["events"] == {"received": 0, "accepted": 0, "duplicates": 0, "corrected": 0, "quarantined": 0}
    assert status["bentos"] == []
    for family in FAMILIES:
        assert status["models"][family]["champion"] is None
        assert any("could be judged" in reason for reason in status["models"][family]["newest"]["reasons"])


@pytest.mark.slow
def test_a_shop_of_ten_orders_gets_lists_from_a_baseline_that_is_approved_as_one(tmp_path: Path) -> None:
    with (tmp_path / "ten.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["event_id", "event_name", "event_timestamp", "user_id", "item_id", "price", "order_id"])
        for order in range(10):
            for place, item in enumerate((f"sku-{2 * order % 12}", f"sku-{(2 * order + 1) % 12}")):
                moment = datetime(2026, 11, 1, 10, place, tzinfo=UTC) + timedelta(days=order)
                for name in ("view_item", "purchase"):
                    bought = f"o{order}" if name == "purchase" else ""
                    rows.writerow(
                        [f"{name}-{order}-{place}", name, moment.isoformat(), f"u{order % 7}", item, 10, bought]
                    )
    settings = settings_of(tmp_path / "home")
    environment = environment_of(settings, tmp_path) | {"SHOPSIGHT_APPROVAL_POLICY": "automatic"}
    assert run(environment, "import", "canonical_csv", str(tmp_path / "ten.csv")).returncode == 0
    assert run(environment, "run", "--json").returncode == 0
    status = json.loads(call(environment, "status", "--json").stdout)["models"]["recommender"]
    assert (status["champion"], status["is_baseline"]) == ("popularity_recent", True)

    champion = ModelRegistry.of(settings).champion("recommender")
    assert champion is not None
    assert find_bento(settings, champion) is not None
    model = ServedModel(
        family="recommender",
        version=champion.version,
        artefact=champion.path,
        card=champion.card,
        evaluation=asdict(champion.evaluation),
        approval={},
    )
    desk = open_desk(settings, model=model, log=PredictionLog(tmp_path / "log", clock=utc_now)).desk
    had = {"sku-2", "sku-3", "sku-4", "sku-5"}
    for asked, first, length in (
        ({"user_id": "u1", "num_results": 12}, "sku-7", 12 - len(had)),
        ({"placement": "best_sellers"}, "sku-0", 10),
        ({"placement": "bought_together", "item_ids": ["sku-0"]}, "sku-1", 10),
        ({"placement": "similar_items", "item_ids": ["sku-0"]}, "sku-1", 10),
    ):
        answer = desk.answer(RecommendationRequest.model_validate(asked))
        assert answer["model"]["baseline"] == "popularity_recent"
        items = [item["item_id"] for item in answer["items"]]
        assert (items[0], len(items)) == (first, length)
        assert "user_id" not in asked or not had.intersection(items)
