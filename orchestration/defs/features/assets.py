"""Feast: definitions applied, features materialised to the online store, training sets joined point in time."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.metadata import OWNER, parquet_metadata
from shopsight.consent import PERSONAL_EXPORTS
from shopsight.families import FAMILIES, Family, TableTraining, resolve
from shopsight.marts import export_path, mart_exists, read_mart
from shopsight.refusals import read_refusals, take_out_of_exports, without_refusals
from shopsight.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa


def _marts(*names: str) -> list[dg.AssetKey]:
    return [dg.AssetKey(["marts", name]) for name in names]


@dg.asset(
    group_name="features",
    kinds={"python"},
    owners=[OWNER],
    deps=_marts(
        "user_features_daily",
        "user_history_daily",
        "user_purchases",
        "session_features",
        "session_state_features",
        "user_order_history_daily",
    ),
)
def online_features(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
    """The newest value of every feature that a request reads, of each user and session, in the services' store.

    Whoever refuses personal use leaves the store, and the exports that models wrote of an earlier state of the shop.
    """
    from shopsight.feature_store import apply_definitions, materialize

    applied = apply_definitions(settings)
    written = materialize(settings, until=datetime.now(UTC))
    taken_out = take_out_of_exports(settings, read_refusals(settings))
    return dg.MaterializeResult(
        metadata={
            "feature services": dg.MetadataValue.json(sorted(applied.services)),
            "dagster/row_count": sum(written.values()),
            "rows of refusing shoppers taken out of exports": taken_out,
            **{f"rows/{view}": rows for view, rows in written.items()},
        }
    )


@dg.asset(
    group_name="features",
    kinds={"parquet"},
    owners=[OWNER],
    deps=[online_features, *_marts("interactions", "items", "user_history_daily", "user_features_daily")],
)
def recommender_training_set(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
    """Every shopper's interactions in order; the recommender learns each next item from those before it.

    The sequence is its own point-in-time join: a row's features are the rows before it, so they are read in order from
    the mart. At serving time the same history comes through the feature service; so the end of the sequences is
    compared with it here, and a difference fails the asset.
    """
    import pyarrow.parquet as pq

    from models.recommender.cold.pictures import with_pictures
    from shopsight.feature_store import compare_histories

    folder = settings.training_dir / "recommender"
    folder.mkdir(parents=True, exist_ok=True)
    interactions = without_refusals(read_mart(settings, "interactions"), settings)
    service = FAMILIES["recommender"].feature_service
    compared = compare_histories(settings, service=service, interactions=interactions, now=datetime.now(UTC))
    pq.write_table(interactions, folder / "training_set.parquet")
    items = read_mart(settings, "items")
    # Not among the dependencies: a shop without pictures has no such table, and what depends on it would not run. The
    # pictures are those of the last time that they were read.
    if mart_exists(export_path(settings, "item_picture_embeddings")):
        items = with_pictures(items, read_mart(settings, "item_picture_embeddings"))
    pq.write_table(items, folder / "items.parquet")
    return dg.MaterializeResult(
        metadata={
            **parquet_metadata(folder / "training_set.parquet"),
            f"histories equal to those of {service}": compared,
        }
    )


def tabular_training_set(family: Family, training: TableTraining) -> dg.AssetsDefinition:
    """Return the asset that joins one family's features to its labels."""

    @dg.asset(
        name=f"{family.name}_training_set",
        group_name="features",
        kinds={"parquet"},
        owners=[OWNER],
        deps=[online_features, *_marts(training.labels, *training.marts)],
        description=training.description,
    )
    def training_set(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
        from models.tabular.sampling import whole_groups
        from shopsight.feature_store import contract_of

        labels = _labels(settings, training.labels)
        all_rows = labels.num_rows
        if training.max_rows is not None and training.sampled_by is not None:
            labels = whole_groups(labels, by=training.sampled_by, max_rows=training.max_rows, seed=settings.seed)
        return _point_in_time_training_set(
            settings,
            family,
            labels=labels,
            columns=contract_of(family.name).columns,
            beside={mart: (key, resolve(names)) for mart, (key, names) in training.beside.items()},
            left_out=all_rows - labels.num_rows,
        )

    return training_set


training_sets = [tabular_training_set(family, family.training) for family in FAMILIES.values() if family.training]


@dg.asset(
    group_name="features", kinds={"parquet"}, owners=[OWNER], deps=[online_features, *_marts("utterances", "reviews")]
)
def intent_training_set(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
    """One row per utterance of the shop: its text and channel, and the label the shop or the channel gave it.

    Beside it lie the reviews with their stars, which tone is learnt from.
    """
    import pyarrow.parquet as pq

    folder = settings.training_dir / "intent"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(read_mart(settings, "reviews"), folder / "reviews.parquet")
    labels = _labels(settings, "utterances")
    return _point_in_time_training_set(settings, FAMILIES["intent"], labels=labels, columns=("text", "channel"))


@dg.asset(
    group_name="features",
    kinds={"parquet"},
    owners=[OWNER],
    deps=[online_features, *_marts("search_clicks", "items", "item_demand_daily", "interactions", "graph_edges")],
)
def search_training_set(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
    """One row per search, with the item that it led to; beside it the items, their demand, and what shoppers did.

    A click counts the more, the seldomer its place in the list is looked at, where the service's log says the place.
    """
    import pyarrow.parquet as pq

    from models.search.attributes import with_attributes
    from models.search.click_weights import click_weights
    from serving.feedback.search_places import search_places

    folder = settings.training_dir / "search"
    folder.mkdir(parents=True, exist_ok=True)
    searches = read_mart(settings, "search_clicks")
    places = search_places(searches, settings.predictions_dir / "search")
    weights = click_weights(places.positions, places.bias)
    pq.write_table(searches.append_column("weight", weights), folder / "training_set.parquet")
    edges = read_mart(settings, "graph_edges", ["relation", "source_id", "target_id"])
    pq.write_table(with_attributes(read_mart(settings, "items"), edges), folder / "items.parquet")
    demand = read_mart(settings, "item_demand_daily", ["item_id", "event_date", "views", "purchases"])
    pq.write_table(demand, folder / "demand.parquet")
    interactions = read_mart(settings, "interactions", ["user_id", "event_timestamp", "item_id"])
    pq.write_table(without_refusals(interactions, settings), folder / "interactions.parquet")
    examined = {str(place): round(one.value, 4) for place, one in places.bias.examination.items()}
    return dg.MaterializeResult(
        metadata=parquet_metadata(folder / "training_set.parquet")
        | {
            "clicks whose place the log has": places.placed,
            "how often each place is looked at": places.bias.not_evaluable or dg.MetadataValue.json(examined),
        }
    )


@dg.asset(
    group_name="features",
    kinds={"parquet"},
    owners=[OWNER],
    deps=[online_features, *_marts("user_features_daily", "orders", "sessions", "users")],
)
def next_best_action_training_set(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
    """One row per shopper on the list of a launched campaign: the shopper as known then, the lot, and what came of it.

    Campaigns are those of `campaigns/journal.jsonl` whose days are over; of a shop that launched none it is empty.
    """
    import pyarrow.parquet as pq

    from models.next_best_action.config import for_size
    from models.next_best_action.dataset import AGE, FEATURES
    from orchestration.campaign_outcomes import campaign_outcomes, state_ages
    from shopsight.marts import open_marts

    family = FAMILIES["next_best_action"]
    with open_marts(settings, ("orders", "sessions", "user_features_daily")) as connection:
        horizon = for_size(settings.training_size).horizon_days
        outcomes = campaign_outcomes(settings, connection, horizon_days=horizon)
        labels = without_refusals(outcomes.rows, settings)
        labels = labels.append_column(AGE, state_ages(connection, labels))
    made = _point_in_time_training_set(
        settings, family, labels=labels, columns=FEATURES, beside={"users": ("user_id", ("age_band", "gender"))}
    )
    campaigns = pq.read_table(settings.training_dir / family.name / "training_set.parquet", columns=["campaign"])
    return dg.MaterializeResult(
        metadata={
            **(made.metadata or {}),
            "campaigns": len(campaigns["campaign"].unique()),
            "campaigns passed over": dg.MetadataValue.json(outcomes.passed_over),
        }
    )


def _labels(settings: Settings, mart: str) -> "pa.Table":
    """Return the rows to predict, without those of whoever refuses personal use."""
    labels = read_mart(settings, mart)
    return without_refusals(labels, settings) if mart in PERSONAL_EXPORTS else labels


def _point_in_time_training_set(
    settings: Settings,
    family: Family,
    *,
    labels: "pa.Table",
    columns: tuple[str, ...],
    beside: Mapping[str, tuple[str, tuple[str, ...]]] | None = None,
    left_out: int = 0,
) -> dg.MaterializeResult[None]:
    """Write a family's training set.

    ``beside`` adds columns of a mart by its key, such as who each row is about: they cut the evaluation into slices and
    are never learnt from. ``left_out`` is how many rows were too many, which is said where it is not 0.
    """
    from shopsight.feature_store import training_set

    folder = settings.training_dir / family.name
    folder.mkdir(parents=True, exist_ok=True)
    labels = labels.drop_columns([name for name in (*columns, "created_timestamp") if name in labels.column_names])
    joined = training_set(settings, service=family.feature_service, entities=labels, columns=columns)
    for mart, (key, names) in (beside or {}).items():
        mart_rows = read_mart(settings, mart, [key, *names]).to_pandas()
        for name in names:
            joined[name] = joined[key].map(mart_rows.set_index(key)[name])
    joined.to_parquet(folder / "training_set.parquet", index=False)
    sampled = {"rows left out, which would be too many": left_out} if left_out else {}
    return dg.MaterializeResult(metadata={**parquet_metadata(folder / "training_set.parquet"), **sampled})
