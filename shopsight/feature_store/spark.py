"""Feast on Spark: training sets from the marts that Spark built, by the definitions that the platform applied.

The join is that of Feast's own Spark store. Spark plans and runs it, so neither the marts nor the rows that ask have to
fit on one machine. What is online is written from DuckDB's marts alone.
"""

import copy
from pathlib import Path
from typing import TYPE_CHECKING, cast

from shopsight.feature_store.connection import FeatureStoreNotReadyError, open_feature_store, repository_config
from shopsight.settings import Settings

if TYPE_CHECKING:
    from feast import FeatureStore, FeatureView, FileSource

SCHEMA = "marts"
"""The schema of Spark's catalogue that dbt builds the marts in."""


def open_spark_feature_store(settings: Settings, folder: Path) -> "FeatureStore":
    """Return a store with the views and services of the platform's registry, whose sources are Spark's tables.

    Views of what Spark does not build (embeddings come from training) and the services that need them are left out.
    Give ``get_historical_features`` a feature service and the rows that ask; with
    ``filter_by_created_timestamp=True`` it sees what had arrived by each row's moment, as
    :func:`shopsight.feature_store.training_set` does. Rows come back in any order.

    Args:
        settings: says where the registry is; it is read and not changed.
        folder: for the registry of this store, which is written anew.

    Raises:
        FeatureStoreNotReadyError: this process has no Spark session, or no definitions were applied yet.
    """
    from feast import FeatureStore, RepoConfig
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is None:
        raise FeatureStoreNotReadyError(
            "There is no Spark session whose marts could be asked.",
            why="the store asks the session that this process has",
            fix="open one: with shopsight.spark_warehouse.spark_session(folder): …",
        )
    applied = open_feature_store(settings, read_only=True)
    views = [view for view in applied.list_feature_views() if session.catalog.tableExists(_table_of(view))]
    on_demand = applied.list_on_demand_feature_views()
    names = {view.name for view in (*views, *on_demand)}
    registry = folder / "feast_on_spark.pb"
    registry.unlink(missing_ok=True)
    config = repository_config(settings, read_only=True) | {
        "registry": {"registry_type": "file", "path": str(registry)},
        "offline_store": {"type": "spark"},
        "online_store": None,
    }
    store = FeatureStore(config=RepoConfig(**config))
    store.apply(
        [
            *applied.list_entities(),
            *(_on_spark(view) for view in views),
            *on_demand,
            *(
                service
                for service in applied.list_feature_services()
                if names.issuperset(projection.name for projection in service.feature_view_projections)
            ),
        ]
    )
    return store


def _table_of(view: "FeatureView") -> str:
    """Return the name of the mart on Spark whose exported file a view reads."""
    return f"{SCHEMA}.{Path(cast('FileSource', view.batch_source).path).stem}"


def _on_spark(view: "FeatureView") -> "FeatureView":
    """Return the same view over the mart on Spark."""
    from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource

    source, moved = cast("FileSource", view.batch_source), copy.copy(view)
    moved.stream_source = None
    moved.batch_source = SparkSource(
        name=source.name,
        table=_table_of(view),
        timestamp_field=source.timestamp_field,
        created_timestamp_column=source.created_timestamp_column,
    )
    return moved
