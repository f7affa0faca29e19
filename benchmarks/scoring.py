"""How fast the approved propensity models score: one event of a session, and a million customers at once.

    python -m benchmarks.scoring --json -

It takes the champions of the shop in ``SHOPSIGHT_HOME``: run ``make demo`` before it. *One event* is what the service
does for a request with a real session's events so far: check it, read the shopper's features online, compute those of
the session, predict, log. ``model_alone`` computes the session's features and predicts. Beside the wall time stands the
processor time of the same calls: on a machine with other work the first includes waiting for a core. *A million
customers* are the newest rows of the churn training set, as the asset ``churn_scores`` reads them, drawn with
replacement under new ids; it ends with the scores, the win-back list and its reasons on disk.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.output import add_json_option, write_figures
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

GOAL_EVENT_MS: Final = 2.0
GOAL_BATCH_SECONDS: Final = 60.0
WARM_UP: Final = 200


def approved(settings: Settings, family: str) -> Any:
    """Return the champion of a family.

    Raises:
        ShopsightError: nothing of this family is approved there.
    """
    from models.registry.registry import ModelRegistry

    champion = ModelRegistry.of(settings).champion(family)
    if champion is None:
        raise ShopsightError(
            f"no {family} model is approved in {settings.home}",
            why="the benchmark times the model that is served",
            fix="run make demo first, or set SHOPSIGHT_HOME to a shop that has one",
        )
    return champion


def score_events(settings: Settings, *, events: int, seed: int) -> dict[str, Any]:
    """Return the latency of single events of real sessions, in milliseconds."""
    from models.purchase_intent.features import SessionEvent, session_features
    from models.purchase_intent.predict import PurchaseIntentModel
    from serving.app import settle_memory
    from serving.features import FeatureReader
    from serving.prediction_log import PredictionLog
    from serving.purchase_intent.desk import TASK, PropensityDesk
    from serving.purchase_intent.schemas import PredictionRequest
    from serving.served_model import ServedModel
    from shopsight.feature_store import OnlineFeatures
    from shopsight.privacy import Pseudonymiser

    champion = approved(settings, TASK)
    model = PurchaseIntentModel.load(champion.path)
    rows = pq.read_table(settings.training_dir / TASK / "training_set.parquet", columns=[*model.feature_names])
    sessions = _sessions(settings, events=events + WARM_UP, seed=seed)
    reader = FeatureReader(lambda: OnlineFeatures(settings), cast(Pseudonymiser, _KeysAreKnown()))
    with tempfile.TemporaryDirectory() as folder:
        desk = PropensityDesk(
            model,
            model=ServedModel(
                family=TASK, version=champion.version, artefact=champion.path, card={}, evaluation={}, approval={}
            ),
            features=reader,
            categories=lambda: {},
            log=PredictionLog(Path(folder)),
            clock=lambda: datetime.now(UTC),
            new_id=lambda: "benchmark",
            act_from=settings.act_from,
        )
        settle_memory()

        def ask(user: str, session: Sequence[dict[str, Any]]) -> None:
            request = PredictionRequest.model_validate({"instances": [{"user_id": user, "events": session}]})
            (entry,) = desk.answer(TASK, request)["predictions"]
            assert entry["error"] is None, entry

        whole = _timed(ask, sessions)
    example = rows.slice(0, 1).to_pylist()[0]
    shaped = [
        (
            [
                SessionEvent(
                    event_name=event["event_name"],
                    event_timestamp=datetime.fromisoformat(event["event_timestamp"]),
                    item_id=event["item_id"],
                    price=event["price"],
                )
                for event in session
            ],
        )
        for _, session in sessions
    ]
    alone = _timed(lambda session: model.predict([example | session_features(session)]), shaped)
    lengths = np.array([len(session) for _, session in sessions])
    return {
        "version": champion.version,
        "events_scored": events,
        "events_of_a_session": {"median": int(np.median(lengths)), "longest": int(lengths.max())},
        "request": whole,
        "model_alone": alone,
        "goal_p99_ms": GOAL_EVENT_MS,
    }


def score_customers(settings: Settings, *, customers: int, seed: int) -> dict[str, Any]:
    """Return the seconds that a batch of customers takes, from the table in memory to the scores on disk."""
    from models.churn import predict
    from models.churn.config import for_size
    from models.churn.scoring import score

    champion = approved(settings, "churn")
    model = predict.load(champion.path)
    table = pq.read_table(settings.training_dir / "churn" / "training_set.parquet")
    newest = table.filter(pc.equal(table["event_timestamp"], pc.max(table["event_timestamp"])))
    drawn = newest.take(np.random.default_rng(seed).integers(0, newest.num_rows, customers))
    ids = pa.array([f"user-{number:08}" for number in range(customers)])
    drawn = drawn.set_column(drawn.column_names.index("user_id"), "user_id", ids)
    with tempfile.TemporaryDirectory() as folder:
        began, cpu = time.perf_counter(), time.process_time()
        scores = score(drawn, model, config=for_size(settings.training_size))
        pq.write_table(scores, Path(folder) / "scores.parquet")
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    return {
        "version": champion.version,
        "customers": customers,
        "distinct_rows": newest.num_rows,
        "scored": scores.num_rows,
        "on_the_win_back_list": int(pc.sum(scores["win_back"]).as_py() or 0),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "customers_per_second": round(customers / seconds),
        "goal_seconds_of_a_million": GOAL_BATCH_SECONDS,
    }


class _KeysAreKnown:
    """Ids of the marts are pseudonyms already."""

    def user(self, user_id: str) -> str:
        return user_id

    def anonymous(self, anonymous_id: str) -> str:
        return anonymous_id


def _sessions(settings: Settings, *, events: int, seed: int) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return moments of real sessions: the shopper, and the session's events up to then."""
    import duckdb

    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        warehouse.execute("set timezone = 'UTC'")
        table = warehouse.execute(
            "select session_id, any_value(user_id), list(event_name order by event_timestamp), "
            "list(event_timestamp order by event_timestamp), list(item_id order by event_timestamp), "
            "list(price order by event_timestamp) "
            "from intermediate.int_behaviour group by session_id "
            "having list(event_name order by event_timestamp)[1] not in ('begin_checkout', 'purchase') "
            "order by session_id"
        ).fetchall()
    rng = np.random.default_rng(seed)
    moments = []
    for place in rng.integers(0, len(table), events):
        _, user, names, times, items, prices = table[place]
        until = int(rng.integers(1, len(names) + 1))
        session = [
            {
                "event_name": name,
                "event_timestamp": at.isoformat(),
                "item_id": item,
                "price": None if price is None else float(price),
            }
            for name, at, item, price in zip(names[:until], times, items, prices, strict=False)
        ]
        moments.append((user, session))
    return moments


