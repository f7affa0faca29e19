"""Training sets: what was known about each entity at the moment of its row, and nothing later."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shopsight.feature_store.connection import UnusableFeaturesError, mart_source, open_feature_store
from shopsight.feature_store.contract import refuse_broken_contract
from shopsight.feature_store.online_rows import MICROSECOND
from shopsight.marts import mart_at, open_duckdb
from shopsight.settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from feast import FeatureService, FeatureStore

log = logging.getLogger(__name__)

IMPORTED_AFTER: Final = timedelta(days=30)
"""A row that arrives this long after it became known was imported, not late: late events come within days."""

EVENT_TIMESTAMP: Final = "event_timestamp"

_EMPTY_TYPES: Final = {"Int64": "float64", "Float64": "float64"}
"""Column types of a training set without rows, as they are with rows: pandas holds integers with nulls as floats."""


def training_set(
    settings: Settings,
    *,
    service: str,
    entities: "pa.Table | pd.DataFrame",
    columns: Sequence[str] | None = None,
) -> "pd.DataFrame":
    """Join a feature service's features to rows, each as of the row's own moment (Feast's point-in-time join).

    Only values that were known *and had arrived* by then are seen: a late correction is not. A row that nothing is
    known about keeps its place with nulls. Where most of a view was imported long after it happened, its arrival times
    mean nothing and are not asked for; ``attrs["imported_history"]`` of the result names such views.

    Args:
        settings: says where the marts are.
        service: name of the feature service, such as ``purchase_intent_v1``.
        entities: one row per training example: the service's join keys, ``event_timestamp`` (aware), and any further
            columns, such as the label, which come back untouched.
        columns: features wanted, by name; all of the service where omitted.

    Returns:
        The rows of ``entities`` in their order, their columns first, then the features in the order asked for.

    Raises:
        FeatureStoreNotReadyError: no definitions were applied, or a mart was not exported.
        UnusableFeaturesError: an unknown service or feature, a missing key column, or a service that is not what its
            family reads.
    """
    import pandas as pd

    store = open_feature_store(settings, read_only=True)
    definition = find_service(store, service)
    features, needed = _features_and_inputs(store, definition)
    wanted = list(features if columns is None else columns)
    frame = entities.copy() if isinstance(entities, pd.DataFrame) else entities.to_pandas()
    _refuse_unknown(service, missing=[name for name in wanted if name not in features], kind="feature")
    _refuse_unknown(
        service, missing=[n for n in (*needed, EVENT_TIMESTAMP) if n not in frame.columns], kind="entity column"
    )
    if frame.empty:
        return frame.assign(**{name: pd.Series(dtype=_EMPTY_TYPES.get(features[name], "object")) for name in wanted})
    imported = [view for view in definition.feature_view_projections if _was_imported(store, view.name)]
    joined = _join(store, definition, _keys_and_moments(entities, needed), arrived=not imported)
    in_order = pd.concat([frame.reset_index(drop=True), joined.select(wanted).to_pandas()], axis="columns")
    in_order.attrs["imported_history"] = [view.name for view in imported]
    return in_order


def find_service(store: "FeatureStore", name: str) -> "FeatureService":
    """Return the feature service of this name.

    Raises:
        UnusableFeaturesError: there is none, or it is not what the family that names it reads.
    """
    for service in store.list_feature_services():
        if service.name == name:
            refuse_broken_contract(service)
            return service
    names = ", ".join(sorted(s.name for s in store.list_feature_services()))
    raise UnusableFeaturesError(
        f"There is no feature service {name!r}.", why=f"defined are: {names}", fix="apply the feature definitions"
    )


def _features_and_inputs(store: "FeatureStore", service: "FeatureService") -> tuple[dict[str, str], list[str]]:
    """Return the type of each feature by its name, and the keys and request values that every row must bring."""
    features = {field.name: str(field.dtype) for view in service.feature_view_projections for field in view.features}
    inputs: dict[str, None] = {}
    on_demand = {view.name: view for view in store.list_on_demand_feature_views()}
    for projection in service.feature_view_projections:
        if projection.name in on_demand:
            inputs |= dict.fromkeys(on_demand[projection.name].get_request_data_schema())
        else:
            inputs |= dict.fromkeys(store.get_feature_view(projection.name).join_keys)
    return features, list(inputs)


def _keys_and_moments(entities: "pa.Table | pd.DataFrame", needed: Sequence[str]) -> "pd.DataFrame":
    """Return what the join needs of the rows that ask, in Arrow's memory: Feast wants a frame, not copies of texts."""
    import pandas as pd
    import pyarrow as pa

    columns = [*needed, EVENT_TIMESTAMP]
    if isinstance(entities, pd.DataFrame):
        entities = pa.Table.from_pandas(entities[columns], preserve_index=False)
    # Feast makes times aware by a function that does not know Arrow's.
    return pd.DataFrame(
        {
            name: column.to_pandas()
            if pa.types.is_timestamp(column.type)
            else pd.Series(column, dtype=pd.ArrowDtype(column.type))
            for name, column in zip(columns, entities.select(columns).columns, strict=True)
        }
    )


def _join(store: "FeatureStore", service: "FeatureService", frame: "pd.DataFrame", *, arrived: bool) -> "pa.Table":
    job = store.get_historical_features(entity_df=frame, features=service, filter_by_created_timestamp=arrived)
    joined = job.to_arrow()
    if len(joined) != len(frame):
        raise UnusableFeaturesError(
            f"Feast returned {len(joined)} rows for {len(frame)}.",
            why="a point-in-time join must keep every row once",
            fix="use the offline store of shopsight/feature_store/asof_store.py; the default one of Feast drops rows",
        )
    return joined


def _refuse_unknown(service: str, *, missing: list[str], kind: str) -> None:
    if missing:
        raise UnusableFeaturesError(
            f"The feature service {service!r} has no {kind} {', '.join(missing)}.",
            why="the name is not part of its contract, or the rows that ask lack it",
            fix="compare the names with feature_repo/feature_services.py",
        )


def _was_imported(store: "FeatureStore", view: str) -> bool:
    """Tell whether most of a view's rows arrived long after they became known, as years of history imported today do.

    Their arrival says when they were imported. Held against it, all of them would come back null: the model would
    learn that history means nothing, and be served with it all the same.
    """
    if view in {on_demand.name for on_demand in store.list_on_demand_feature_views()}:
        return False
    source = mart_source(store.get_feature_view(view))
    if not source.created_timestamp_column:
        return False
    query = f"""
        select coalesce(avg((epoch_us("{source.created_timestamp_column}") - epoch_us("{source.timestamp_field}")
                             > {IMPORTED_AFTER // MICROSECOND})::integer), 0) > 0.5
        from ({mart_at(Path(source.path)).rows()})
    """
    with open_duckdb() as connection:
        answer = connection.execute(query).fetchone()
    imported = bool(answer and answer[0])
    if imported:
        log.warning(
            "Most of %s arrived over %d days after it happened: it was imported as history without arrival times, so "
            "each value counts as known at its %s.",
            view,
            IMPORTED_AFTER.days,
            source.timestamp_field,
        )
    return imported
