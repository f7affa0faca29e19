"""Feast: definitions applied, features materialised to the online store, training sets joined point in time."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg

from orchestration.metadata import OWNER, parquet_metadata
from shopsight.contracts import SESSION_FEATURES, USER_FEATURES
from shopsight.settings import Settings


def _marts(*names: str) -> list[dg.AssetKey]:
    return [dg.AssetKey(["marts", name]) for name in names]


@dg.asset(
    group_name="features",
    kinds={"python"},
    owners=[OWNER],
    deps=_marts(
        "user_features_daily",
        "user_history_daily",
        "session_features",
        "session_state_features",
        "user_order_history_daily",
    ),
)
def online_features() -> dg.MaterializeResult[None]:
    """The newest value of every feature that a request reads, of each user and session, in the services' store."""
    from shopsight.feature_store import apply_definitions, materialize

    settings = Settings()
    applied = apply_definitions(settings)
    written = materialize(settings, until=datetime.now(UTC))
    return dg.MaterializeResult(
        metadata={
            "feature services": dg.MetadataValue.json(sorted(applied.services)),
            "dagster/row_count": sum(written.values()),
            **{f"rows/{view}": rows for view, rows in written.items()},
        }
    )


@dg.asset(
    group_name="features",
    kinds={"parquet"},
    owners=[OWNER],
    deps=[online_features, *_marts("interactions", "items", "user_history_daily", "user_features_daily")],
)
def recommender_training_set() -> dg.MaterializeResult[None]:
    """Every shopper's interactions in order; the recommender learns each next item from those before it.

    The sequence is its own point-in-time join: a row's features are the rows before it, so they are read in order from
    the mart. At serving time the same history comes through the feature service; so the end of the sequences is
    compared with it here, and a difference fails the asset.
    """
    import pyarrow.parquet as pq

    from shopsight.feature_store import compare_histories, contract_of

    settings = Settings()
    folder = settings.training_dir / "recommender"
    folder.mkdir(parents=True, exist_ok=True)
    interactions = pq.read_table(settings.exports_dir / "interactions.parquet")
    service = contract_of("recommender").service
    compared = compare_histories(settings, service=service, interactions=interactions, now=datetime.now(UTC))
    pq.write_table(interactions, folder / "training_set.parquet")
    pq.write_table(pq.read_table(settings.exports_dir / "items.parquet"), folder / "items.parquet")
    return dg.MaterializeResult(
        metadata={
            **parquet_metadata(folder / "training_set.parquet"),
            f"histories equal to those of {service}": compared,
        }
    )


@dg.asset(
    group_name="features",
    kinds={"parquet"},
    owners=[OWNER],
    deps=[online_features, *_marts("session_labels", "session_features", "user_features_daily", "users", "sessions")],
)
def purchase_intent_training_set() -> dg.MaterializeResult[None]:
    """One row per session event: the session's shape and the shopper as known then, and whether a purchase followed."""
    from models.evaluation.fairness import ATTRIBUTES
    from models.purchase_intent.dataset import SEGMENTS

    return _point_in_time_training_set(
        "purchase_intent",
        entities="session_labels",
        columns=(*SESSION_FEATURES, *USER_FEATURES),
        beside={"users": ("user_id", ATTRIBUTES), "sessions": ("session_id", SEGMENTS)},
    )


@dg.asset(
    group_name="features",
    kinds={"parquet"},
    owners=[OWNER],
    deps=[online_features, *_marts("churn_labels", "user_order_history_daily", "user_features_daily", "users")],
)
def churn_training_set() -> dg.MaterializeResult[None]:
    """One row per customer and as-of date: their orders and visits as known then, and what they did after."""
    from models.churn.dataset import FEATURES
    from models.evaluation.fairness import ATTRIBUTES

    return _point_in_time_training_set(
        "churn", entities="churn_labels", columns=FEATURES, beside={"users": ("user_id", ATTRIBUTES)}
    )


@dg.asset(
    group_name="features", kinds={"parquet"}, owners=[OWNER], deps=[online_features, *_marts("utterances", "reviews")]
)
def intent_training_set() -> dg.MaterializeResult[None]:
    """One row per utterance of the shop: its text and channel, and the label the shop or the channel gave it.

    Beside it lie the reviews with their stars, which tone is learnt from.
    """
    settings = Settings()
    folder = settings.training_dir / "intent"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(settings.exports_dir / "reviews.parquet", folder / "reviews.parquet")
    return _point_in_time_training_set("intent", entities="utterances", columns=("text", "channel"))


def _point_in_time_training_set(
    family: str,
    *,
    entities: str,
    columns: tuple[str, ...],
    beside: Mapping[str, tuple[str, tuple[str, ...]]] | None = None,
) -> dg.MaterializeResult[None]:
    """Write a family's training set.

    ``beside`` adds columns of a mart by its key, such as who each row is about: they cut the evaluation into slices and
    are never learnt from.
    """
    import pyarrow.parquet as pq

    from shopsight.feature_store import contract_of, training_set

    settings = Settings()
    folder = settings.training_dir / family
    folder.mkdir(parents=True, exist_ok=True)
    labels = pq.read_table(settings.exports_dir / f"{entities}.parquet")
    labels = labels.drop_columns([name for name in (*columns, "created_timestamp") if name in labels.column_names])
    joined = training_set(settings, service=contract_of(family).service, entities=labels, columns=columns)
    for mart, (key, names) in (beside or {}).items():
        known = pq.read_table(settings.exports_dir / f"{mart}.parquet", columns=[key, *names]).to_pandas()
        for name in names:
            joined[name] = joined[key].map(known.set_index(key)[name])
    joined.to_parquet(folder / "training_set.parquet", index=False)
    return dg.MaterializeResult(metadata=parquet_metadata(folder / "training_set.parquet"))
