"""Small but real models to serve: written in the artefact formats that training writes, loaded by the same code."""

import asyncio
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from models.recommender.predict import Recommender
from serving.http.guard import RequestGuard
from serving.served_model import ServedModel
from shopsight.feature_store import DatedFeatures, OnlineStoreUnavailableError
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
CATEGORIES = ("shoes > running", "shoes > hiking", "shoes", "bags", "bags > backpacks", None)


def write_recommender(folder: Path, *, items: int = 60) -> Path:
    """Write a recommender of ``items`` items: ``i_0`` is the most popular, neighbours are those of the next numbers.

    Viewed together are the items two and four further on, bought together those six and seven further on (six further
    on is an item of the same category). Items are as many days old as their numbers.
    """
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    ids = [f"i_{n}" for n in range(items)]
    popularity = np.linspace(1.0, 0.01, items).astype(np.float32)
    arrays = {
        "popularity": popularity,
        "popularity_recent": popularity,
        "best_sellers": popularity,
        "trending": popularity[::-1].copy(),
        "item_knn.items": np.array([[(n + d) % items for d in range(1, 6)] for n in range(items)], dtype=np.int32),
        "item_knn.weights": np.tile(np.array([0.9, 0.7, 0.5, 0.3, 0.1], dtype=np.float32), (items, 1)),
    }
    for name, steps in (("viewed_together", (2, 4)), ("bought_together", (6, 7))):
        arrays[f"{name}.items"] = np.array([[(n + d) % items for d in steps] for n in range(items)], dtype=np.int32)
        arrays[f"{name}.weights"] = np.tile(np.array([0.8, 0.4], dtype=np.float32), (items, 1))
    arrays["age_days"] = np.arange(items, dtype=np.float32)
    save_file(arrays, str(folder / "arrays.safetensors"))
    catalogue = pa.table(
        {
            "item_id": ids,
            "title": [f"Item {n}" for n in range(items)],
            "category": pa.array([CATEGORIES[n % 6] for n in range(items)], pa.string()),
            "brand": pa.array(["Acme" if n % 2 else "Zenith" for n in range(items)]),
            "price": [float("nan") if n == 7 else 10.0 + n for n in range(items)],
            "is_available": [n != 3 for n in range(items)],
        }
    )
    pq.write_table(catalogue, folder / "catalogue.parquet")
    config = {
        "candidate": "item_knn",
        "weights": {"item_knn": 1.0},
        "history_length": 50,
        "neighbours": {
            name: {"decay": decay, "behaviour_weights": [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]}
            for name, decay in (("item_knn", 0.7), ("viewed_together", 1.0), ("bought_together", 1.0))
        },
        "sequence": None,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def write_purchase_intent(folder: Path) -> Path:
    """Write trees that learnt that carts mean purchases."""
    import lightgbm as lgb

    from models.evaluation.calibration import LogitScaling
    from models.purchase_intent.encoding import CATEGORICAL, FEATURES, FeatureEncoder
    from models.purchase_intent.predict import PurchaseIntentModel

    rng = np.random.default_rng(7)
    rows = 1000
    columns: dict[str, Any] = {
        name: rng.choice(np.array(["view_item", "add_to_cart"], dtype=object), rows)
        if name in CATEGORICAL
        else rng.poisson(2, rows).astype(float)
        for name in FEATURES
    }
    encoder = FeatureEncoder.fit(columns, names=FEATURES, max_categories=10)
    data = lgb.Dataset(
        encoder.matrix(columns),
        (columns["carts_so_far"] > 1).astype(int),
        feature_name=list(FEATURES),
        categorical_feature=encoder.categorical_places,
    )
    booster = lgb.train({"objective": "binary", "num_leaves": 7, "verbose": -1, "num_threads": 1}, data, 20)
    PurchaseIntentModel(booster, encoder, LogitScaling(slope=1.0, intercept=0.0)).save(folder)
    return folder


def write_churn(folder: Path) -> Path:
    """Write a churn model that a small shop of regular customers taught."""
    from churn_shop import CONFIG, shop, training_table

    from models.churn.train import train
    from models.progress import ignore_progress

    table = training_table(shop(1, customers=300), [60.0 + 28 * n for n in range(5)])
    settings: dict[str, Any] = {"seed": 7, "device": "cpu", "precision": "fp32", "report": ignore_progress}
    train(table, config=CONFIG, out_dir=folder, **settings)
    return folder


def write_search(folder: Path) -> Path:
    """Write an engine over a shop of four shelves, without a ranker: it answers by words and by meaning."""
    from search_shop import engine_of, items_table

    from models.search.train import write_catalogue

    folder.mkdir(parents=True, exist_ok=True)
    items = items_table()
    engine_of(items).save(folder)
    write_catalogue(folder, items, np.zeros((items.num_rows, 2)))
    return folder


def write_next_best_action(folder: Path) -> Path:
    """Write a model that a campaign taught: reminders bring new shoppers and drive busy ones away."""
    from campaign_trial import campaign_trial

    from models.next_best_action.config import NextBestActionConfig
    from models.next_best_action.train import train
    from models.progress import ignore_progress

    settings: dict[str, Any] = {"seed": 7, "device": "cpu", "precision": "fp32", "report": ignore_progress}
    config = NextBestActionConfig(resamples=50)
    train(campaign_trial(800, seed=1), config=config, out_dir=folder, **settings)
    return folder


class ShelfOfFeatures:
    """An online store in a dictionary: features by view and key; ``away`` takes it away, as an operator would."""

    def __init__(self, features: Mapping[tuple[str, ...], Mapping[str, Any]]) -> None:
        self.features = features
        self.away = False
        self.other_views: list[str] = []
        """Views whose rows have other fields than are read."""

    def read_dated(
        self, service_or_view: str, rows: Sequence[Mapping[str, str]], *, key: str | None = None
    ) -> list[DatedFeatures]:
        assert all(list(row) == [key] for row in rows), "a part of a service is read by its one key"
        if self.away:
            raise OnlineStoreUnavailableError(
                "The online store does not answer.", why="it is away", fix="bring it back"
            )
        stored = [self.features.get((service_or_view, *row.values())) for row in rows]
        return [DatedFeatures(values=f or {}, as_of=NOW if f is not None else None) for f in stored]

    def written_otherwise(self, service: str) -> list[str]:
        assert service
        return self.other_views


@pytest.fixture(scope="session")
def recommender_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recommender(tmp_path_factory.mktemp("recommender"))


@pytest.fixture(scope="session")
def eight_items(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """A recommender of so few items that neighbours are of one category."""
    return Recommender.load(write_recommender(tmp_path_factory.mktemp("few") / "recommender", items=8))


@pytest.fixture(scope="session")
def recommender(recommender_folder: Path) -> Recommender:
    return Recommender.load(recommender_folder)


@pytest.fixture(scope="session")
def purchase_intent_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_purchase_intent(tmp_path_factory.mktemp("purchase_intent"))


@pytest.fixture(scope="session")
def churn_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_churn(tmp_path_factory.mktemp("churn"))


@pytest.fixture(scope="session")
def search_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_search(tmp_path_factory.mktemp("search"))


@pytest.fixture(scope="session")
def next_best_action_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_next_best_action(tmp_path_factory.mktemp("next_best_action"))


@pytest.fixture
def pseudonymiser() -> Pseudonymiser:
    return Pseudonymiser(b"a key for tests only")


@pytest.fixture
def online(pseudonymiser: Pseudonymiser) -> ShelfOfFeatures:
    """Maya, a user with a history; ``visitor``, who never signed in; ``s_1``, a session of Maya's."""
    history = {"item_ids": ["i_10", "i_20"], "event_names": ["purchase", "view_item"]}
    return ShelfOfFeatures(
        {
            ("recommender_v1", pseudonymiser.user("maya")): history,
            ("recommender_v1", pseudonymiser.anonymous("visitor")): history,
            ("purchase_intent_v1", pseudonymiser.user("maya")): {"purchases_28d": 3, "favourite_category": "shoes"},
            ("purchase_intent_v1", "s_1"): {"carts_so_far": 3, "views_so_far": 5, "last_event_name": "add_to_cart"},
        }
    )


def served(family: str, artefact: Path) -> ServedModel:
    return ServedModel(
        family=family,
        version="v0001",
        artefact=artefact,
        trained_at="2026-01-01T00:00:00+00:00",
        card={"data_window": {"first": "2025-01-01", "last": "2025-12-31"}},
        evaluation={"metrics": {}},
        approval={"approver": "Ana", "reason": "good"},
    )


def write_intent(folder: Path) -> Path:
    """Write a classifier that knows one word per label: ``find``, ``versus``, ``does``, ``loved``."""
    from models.intent.model import IntentHead
    from models.intent.predict import write_config
    from models.text.sentences import load_sentence_encoder
    from shopsight.contracts import INTENTS

    buckets, encoder = 65_536, load_sentence_encoder()
    idf, table = np.zeros(buckets, np.float32), np.zeros((buckets, len(INTENTS) + 1), np.float32)
    for place, word in enumerate(("find", "versus", "does", "loved")):
        bucket = zlib.crc32(word[:4].encode()) % buckets
        idf[bucket], table[bucket, place] = 1.0, 30.0
    folder.mkdir(parents=True, exist_ok=True)
    bias = np.array([0, 0, 0, 0, 0.1, -9], np.float32)
    vector = np.zeros((len(INTENTS) + 1, encoder.dim), np.float32)
    IntentHead(vector_LD=vector, table_GL=table, bias_L=bias, idf_G=idf).save(folder)
    write_config(
        folder,
        encoder=encoder,
        labels=INTENTS,
        temperatures={"latin": 1.0, "cjk": 1.0},
        reject_below=0.0,
        foreign_above=0.0,
        scripts=("CJK", "LATIN"),
    )
    return folder


@pytest.fixture(scope="session")
def intent_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_intent(tmp_path_factory.mktemp("intent"))


@contextmanager
def client_of(family: str, artefact: Path, home: Path) -> Iterator[TestClient]:
    """Yield a client of a whole service; ``artefact`` stands in for the Bento's model, everything else is as served."""
    from serving import app
    from shopsight.families import FAMILIES, resolve

    service = resolve(FAMILIES[family].service)
    model = ServedModel(
        family=family,
        version="v0001",
        artefact=artefact,
        trained_at="2026-01-01T00:00:00Z",
        card={"data_window": "2025"},
        evaluation={"metrics": {}},
        approval={"approver": "Ana"},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_HOME", str(home))
        patch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
        patch.setattr(app, "champion", lambda: model)
        patch.setattr(app, "settle_memory", lambda: None)  # this process has other things to collect
        with TestClient(service.to_asgi(), raise_server_exceptions=False) as client:
            yield client


@pytest.fixture(scope="session")
def open_client() -> Callable[[str, Path, Path], AbstractContextManager[TestClient]]:
    return client_of


async def empty_answer(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"{}"})


class GuardedService:
    """A guarded service; its clock stands still until a test lets it go on."""

    def __init__(self, settings: Settings) -> None:
        self.seconds = 0.0
        self.guard = RequestGuard(empty_answer, settings=settings, seconds_now=lambda: self.seconds)

    def ask(
        self, method: str = "GET", path: str = "/v1/models", *, at: str = "http://shop", **request: Any
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.guard), base_url=at) as client:
                return await client.request(method, path, **request)

        return asyncio.run(send())

    def answers(self, key: str, **request: Any) -> bool:
        return self.ask(headers={"x-api-key": key}, **request).status_code == 200

    def notes(self) -> list[str]:
        return list(self.ask(path="/readyz").json()["notes"])


@pytest.fixture
def start(home: Settings) -> Callable[[], GuardedService]:
    """Start a service of the home, as late as the test likes."""
    return lambda: GuardedService(home)
