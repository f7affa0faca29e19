"""Reads features for a request, in the process that serves it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from shopsight.feature_store.connection import REGISTRY_SNAPSHOT, UnusableFeaturesError, open_feature_store
from shopsight.feature_store.history import find_service
from shopsight.feature_store.online_rows import MonotoneOnlineStore, fields_of
from shopsight.settings import Settings
from shopsight.whole_files import version_of

if TYPE_CHECKING:
    from feast.online_response import OnlineResponse

STANDS: Final = "stands"
"""Tag of a view whose row is as true today as when it was written: an answer is no older for reading it."""


@dataclass(frozen=True, kw_only=True)
class DatedFeatures:
    """An entity's features and the moment they describe."""

    values: Mapping[str, Any]
    """Join keys and features by name; ``None`` where nothing is known."""
    as_of: datetime | None
    """When the oldest of the views read was last known to be true, less those whose rows stand until they change;
    ``None`` where none knows the entity."""


@dataclass(frozen=True, kw_only=True)
class _Request:
    """A service or view, resolved once: resolving it through the registry costs more than the read."""

    references: list[str]
    """``view:feature`` of each feature."""
    inputs: list[str]
    """Keys, and values that on-demand features are computed from, that every row must bring."""
    standing: frozenset[str]
    """Features of views whose rows grow no older (tag ``stands``)."""


class OnlineFeatures:
    """An open online store: keep one per process, it may be read from several threads."""

    def __init__(self, settings: Settings) -> None:
        """Open the store; importing Feast takes 5 to 7 CPU seconds the first time.

        Raises:
            FeatureStoreNotReadyError: no definitions were applied to this home.
        """
        self._store = open_feature_store(settings, read_only=True)
        self._definitions = settings.feature_store_dir / REGISTRY_SNAPSHOT
        self._resolved = version_of(self._definitions)
        self._requests: dict[tuple[str, str | None], _Request] = {}

    def read(self, service_or_view: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the features of each row's entities, in the order of the rows.

        Args:
            service_or_view: a feature service (``recommender_v1``) or a feature view (``item_features``).
            rows: the join keys of each entity, and the request's own values where on-demand features need them; all
                rows have the same names.

        Returns:
            Join keys and features by name; an unknown entity's features are ``None``.

        Raises:
            UnusableFeaturesError: no such service or view, or a join key is missing.
            OnlineStoreUnavailableError: the store does not exist or does not answer.
        """
        if not rows:
            return []
        response, _ = self._response(service_or_view, rows)
        columns = response.to_dict()
        return [{name: values[index] for name, values in columns.items()} for index in range(len(rows))]

    def read_dated(
        self, service_or_view: str, rows: Sequence[Mapping[str, Any]], *, key: str | None = None
    ) -> list[DatedFeatures]:
        """As :meth:`read`, with the moment that the features describe.

        Args:
            service_or_view: as for :meth:`read`.
            rows: as for :meth:`read`.
            key: read only the views of the service that are kept under this join key, such as the features of the user
                where those of the session came with the request; all views where omitted.
        """
        if not rows:
            return []
        response, request = self._response(service_or_view, rows, key=key)
        columns = response.to_dict()
        features = zip(response.proto.metadata.feature_names.val, response.proto.results, strict=True)
        aging, standing = list[list[int]](), list[list[int]]()
        for name, vector in features:
            if name not in rows[0]:
                moments = [moment.seconds for moment in vector.event_timestamps]
                (standing if name in request.standing else aging).append(moments)
        dated = []
        for index in range(len(rows)):
            values = {name: column[index] for name, column in columns.items()}
            oldest = _oldest(aging, index) or _oldest(standing, index)
            as_of = datetime.fromtimestamp(oldest, tz=UTC) if oldest else None
            dated.append(DatedFeatures(values=values, as_of=as_of))
        return dated

    def written_otherwise(self, service: str) -> list[str]:
        """Return the views of a service whose rows were last written whole with other fields than the views have now.

        Until they are written again, what a row lacks would be read as if nothing were known.
        """
        views = {view.name: view for view in self._store.list_feature_views(allow_cache=True)}
        names = [p.name for p in find_service(self._store, service).feature_view_projections if p.name in views]
        online = cast(MonotoneOnlineStore, self._store.provider.online_store)
        written = {name: online.held_fields(self._store.config, views[name]) for name in names if views[name].online}
        return [name for name, fields in written.items() if fields not in (None, fields_of(views[name]))]

    def _response(
        self, name: str, rows: Sequence[Mapping[str, Any]], *, key: str | None = None
    ) -> tuple["OnlineResponse", _Request]:
        # Definitions that were applied since may lack what the reader was resolved to: Feast would answer None for it.
        if (version := version_of(self._definitions)) != self._resolved:
            self._requests, self._resolved = {}, version
        request = self._requests.get((name, key))
        if request is None:
            request = self._requests[name, key] = self._request(name, key=key)
        for needed in request.inputs:
            if any(needed not in row for row in rows):
                raise UnusableFeaturesError(
                    f"The features {name!r} need {needed!r} in every row.",
                    why="they are stored under it, or computed from it",
                    fix=f"give rows with {', '.join(request.inputs)}",
                )
        entity_rows = [dict(row) for row in rows]
        return self._store.get_online_features(features=request.references, entity_rows=entity_rows), request

    def _request(self, name: str, *, key: str | None) -> _Request:
        views = {view.name: view for view in self._store.list_feature_views(allow_cache=True)}
        on_demand = {view.name: view for view in self._store.list_on_demand_feature_views(allow_cache=True)}
        if name in views or name in on_demand:
            projections = [(views.get(name) or on_demand[name]).projection]
        else:
            projections = find_service(self._store, name).feature_view_projections
        if key is not None:
            projections = [p for p in projections if p.name in views and views[p.name].join_keys == [key]]
            if not projections:
                raise UnusableFeaturesError(
                    f"{name!r} holds no features that are kept under {key!r} alone.",
                    why="none of its views has this join key",
                    fix="read it by the keys of its views, as feature_repo/feature_services.py lists them",
                )
        asked = [on_demand[p.name] for p in projections if p.name in on_demand]
        read = {p.name for p in projections if p.name in views}
        read |= {source.name for view in asked for source in view.source_feature_view_projections.values()}
        offline = [view for view in sorted(read) if not views[view].online]
        if offline:
            raise UnusableFeaturesError(
                f"{name!r} cannot be read online.",
                why=f"the feature view {', '.join(offline)} is kept offline only",
                fix="send its values with the request instead",
            )
        return _Request(
            references=[f"{p.name}:{field.name}" for p in projections for field in p.features],
            inputs=sorted(
                {key for view in read for key in views[view].join_keys}
                | {value for view in asked for value in view.get_request_data_schema()}
            ),
            standing=frozenset(
                field.name
                for p in projections
                if p.name in views and STANDS in views[p.name].tags
                for field in p.features
            ),
        )


def _oldest(moments: Sequence[Sequence[int]], index: int) -> int:
    """Return the earliest moment of one entity, in seconds since 1970; 0 where none of the features is known."""
    return min((seconds[index] for seconds in moments if seconds[index] > 0), default=0)
