"""Whether logged answers come out again, and how long it takes to find one in a large log.

    SHOPSIGHT_HOME=HOME python -m benchmarks.replay --json -
    SHOPSIGHT_HOME=HOME python -m benchmarks.replay --answers 1000 --log 100000 --json -

The home's champions answer for shoppers of the sample shop through their desks, with the home's online store, items and
rules; half of the lists explore. The answers go into a log of their own, and are made again from it. Texts of intents
are kept beside the log, for the replay alone. Then the log is filled up with further rows, and single answers are
looked up in it with their model, approval and gate; the command line's imports are not in that time.
"""

import argparse
import hashlib
import itertools
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from benchmarks.output import add_json_option, write_figures
from shopsight.families import FAMILIES
from shopsight.settings import Settings, prepare_environment

PLACEMENTS: Final = ("recommended_for_you", "similar_items", "trending", "win_back", "best_sellers", "cart_complement")
TEXTS: Final = ("trail running shoes under 80", "does this fit a wide foot", "Aero 3 versus Terra", "loved the colour")
LOOK_UPS: Final = 50
Ask = Callable[[int], object]


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=1_000, help="answers to make and to make again")
    parser.add_argument(
        "--log", type=int, default=100_000, help="answers in the log that is looked in; 0 leaves it out"
    )
    add_json_option(parser)
    arguments = parser.parse_args()
    given = Settings()
    with tempfile.TemporaryDirectory() as folder:
        for path in given.home.resolve().iterdir():
            if path.name not in ("predictions", "rules.yml"):
                (Path(folder) / path.name).symlink_to(path)
        settings = given.model_copy(update={"home": Path(folder)})
        prepare_environment(settings)
        (settings.rules_path).write_text(
            "explore: {share: 0.5, placements: [recommended_for_you, best_sellers], places: 3}\n"
        )
        figures: dict[str, Any] = {"benchmark": "replay", **measure_replay(settings, arguments.answers)}
        if arguments.log:
            figures["look_up"] = measure_look_up(settings, arguments.log)
        write_figures(figures, arguments.json)


def measure_replay(settings: Settings, answers: int) -> dict[str, Any]:
    """Have every champion answer its share of requests, make the answers again, and return what came of it."""
    from serving.audit.logged_rows import newest_rows
    from serving.audit.replay import replay

    asks = dict(champions(settings))
    for number, ask in zip(range(answers), itertools.cycle(asks.values()), strict=False):
        ask(number)
    newest = newest_rows(settings, list(FAMILIES), answers)
    texts = {hashlib.sha256(text.encode()).hexdigest()[:16]: text for text in TEXTS}
    started = time.perf_counter()
    result = replay(newest.rows, settings, texts=texts)
    seconds = time.perf_counter() - started
    sizes = [len(orjson.dumps(row)) for row in newest.rows if row["model"]["name"] == "recommender"]
    explored = sum(any(chance < 1 for chance in row.get("propensities") or ()) for row in newest.rows)
    return {
        **vars(result),  # not asdict, which makes pairs the keys of a Counter
        "damaged": list(newest.damaged),
        "lists_that_explored": explored,
        "replays_per_second": round(len(newest.rows) / seconds, 1),
        "bytes_of_a_list": {"median": int(np.median(sizes)), "max": max(sizes)} if sizes else None,
    }


def champions(settings: Settings) -> Iterator[tuple[str, Ask]]:
    """Yield, for each family with a champion, what has its desk answer a request of a number."""
    from models.registry.registry import ModelRegistry
    from serving.packaging.bento import find_bento
    from serving.prediction_log import PredictionLog
    from serving.served_model import ServedModel

    registry = ModelRegistry.of(settings)
    openers: Mapping[str, Callable[[Settings, ServedModel, PredictionLog], Ask]] = {
        "recommender": lists,
        "churn": churn,
        "purchase_intent": propensities,
        "intent": intents,
    }
    for family, opened in openers.items():
        champion = registry.champion(family)
        if champion is None:
            continue
        model = ServedModel(
            family=family, version=champion.version, artefact=champion.path, card={}, evaluation={}, approval={}
        )
        bento = find_bento(settings, champion)
        stamp = {"journal": str(registry.head()), "bento": bento.tag if bento else None}
        yield family, opened(settings, model, PredictionLog(settings.predictions_dir / family, stamp=stamp))


def shopper(number: int) -> str:
    """Return a shopper of the sample shop, one in ten of whom nobody knows."""
    return "maya" if number % 10 == 1 else f"user-{number % 400:07d}" if number % 10 else f"stranger {number}"


def lists(settings: Settings, model: Any, log: Any) -> Ask:
    """Return what asks for lists and rankings."""
    from serving.recommender.desk import open_desk
    from serving.recommender.schemas import RankingRequest, RecommendationRequest

    desk = open_desk(settings, model=model, log=log).desk
    item_ids = desk.recommender.catalogue.item_ids[: desk.recommender.catalogue.num_known]

    def ask(number: int) -> object:
        drawn = random.Random(number)
        if number % 7 == 0:
            ranked = {"user_id": shopper(number), "item_ids": drawn.sample(item_ids, 20)}
            return desk.rank(RankingRequest.model_validate(ranked))
        events = [{"event_name": "view_item", "item_id": item} for item in drawn.sample(item_ids, number % 4)]
        wanted: dict[str, Any] = {"placement": drawn.choice(PLACEMENTS), "item_ids": drawn.sample(item_ids, 2)}
        wanted |= {"user_id": shopper(number), "recent_events": events, "num_results": 5 + number % 20}
        wanted |= {"diversity": (number % 3) / 4, "explain": number % 5 == 0, "personalised": number % 11 != 0}
        return desk.answer(RecommendationRequest.model_validate(wanted))

    return ask


