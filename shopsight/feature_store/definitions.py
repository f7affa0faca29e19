"""Applies the definitions in ``feature_repo`` to the registry, and leaves readers a snapshot of it."""

import hashlib
import importlib.util
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from shopsight.feature_store.connection import REGISTRY_SNAPSHOT, open_feature_store
from shopsight.locking import exclusive
from shopsight.settings import REPO_ROOT, Settings, prepare_environment
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    from feast.protos.feast.core.Registry_pb2 import Registry

MODULES: Final = (
    "entities",
    "data_sources",
    "feature_views",
    "session_views",
    "taste_views",
    "order_views",
    "embedding_views",
    "on_demand_views",
    "feature_services",
)
"""The modules of ``feature_repo`` in the order in which they import each other."""

_import_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class AppliedDefinitions:
    """What the registry holds after applying."""

    views: tuple[str, ...]
    """Names of the feature views."""
    services: tuple[str, ...]
    """Names of the feature services."""
    removed: tuple[str, ...]
    """Names of views and services that were in the registry and are no longer defined."""


def apply_definitions(settings: Settings) -> AppliedDefinitions:
    """Make the registry equal to ``feature_repo``: add, change, remove. Applying twice changes nothing.

    Raises:
        ResourceBusyError: another process is applying definitions to the same home.
    """
    prepare_environment(settings)
    from feast import FeatureService, FeatureView, OnDemandFeatureView

    with exclusive(settings.feature_store_dir / ".lock", what="the feature store", wait_seconds=30):
        store = open_feature_store(settings)
        with feature_repository() as modules:
            defined = _feast_objects(modules)
        views = tuple(sorted(d.name for d in defined if isinstance(d, (FeatureView, OnDemandFeatureView))))
        services = tuple(sorted(d.name for d in defined if isinstance(d, FeatureService)))
        held: list[Any] = [
            *store.list_feature_views(),
            *store.list_on_demand_feature_views(),
            *store.list_feature_services(),
        ]
        gone = [old for old in held if old.name not in (*views, *services)]
        with warnings.catch_warnings():
            # Each on-demand view is announced as slow offline; docs/features.md has the cost.
            warnings.filterwarnings("ignore", message="On demand feature view", category=RuntimeWarning)
            store.apply(defined, objects_to_delete=gone, partial=False)
        _write_snapshot(settings, store.registry.proto())
    return AppliedDefinitions(views=views, services=services, removed=tuple(sorted(old.name for old in gone)))


@contextmanager
def feature_repository() -> Iterator[dict[str, ModuleType]]:
    """Import the modules of ``feature_repo`` by their bare names, for the length of the block.

    Feast's own tools import them so (``from entities import user``); names this general must not stay in
    ``sys.modules``, where another ``entities`` would collide with ours. The import is fresh each time, because
    ``data_sources`` reads the settings' home.
    """
    with _import_lock:
        hidden = {name: sys.modules.pop(name) for name in MODULES if name in sys.modules}
        modules: dict[str, ModuleType] = {}
        try:
            for name in MODULES:
                spec = importlib.util.spec_from_file_location(name, REPO_ROOT / "feature_repo" / f"{name}.py")
                assert spec is not None and spec.loader is not None  # noqa: PT018
                modules[name] = sys.modules[name] = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(modules[name])
            yield modules
        finally:
            for name in MODULES:
                sys.modules.pop(name, None)
            sys.modules.update(hidden)


def _feast_objects(modules: dict[str, ModuleType]) -> list[Any]:
    from feast import Entity, FeatureService, FeatureView, FileSource, OnDemandFeatureView, PushSource

    kinds = (Entity, FileSource, PushSource, FeatureView, OnDemandFeatureView, FeatureService)
    found = {id(v): v for module in modules.values() for v in vars(module).values() if isinstance(v, kinds)}
    return list(found.values())


def _write_snapshot(settings: Settings, registry: "Registry") -> None:
    """Replace the snapshot in one step: a reader sees the old one or the new one.

    Feast remembers the views it last listed by the registry's address in memory and its version, which the SQL registry
    leaves empty: a registry read where a discarded one lay would answer with the other's views. So it says what it is.
    """
    registry.version_id = hashlib.sha256(registry.SerializeToString(deterministic=True)).hexdigest()
    with replaced(settings.feature_store_dir / REGISTRY_SNAPSHOT) as staging:
        staging.write_bytes(registry.SerializeToString())
