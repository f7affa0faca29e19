"""Applies the definitions in ``feature_repo`` to the registry, and leaves readers a snapshot of it."""

import hashlib
import importlib
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

from shopsight.feature_store.connection import REGISTRY_SNAPSHOT, UnusableFeaturesError, open_feature_store
from shopsight.feature_store.contract import contracts, refuse_broken_contract
from shopsight.feature_store.online_rows import MonotoneOnlineStore
from shopsight.locking import exclusive
from shopsight.settings import REPO_ROOT, Settings, prepare_environment
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    from feast import FeatureService, FeatureStore, FeatureView
    from feast.protos.feast.core.Registry_pb2 import Registry

FEATURE_REPOSITORY: Final = REPO_ROOT / "feature_repo"

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


def apply_definitions(settings: Settings, *, repository: Path = FEATURE_REPOSITORY) -> AppliedDefinitions:
    """Make the registry equal to ``feature_repo``: add, change, remove. Applying twice changes nothing.

    Args:
        settings: says where the registry and the online store are.
        repository: folder of the definitions.

    Raises:
        UnusableFeaturesError: a family's feature service is missing, or not what the family reads; nothing was
            changed.
        ResourceBusyError: another process is applying definitions to the same home.
    """
    prepare_environment(settings)
    from feast import FeatureService, FeatureView, OnDemandFeatureView

    with exclusive(settings.feature_store_dir / ".lock", what="the feature store", wait_seconds=30):
        store = open_feature_store(settings)
        with feature_repository(repository) as modules:
            defined = _feast_objects(modules)
        _refuse_broken_contracts([d for d in defined if isinstance(d, FeatureService)])
        views = tuple(sorted(d.name for d in defined if isinstance(d, (FeatureView, OnDemandFeatureView))))
        services = tuple(sorted(d.name for d in defined if isinstance(d, FeatureService)))
        registered: list[Any] = [
            *store.list_feature_views(),
            *store.list_on_demand_feature_views(),
            *store.list_feature_services(),
        ]
        gone = [old for old in registered if old.name not in (*views, *services)]
        with warnings.catch_warnings():
            # Each on-demand view is announced as slow offline; docs/features.md has the cost.
            warnings.filterwarnings("ignore", message="On demand feature view", category=RuntimeWarning)
            store.apply(defined, objects_to_delete=gone, partial=False)
        _empty_offline_views(store, [d for d in defined if isinstance(d, FeatureView) and not d.online])
        _write_snapshot(settings, store.registry.proto())
    return AppliedDefinitions(views=views, services=services, removed=tuple(sorted(old.name for old in gone)))


@contextmanager
def feature_repository(folder: Path = FEATURE_REPOSITORY) -> Iterator[dict[str, ModuleType]]:
    """Import the modules of a feature repository by their bare names, for the length of the block.

    Feast's own tools import them so (``from entities import user``); names this general must not stay in
    ``sys.modules`` nor its folder on ``sys.path``, where another ``entities`` would collide with ours. The import is
    fresh each time, because ``entities`` reads the settings' home.
    """
    names = sorted(file.stem for file in folder.glob("*.py"))
    with _import_lock:
        hidden = {name: sys.modules.pop(name) for name in names if name in sys.modules}
        importlib.invalidate_caches()
        sys.path.insert(0, str(folder))
        try:
            yield {name: importlib.import_module(name) for name in names}
        finally:
            sys.path.remove(str(folder))
            for name in names:
                sys.modules.pop(name, None)
            sys.modules.update(hidden)


def _refuse_broken_contracts(services: "Sequence[FeatureService]") -> None:
    defined = {service.name: service for service in services}
    for contract in contracts():
        if contract.service not in defined:
            raise UnusableFeaturesError(
                f"The feature service {contract.service!r} of {contract.family!r} is not defined.",
                why=f"defined are: {', '.join(sorted(defined))}",
                fix="define it in feature_repo/feature_services.py, or name another where the family is declared",
            )
        refuse_broken_contract(defined[contract.service], exactly=True)


def _empty_offline_views(store: "FeatureStore", offline: "Sequence[FeatureView]") -> None:
    """Delete what the online store holds of views that were online once; Feast passes them over."""
    online, config = cast(MonotoneOnlineStore, store.provider.online_store), store.config
    once_online = [view for view in offline if online.held_fields(config, view) is not None]
    if once_online:
        online.update(config, once_online, [], [], [], partial=False)


def _feast_objects(modules: dict[str, ModuleType]) -> list[Any]:
    from feast import Entity, FeatureService, FeatureView, FileSource, OnDemandFeatureView, PushSource

    kinds = (Entity, FileSource, PushSource, FeatureView, OnDemandFeatureView, FeatureService)
    objects = {id(v): v for module in modules.values() for v in vars(module).values() if isinstance(v, kinds)}
    return list(objects.values())


def _write_snapshot(settings: Settings, registry: "Registry") -> None:
    """Replace the snapshot in one step: a reader sees the old one or the new one.

    Feast remembers the views it last listed by the registry's address in memory and its version, which the SQL registry
    leaves empty: a registry read where a discarded one lay would answer with the other's views. So it says what it is.
    """
    registry.version_id = hashlib.sha256(registry.SerializeToString(deterministic=True)).hexdigest()
    with replaced(settings.feature_store_dir / REGISTRY_SNAPSHOT) as staging:
        staging.write_bytes(registry.SerializeToString())
