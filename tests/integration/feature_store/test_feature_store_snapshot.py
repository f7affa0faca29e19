from pathlib import Path

import pytest

from shopsight.feature_store import apply_definitions
from shopsight.feature_store.connection import PROJECT, REGISTRY_SNAPSHOT
from shopsight.settings import Settings, tool_environment


def test_a_snapshot_read_where_another_lay_in_memory_is_not_taken_for_it(
    tmp_path: Path, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feast remembers views by address and version: one message parsed twice has the same address for certain."""
    from feast.infra.registry.proto_registry_utils import list_feature_views
    from feast.protos.feast.core.Registry_pb2 import Registry

    registry = Registry()
    for name in ("first", "second"):
        settings = home.model_copy(update={"home": tmp_path / name})
        for variable, value in tool_environment(settings).items():
            monkeypatch.setenv(variable, value)
        apply_definitions(settings)
        registry.ParseFromString((settings.feature_store_dir / REGISTRY_SNAPSHOT).read_bytes())
        sources = [Path(view.batch_source.path) for view in list_feature_views(registry, PROJECT, None)]
        assert sources
        assert {source.parent for source in sources} == {settings.exports_dir.resolve()}
