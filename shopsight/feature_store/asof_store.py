"""Feast's DuckDB offline store with a point-in-time join that sorts once instead of pairing every row with its past.

Feast's own joins each asking row with *all* earlier feature rows of its key and keeps the newest, twice as wide as it
needs to be. Here DuckDB's ASOF JOIN finds the one row over the keys and times alone, and the features are then taken
from the mart's Parquet files by their place in them, a column at a time: what is read is what is asked for.
"""

import itertools
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from feast import FeatureView, FileSource, OnDemandFeatureView, RepoConfig
from feast.infra.offline_stores import offline_utils
from feast.infra.offline_stores.duckdb import DuckDBOfflineStore, DuckDBOfflineStoreConfig
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from typing_extensions import override

from shopsight.feature_store.online_rows import MICROSECOND
from shopsight.marts import Mart, mart_at, sql_list

NUMBER: Final = "number of the asking row"
WIDE_BYTES: Final = 1 << 30
"""Texts of a column above this are addressed with 64 bits: 32 would overflow when rows repeat."""


class AsOfOfflineStoreConfig(DuckDBOfflineStoreConfig):
    """Configuration of :class:`AsOfOfflineStore`; Feast finds it by its name."""

    type: Literal["shopsight.feature_store.asof_store.AsOfOfflineStore"]


class AsOfOfflineStore(DuckDBOfflineStore):
    """Training sets by ASOF JOIN; everything else stays Feast's."""

    supports_filter_by_created_timestamp = True

    @staticmethod
    @override
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | str | None,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
        **window: datetime | None,
    ) -> RetrievalJob:
        """Plan the join of a frame of keys and ``event_timestamp`` with the features asked for, in the frame's order.

        Raises:
            TypeError: the rows that ask are given as SQL, or as a span of time.
        """
        if not isinstance(entity_df, pd.DataFrame) or window:
            raise TypeError("give the rows that ask as a data frame, not as SQL nor as a span of time")
        moment = offline_utils.infer_event_timestamp_from_entity_df(dict(entity_df.dtypes))
        return AsOfRetrievalJob(
            entity_df,
            moment=moment,
            views=feature_views,
            refs=feature_refs,
            on_demand=OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry),
            full_names=full_feature_names,
            arrived=filter_by_created_timestamp,
        )


class AsOfRetrievalJob(RetrievalJob):
    """A join that runs when its answer is asked for; Feast adds the on-demand features to that."""

    def __init__(
        self,
        entity_df: pd.DataFrame,
        *,
        moment: str,
        views: Sequence[FeatureView],
        refs: Sequence[str],
        on_demand: list[OnDemandFeatureView],
        full_names: bool,
        arrived: bool,
    ) -> None:
        self._entities = pa.Table.from_pandas(entity_df, preserve_index=False)
        self._moment = moment
        self._views = views
        self._refs = refs
        self._on_demand = on_demand
        self._full_names = full_names
        self._arrived = arrived

    @property
    def full_feature_names(self) -> bool:
        """Return whether features are named ``view__feature``."""
        return self._full_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """Return the views that Feast computes from the joined columns."""
        return self._on_demand

    @property
    def metadata(self) -> RetrievalMetadata:
        """Return what was asked for."""
        return RetrievalMetadata(features=list(self._refs), keys=self._entities.column_names)

    @override
    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        frame: pd.DataFrame = self._to_arrow_internal(timeout).to_pandas()
        return frame

    @override
    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        joined = self._entities
        with duckdb.connect(config={"threads": 2}) as connection:
            # Rows carry their own number: with several threads DuckDB hands blocks of rows back in any order.
            numbers = pa.array(np.arange(len(self._entities)))
            connection.register("entities", self._entities.append_column(NUMBER, numbers))
            for view in self._views:
                prefix = view.projection.name_alias or view.projection.name
                wanted = [ref.split(":", 1)[1] for ref in self._refs if ref.split(":", 1)[0] == prefix]
                mart = mart_at(Path(_source(view).path))
                places = self._places(connection, view, mart)
                for feature, column in _take(mart, wanted, places):
                    joined = joined.append_column(f"{prefix}__{feature}" if self._full_names else feature, column)
        return joined

    def _places(self, connection: duckdb.DuckDBPyConnection, view: FeatureView, mart: Mart) -> pa.Array:
        """Return, for each row that asks, the place in the view's mart of the newest row it may see, or null."""
        source = _source(view)
        names = view.projection.join_key_map or {column.name: column.name for column in view.entity_columns}
        keys = [f"k{number}" for number in range(len(names))]
        key_columns = ", ".join(f'"{name}" AS {key}' for key, name in zip(keys, names, strict=True))
        asked = ", ".join(f'"{name}" AS {key}' for key, name in zip(keys, names.values(), strict=True))
        created = source.created_timestamp_column or source.timestamp_field
        query = NEWEST_SEEN.format(
            number=NUMBER,
            files=sql_list(mart.files),
            place=_place(mart),
            present=mart.condition(),
            keys=", ".join(keys),
            key_columns=key_columns,
            asked=asked,
            known=f'epoch_us("{source.timestamp_field}")',
            arrived=f'epoch_us("{created}")',
            visible="greatest(known_us, arrived_us)" if self._arrived else "known_us",
            moment=f'epoch_us("{self._moment}"::TIMESTAMPTZ)',
            same_keys=" AND ".join(f"asked.{key} = versions.{key}" for key in keys),
            fresh=f"asked.moment_us - versions.known_us <= {view.ttl // MICROSECOND}" if view.ttl else "true",
        )
        places = connection.sql(query).to_arrow_table()
        return places["place"].take(np.argsort(places["nth"].to_numpy())).combine_chunks()


