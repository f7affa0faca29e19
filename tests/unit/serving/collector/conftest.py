"""The whole BentoML app of the collector, in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from shopsight.families import COLLECTOR, SERVICES, resolve


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    service = resolve(SERVICES[COLLECTOR].service)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_HOME", str(home))
        patch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
        patch.setenv("SHOPSIGHT_SHOPIFY_WEBHOOK_SECRET", "the secret of Shopify")
        patch.setenv("SHOPSIGHT_SHOP_ORIGINS", "https://shop.example,http://localhost:8000")
        patch.setattr("serving.collector.service.settle_memory", lambda: None)  # this process has more to collect
        with TestClient(service.to_asgi(), raise_server_exceptions=False) as client:
            yield client