def churn(settings: Settings, model: Any, log: Any) -> Ask:
    """Return what asks about customers."""
    from models.churn import predict
    from serving.churn.desk import ChurnDesk
    from serving.churn.schemas import ChurnRequest
    from serving.features import feature_reader
    from serving.prediction_log import new_id
    from shopsight.clock import utc_now

    desk = ChurnDesk(
        predict.load(model.artefact),
        model=model,
        features=feature_reader(settings),
        log=log,
        clock=utc_now,
        new_id=new_id,
    )

    def ask(number: int) -> object:
        instances = [{"user_id": shopper(number + step)} for step in range(1 + number % 5)]
        return desk.answer("churn", ChurnRequest.model_validate({"instances": instances}))

    return ask


def propensities(settings: Settings, model: Any, log: Any) -> Ask:
    """Return what asks about sessions."""
    from models.purchase_intent.predict import PurchaseIntentModel
    from serving.features import feature_reader
    from serving.item_categories import followed_categories
    from serving.prediction_log import new_id
    from serving.purchase_intent.desk import PropensityDesk
    from serving.purchase_intent.schemas import PredictionRequest
    from shopsight.clock import utc_now

    desk = PropensityDesk(
        PurchaseIntentModel.load(model.artefact),
        model=model,
        features=feature_reader(settings),
        categories=followed_categories(settings),
        log=log,
        clock=utc_now,
        new_id=new_id,
        act_from=settings.act_from,
    )

    def ask(number: int) -> object:
        names = ("view_item", "add_to_cart", "view_item", "remove_from_cart")
        events = [
            {"event_name": names[step % 4], "event_timestamp": f"2026-10-31T10:0{step}:00Z", "item_id": f"item-{step}"}
            for step in range(1 + number % 6)
        ]
        instances = [{"user_id": shopper(number), "events": events}, {"events": events}]
        request = {"instances": instances, "explain": number % 3 == 0}
        return desk.answer("purchase_intent", PredictionRequest.model_validate(request))

    return ask


def intents(_settings: Settings, model: Any, log: Any) -> Ask:
    """Return what asks about texts; the names of the shop's items, which no logged field depends on, are left out."""
    from models.intent.predict import IntentClassifier
    from models.intent.tone import ToneModel
    from serving.intent.desk import IntentDesk
    from serving.intent.named_items import NamedItems
    from serving.intent.schemas import IntentRequest
    from serving.intent.shop_names import ShopNames
    from serving.prediction_log import new_id
    from shopsight.clock import utc_now

    names = ShopNames.of(NamedItems([]), categories=frozenset(), brands=frozenset())
    desk = IntentDesk(
        IntentClassifier.load(model.artefact),
        model=model,
        tone=ToneModel.load(model.artefact),
        names=lambda: names,
        log=log,
        clock=utc_now,
        new_id=new_id,
    )
    return lambda number: desk.answer(IntentRequest(texts=list(TEXTS[: 1 + number % len(TEXTS)])))


def measure_look_up(settings: Settings, rows: int) -> dict[str, Any]:
    """Fill the log up to a number of answers, and return how long it takes to find single ones with their origin."""
    from serving.audit.events import around
    from serving.audit.logged_rows import newest_rows
    from serving.audit.trace import origin_of
    from serving.prediction_log import PredictionLog, new_id

    seen = newest_rows(settings, list(FAMILIES), rows).rows
    ids: list[str] = []
    logs = {family: PredictionLog(settings.predictions_dir / family) for family in {r["model"]["name"] for r in seen}}
    for row in itertools.islice(itertools.cycle(seen), rows - len(seen)):
        kind = "recommendation_id" if "recommendation_id" in row else "prediction_id"
        ids.append(("rec_" if kind == "recommendation_id" else "pred_") + new_id())
        logs[row["model"]["name"]].append({**row, kind: ids[-1]})
    for log in logs.values():
        log.close()
    looked_up = random.Random(1).sample(ids, LOOK_UPS)
    took, busy, whole = [], [], []
    for answer_id in looked_up:
        started, began = time.process_time(), time.perf_counter()
        origin = origin_of(settings, answer_id)
        took.append(1_000 * origin.seconds)
        busy.append(1_000 * (time.process_time() - started))
        around(settings, origin)
        whole.append(1_000 * (time.perf_counter() - began))
    size = sum(path.stat().st_size for path in settings.predictions_dir.rglob("*.jsonl"))
    return {
        "rows": rows,
        "megabytes": round(size / 1e6, 1),
        "look_ups": len(took),
        "milliseconds": percentiles(took),
        # Of the processor, which does not count waiting for other programs; with the proof of the artefact.
        "processor_milliseconds": percentiles(busy),
        # With the proof, and with the batches before and the events after, from the event log.
        "whole_milliseconds": percentiles(whole),
    }


def percentiles(values: list[float]) -> dict[str, float]:
    """Return the median, the value that nineteen of twenty keep within, and the greatest of some values."""
    return {name: round(float(np.percentile(values, q)), 1) for name, q in (("p50", 50), ("p95", 95), ("max", 100))}


if __name__ == "__main__":
    main()
