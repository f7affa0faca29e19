"""Two hundred lists of a desk as it is served, asked by two threads while items and rules change, come out again."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from approved_toys import crown_toy, toys

from models.catalogue import Catalogue
from serving.audit.logged_rows import newest_rows
from serving.audit.replay import replay
from serving.items import live_catalogue, shop_file
from serving.prediction_log import PredictionLog
from serving.recommender.desk import open_desk
from serving.recommender.schemas import RecommendationRequest
from serving.served_model import ServedModel
from shopsight.ingestion.collecting.live_file import LiveItemsFile
from shopsight.settings import Settings

ASKED = 200


def test_two_hundred_lists_come_out_again_though_items_and_rules_changed_meanwhile(
    home: Settings, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (live_catalogue, shop_file):
        monkeypatch.setattr(module, "LOOK_AGAIN_SECONDS", 0.0)
    folder = toys().write_recommender(tmp_path / "toy")
    version = crown_toy(home, "recommender", folder)
    model = ServedModel(
        family="recommender", version="v0001", artefact=version.path, card={}, evaluation={}, approval={}
    )
    home.exports_dir.mkdir(parents=True)
    home.live_items_path.parent.mkdir()
    (folder / "catalogue.parquet").rename(home.exports_dir / "items.parquet")
    log = PredictionLog(home.predictions_dir / "recommender")
    desk = open_desk(home, model=model, log=log).desk
    items = LiveItemsFile(home.live_items_path)
    said = datetime.now(UTC)

    def ask(number: int) -> None:
        view = {"event_name": "view_item", "item_id": f"i_{number % 60}", "category": "shoes"}
        placement = ("recommended_for_you", "trending", "win_back", "best_sellers")[number % 4]
        desk.answer(
            RecommendationRequest.model_validate(
                {"placement": placement, "recent_events": [view], "num_results": 12, "explain": number % 3 == 0}
            )
        )

    with ThreadPoolExecutor(2) as threads:
        for start in range(0, ASKED, 10):
            asked = [threads.submit(ask, start + number) for number in range(10)]
            home.rules_path.write_text(
                json.dumps({"less_popular": start / ASKED, "explore": {"share": 0.5, "placements": ["best_sellers"]}})
            )
            row = {"item_id": f"i_{start % 60}", "valid_from": (said + timedelta(seconds=start)).isoformat()}
            newcomer = {**row, "item_id": f"new_{start}", "title": "Item new", "category": "shoes > running"}
            sold_out = {**row, "price": 5.0 + start, "availability": "out_of_stock"}
            items.append([json.dumps(sold_out).encode(), json.dumps(newcomer).encode()])
            for one in asked:
                one.result()
    log.close()
    newest = newest_rows(home, ["recommender"], 2 * ASKED)
    states = {row["inputs"]["state"] for row in newest.rows}
    result = replay(newest.rows, home, texts={})
    assert (result.asked, result.identical, newest.damaged) == (ASKED, ASKED, []), result.differences[:3]
    assert len(states) > 10, "the items and rules did change"
    assert len(Catalogue.read(version.path / "catalogue.parquet")) == 60