def _timed(call: Callable[..., Any], arguments: Sequence[Sequence[Any]]) -> dict[str, dict[str, float]]:
    """Return percentiles of the wall and the processor time of each call but the first ones, in milliseconds."""
    wall, cpu = np.empty(len(arguments)), np.empty(len(arguments))
    for place, one in enumerate(arguments):
        began, cpu_began = time.perf_counter(), time.thread_time()
        call(*one)
        cpu[place] = (time.thread_time() - cpu_began) * 1000
        wall[place] = (time.perf_counter() - began) * 1000
    return {
        name: {f"p{share:g}_ms": round(float(np.percentile(column[WARM_UP:], share)), 3) for share in (50, 95, 99)}
        for name, column in (("wall", wall), ("processor", cpu))
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000, help="single events to time")
    parser.add_argument("--customers", type=int, default=1_000_000, help="customers of the batch")
    parser.add_argument("--seed", type=int, default=1, help="of the draws")
    add_json_option(parser)
    arguments = parser.parse_args()
    settings = Settings()
    try:
        result = {
            "benchmark": "scoring",
            "one_event": score_events(settings, events=arguments.events, seed=arguments.seed),
            "batch": score_customers(settings, customers=arguments.customers, seed=arguments.seed),
        }
    except ShopsightError as error:
        parser.exit(1, f"{error}\n")
    write_figures(result, arguments.json)


if __name__ == "__main__":
    main()