NEWEST_SEEN: Final = """
    with rows as (
        select {key_columns}, {known} as known_us, {arrived} as arrived_us, {visible} as visible_us,
            {place} as place, known_us::hugeint * 18446744073709551616 + arrived_us as version
        from read_parquet({files}, file_row_number = true) as rows
        where known_us is not null and arrived_us is not null and {present}
    ),
    -- A row that comes to light after a newer one is never the newest: without it, the last to appear is the answer.
    newer as (
        select *, max(version) over (
            partition by {keys} order by visible_us, version, place rows between unbounded preceding and 1 preceding
        ) as seen_version
        from rows
    ),
    versions as (
        select {keys}, visible_us, arg_max(place, version) as place, max(known_us) as known_us
        from newer where seen_version is null or version > seen_version
        group by {keys}, visible_us
    ),
    asked as (select {asked}, {moment} as moment_us, "{number}" as nth from entities)
    select nth, case when {fresh} then versions.place end as place
    from asked asof left join versions on {same_keys} and asked.moment_us >= versions.visible_us
"""


def _place(mart: Mart) -> str:
    """Return SQL for a row's place among the rows of all files, one after the other."""
    starts = itertools.accumulate((part.rows for part in mart.parts), initial=0)
    cases = "".join(f" when {part.number} then {start}" for part, start in zip(mart.parts, starts, strict=False))
    return f"file_row_number + case rows.part{cases} end" if cases else "file_row_number"


def _take(mart: Mart, features: Sequence[str], places: pa.Array) -> Any:
    """Yield each feature's name and its column at these places of the mart, one column in memory at a time."""
    with ExitStack() as stack:
        files = [stack.enter_context(pq.ParquetFile(path)) for path in mart.files]
        for feature in features:
            column = pa.chunked_array(
                [chunk for file in files for chunk in file.read(columns=[feature])[feature].chunks],
                type=files[0].schema_arrow.field(feature).type,
            )
            if column.nbytes > WIDE_BYTES:
                column = column.cast(_wide(column.type))
            yield feature, column.combine_chunks().take(places)


def _wide(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string(kind):
        return pa.large_string()
    return pa.large_list(_wide(kind.value_type)) if pa.types.is_list(kind) else kind


def _source(view: FeatureView) -> FileSource:
    source = view.batch_source
    if not isinstance(source, FileSource):
        raise TypeError(f"the feature view {view.name!r} is not read from a file")
    return source
