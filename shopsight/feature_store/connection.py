"""Opens Feast with the settings' stores, and names what is missing when it cannot."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from shopsight.errors import ShopsightError
from shopsight.marts import mart_exists
from shopsight.settings import Settings, prepare_environment

if TYPE_CHECKING:
    from feast import FeatureStore, FeatureView, FileSource

PROJECT: Final = "shopsight"
"""Feast's name for this set of definitions; part of every online key, so that one Redis can hold several."""

REGISTRY_SNAPSHOT: Final = "registry.pb"
"""What readers open: the registry as the last :func:`~shopsight.feature_store.apply_definitions` left it."""


class FeatureStoreNotReadyError(ShopsightError):
    """The definitions or the exported marts are not there yet."""


class OnlineStoreUnavailableError(ShopsightError):
    """The online store does not exist or does not answer."""


class UnusableFeaturesError(ShopsightError):
    """The exported features cannot be used as they are: wrong columns, infinite values, an unknown name."""


def open_feature_store(settings: Settings, *, read_only: bool = False) -> "FeatureStore":
    """Open the feature store.

    Args:
        settings: says where the state is and which online store is used.
        read_only: open the snapshot of the registry, as training and serving do. Only the process that applies
            definitions opens the registry itself.

    Raises:
        FeatureStoreNotReadyError: ``read_only`` and no definitions were applied yet.
    """
    prepare_environment(settings)
    if read_only and not (settings.feature_store_dir / REGISTRY_SNAPSHOT).exists():
        raise FeatureStoreNotReadyError(
            f"There are no feature definitions in {settings.feature_store_dir}.",
            why="they are applied before anything is trained or served, and that has not happened for this home",
            fix="run the features step (Dagster group `features`), or check SHOPSIGHT_HOME",
        )
    settings.feature_store_dir.mkdir(parents=True, exist_ok=True)

    from feast import FeatureStore, RepoConfig

    return FeatureStore(config=RepoConfig(**repository_config(settings, read_only=read_only)))


def mart_source(view: "FeatureView") -> "FileSource":
    """Return the source of a feature view: the Parquet file of its mart, and the names of its two timestamps.

    Raises:
        FeatureStoreNotReadyError: the mart was not exported yet.
    """
    source = cast("FileSource", view.batch_source)
    if not mart_exists(Path(source.path)):
        raise FeatureStoreNotReadyError(
            f"The mart behind the features {view.name!r} is missing: {source.path}.",
            why="the marts are exported after the warehouse is built, and that has not happened for this home",
            fix="build the warehouse (Dagster group `transformation`), or check SHOPSIGHT_HOME",
        )
    return source


def repository_config(settings: Settings, *, read_only: bool) -> dict[str, Any]:
    """Return Feast's configuration, as ``feature_store.yaml`` would spell it.

    Stores are given as dicts: Feast resolves their classes itself, and asserts on ready-made ones.
    """
    folder = settings.feature_store_dir.resolve()
    registry = (
        # A snapshot is re-read when the file changes; a TTL of 0 means that nothing else expires it.
        {"registry_type": "file", "path": str(folder / REGISTRY_SNAPSHOT), "cache_ttl_seconds": 0}
        if read_only
        else {"registry_type": "sql", "path": f"sqlite:///{folder / 'registry.db'}", "cache_ttl_seconds": 60}
    )
    return {
        "project": PROJECT,
        "provider": "local",
        "registry": registry,
        "offline_store": {"type": "shopsight.feature_store.asof_store.AsOfOfflineStore"},
        "online_store": _online_store(settings),
        "entity_key_serialization_version": 3,
    }


def _online_store(settings: Settings) -> dict[str, Any]:
    if settings.online_store_is_local:
        return {
            "type": "shopsight.feature_store.sqlite_store.MonotoneSqliteOnlineStore",
            "path": str(settings.feature_store_dir.resolve() / "online.db"),
        }
    return {
        "type": "shopsight.feature_store.redis_store.MonotoneRedisOnlineStore",
        "connection_string": _redis_connection(settings.online_store),
    }


def _redis_connection(url: str) -> str:
    """Turn ``redis://[user:password@]host[:port][/db]`` into Feast's ``host:port,db=0,…``."""
    parts = urlsplit(url)
    fix = "set SHOPSIGHT_ONLINE_STORE to `sqlite` or `redis://host:port/db` (`rediss://` for TLS)"
    database = parts.path.strip("/") or "0"
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or not database.isdigit():
        raise OnlineStoreUnavailableError(
            "The online store in the settings is not one that can be opened.",
            why=f"its scheme is {parts.scheme or 'missing'!r}; known are sqlite and redis",
            fix=fix,
        )
    if "," in (parts.password or "") or "," in (parts.username or ""):
        raise OnlineStoreUnavailableError(
            f"The Redis at {parts.hostname} cannot be opened.",
            why="its user or password holds a comma, which separates the fields of Feast's connection string",
            fix="choose a password without a comma",
        )
    # Half a second to connect and one to answer: a request must not hang on a store that is gone.
    fields = [f"{parts.hostname}:{parts.port or 6379}", f"db={database}", "socket_connect_timeout=0.5"]
    fields.append("socket_timeout=1.0")
    if parts.scheme == "rediss":
        fields.append("ssl=true")
    if parts.username:
        fields.append(f"username={parts.username}")
    if parts.password:
        fields.append(f"password={parts.password}")
    return ",".join(fields)
