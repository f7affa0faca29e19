"""The model families: one record each, from which every room reads what differs between them.

A family has one name. ``models/<name>/`` trains it, ``serving/<name>/`` serves it, its assets are called ``<name>_…``.
Code of the rooms above is named by import strings, so that this module stays at the bottom: :func:`resolve` is the
only reader of them, and a test resolves each one.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from shopsight.contracts import SESSION_FEATURES, USER_FEATURES, USER_ORDER_HISTORY
from shopsight.settings import Settings


@dataclass(frozen=True, kw_only=True)
class TableTraining:
    """How a family is trained whose training set is one table: features joined to labels, point in time."""

    labels: str
    """Exported mart of the rows to predict: their keys, their moment and what came of them."""
    marts: tuple[str, ...]
    """Further marts that the training set is made of: they are materialised before it."""
    beside: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By mart: the key, and the import string of columns that cut the evaluation into slices, never learnt from."""
    max_rows: int | None = None
    """Most rows that are joined and learnt from, where the memory sets a limit; None: as many as there are."""
    sampled_by: str | None = None
    """Column of ``labels`` whose rows stay together where more than ``max_rows`` are sampled."""
    description: str
    """What a row of the training set is, for its asset."""
    candidate_description: str
    """What the trained model says, for its asset."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """A model family: its names and where its code is found."""

    name: str
    """The one name: of the folders under ``models/`` and ``serving/``, the registry's folder and the assets."""
    title: str
    """What its service answers, as a heading."""
    bento: str
    """The Bento that carries it; the BentoML model has the family's own name."""
    feature_service: str
    """The versioned feature service that it is trained on and served with."""
    port_setting: str
    """The setting that holds the port of its service."""
    features: Mapping[str, tuple[str, ...]]
    """The columns that it reads of its feature service, by feature view; a service that lacks one is refused."""
    serve_extra: str
    """The extra of ``pyproject.toml`` with all that its service imports."""
    service: str
    """Import string of the BentoML service."""
    predictor: str
    """Import string of the class, or the module, whose ``load`` reads the artefact."""
    config: str
    """Import string of the function that gives the settings of a training budget: ``for_size(size)``."""
    train: str
    """Import string of the function that trains, chooses and evaluates a candidate."""
    drift_columns: str
    """Import string of the module with the inputs watched for drift: ``WATCHED_COLUMNS`` and ``watched(table)``."""
    statement: str | None = None
    """Import string of the module whose ``LIMITS`` and ``REFUSES`` its card has; None of a family that states none."""
    training: TableTraining | None = None
    """How its training set is made; None of a family whose set is more than one table, and has assets of its own."""
    route: str
    """The route of its service that a first request goes to."""
    example: Mapping[str, Any]
    """The body of a first request; where it names a shopper it says :data:`SHOPPER`."""

    def port(self, settings: Settings) -> int:
        """Return the port of the family's service."""
        return int(getattr(settings, self.port_setting))


CHURN_USER_FEATURES: Final = (
    "events_7d",
    "views_28d",
    "carts_28d",
    "sessions_28d",
    "distinct_items_28d",
    "mean_price_28d",
)
"""What churn reads of ``user_features`` beside the orders themselves."""

ACTION_USER_FEATURES: Final = tuple(name for name in USER_FEATURES if name != "favourite_category")
"""What next best actions read of ``user_features``: numbers alone."""

COLLECTOR: Final = "collector"
"""The service that takes events: it has no model, belongs to no family, and always runs."""

ASSISTANT: Final = "assistant"
"""The service that answers shoppers: it has no model of its own, belongs to no family, and always runs."""

AGENTS: Final = "agents"
"""The service that answers programs that shop for people: it has no model, belongs to no family, and always runs."""

SHOPPER: Final = "{shopper}"
"""Stands in an example for the id of a shopper whom the shop knows."""


FAMILIES: Final[Mapping[str, Family]] = {
    family.name: family
    for family in (
        Family(
            name="intent",
            title="Intents",
            bento="shopsight_intent",
            feature_service="intent_v1",
            features={"utterance_text": ("text", "channel")},
            port_setting="intent_port",
            serve_extra="serve-intent",
            service="serving.intent.service:IntentService",
            predictor="models.intent.predict:IntentClassifier",
            config="models.intent.config:for_size",
            train="models.intent.train:train",
            drift_columns="models.intent.drift_columns",
            statement="models.intent.statement",
            route="/v1/intents",
            example={"texts": ["which is better for running, the blue or the red shoes?"]},
        ),
        Family(
            name="recommender",
            title="Recommendations",
            bento="shopsight_recommendation",
            feature_service="recommender_v1",
            features={
                "user_history": ("item_ids", "event_names"),
                "user_purchases": ("bought_item_ids", "bought_us"),
                "user_features": ("favourite_category",),
            },
            port_setting="recommendation_port",
            serve_extra="serve-recommender",
            service="serving.recommender.service:RecommendationService",
            predictor="models.recommender.predict:Recommender",
            config="models.recommender.config:for_size",
            train="models.recommender.train:train",
            drift_columns="models.recommender.drift_columns",
            statement="models.recommender.statement",
            route="/v1/recommendations",
            example={"placement": "recommended_for_you", "user_id": SHOPPER, "num_results": 3},
        ),
        Family(
            name="purchase_intent",
            title="Predictions",
            bento="shopsight_propensity",
            feature_service="purchase_intent_v1",
            features={"session_features": SESSION_FEATURES, "user_features": USER_FEATURES},
            port_setting="propensity_port",
            serve_extra="serve-purchase-intent",
            service="serving.purchase_intent.service:PropensityService",
            predictor="models.purchase_intent.predict:PurchaseIntentModel",
            config="models.purchase_intent.config:for_size",
            train="models.purchase_intent.train:train",
            drift_columns="models.purchase_intent.drift_columns",
            statement="models.purchase_intent.statement",
            training=TableTraining(
                labels="session_labels",
                marts=("session_features", "user_features_daily", "users", "sessions"),
                beside={
                    "users": ("user_id", "models.evaluation.fairness:ATTRIBUTES"),
                    "sessions": ("session_id", "models.purchase_intent.dataset:SEGMENTS"),
                },
                max_rows=5_000_000,  # 1.4 kB each in training
                # A shopper whose first sessions are left out would come from nowhere, with a past that no row explains.
                sampled_by="user_id",
                description="One row per session event: the session's shape and the shopper as known then, and "
                "whether a purchase followed.",
                candidate_description="After each event of a session, the calibrated probability that it ends in a "
                "purchase.",
            ),
            route="/v1/predictions/purchase_intent",
            example={
                "instances": [
                    {
                        "user_id": SHOPPER,
                        "events": [
                            {
                                "event_name": "view_item",
                                "event_timestamp": "2026-10-31T10:00:00Z",
                                "item_id": "a",
                                "price": 20.0,
                            },
                            {
                                "event_name": "view_item",
                                "event_timestamp": "2026-10-31T10:01:10Z",
                                "item_id": "b",
                                "price": 22.0,
                            },
                            {
                                "event_name": "add_to_cart",
                                "event_timestamp": "2026-10-31T10:02:30Z",
                                "item_id": "b",
                                "price": 22.0,
                            },
                        ],
                    }
                ]
            },
        ),
        Family(
            name="churn",
            title="Churn",
            bento="shopsight_churn",
            feature_service="churn_v1",
            features={"user_order_history": USER_ORDER_HISTORY, "user_features": CHURN_USER_FEATURES},
            port_setting="churn_port",
            serve_extra="serve-churn",
            service="serving.churn.service:ChurnService",
            predictor="models.churn.predict",
            config="models.churn.config:for_size",
            train="models.churn.train:train",
            drift_columns="models.churn.drift_columns",
            statement="models.churn.statement",
            training=TableTraining(
                labels="churn_labels",
                marts=("user_order_history_daily", "user_features_daily", "users"),
                beside={"users": ("user_id", "models.evaluation.fairness:ATTRIBUTES")},
                description="One row per customer and as-of date: their orders and visits as known then, and what "
                "they did after.",
                candidate_description="For each customer, the calibrated chance of no order within four weeks, and "
                "what they will bring.",
            ),
            route="/v1/predictions/churn",
            example={"instances": [{"user_id": SHOPPER}], "explain": True},
        ),
        Family(
            name="search",
            title="Search",
            bento="shopsight_search",
            feature_service="search_v1",
            features={"user_history": ("item_ids", "event_names")},
            port_setting="search_port",
            serve_extra="serve-search",
            service="serving.search.service:SearchService",
            predictor="models.search.predict:SearchEngine",
            config="models.search.config:for_size",
            train="models.search.train:train",
            drift_columns="models.search.drift_columns",
            statement="models.search.statement",
            route="/v1/search",
            example={"query": "shoes", "user_id": SHOPPER, "num_results": 3},
        ),
        Family(
            name="next_best_action",
            title="Next best actions",
            bento="shopsight_next_best_action",
            feature_service="next_best_action_v1",
            features={"user_features": ACTION_USER_FEATURES},
            port_setting="next_best_action_port",
            serve_extra="serve-next-best-action",
            service="serving.next_best_action.service:NextBestActionService",
            predictor="models.next_best_action.predict:NextBestAction",
            config="models.next_best_action.config:for_size",
            train="models.next_best_action.train:train",
            drift_columns="models.next_best_action.drift_columns",
            statement="models.next_best_action.statement",
            route="/v1/next_best_actions",
            example={"user_ids": [SHOPPER]},
        ),
    )
}
"""Every family, by its name, in the order in which they are shown."""


class Service(NamedTuple):
    """What `up` keeps running."""

    title: str
    """What people call it: the Bento, where it is one."""
    port_setting: str
    """The setting that holds its port."""
    service: str
    """Import string of the BentoML service."""


SERVICES: Final[Mapping[str, Service]] = {
    **{family.name: Service(family.bento, family.port_setting, family.service) for family in FAMILIES.values()},
    COLLECTOR: Service(f"shopsight_{COLLECTOR}", f"{COLLECTOR}_port", "serving.collector.service:CollectorService"),
    ASSISTANT: Service(f"shopsight_{ASSISTANT}", f"{ASSISTANT}_port", "serving.assistant.service:AssistantService"),
    AGENTS: Service(f"shopsight_{AGENTS}", f"{AGENTS}_port", "serving.agents.service:AgentsService"),
}
"""Every service, by its family's name or its own, in the order in which they are shown."""

WITHOUT_MODEL: Final = tuple(name for name in SERVICES if name not in FAMILIES)
"""The services that no model is approved for: they are served from where shopsight is installed."""


def resolve(reference: str) -> Any:
    """Return what an import string names: ``package.module``, or ``package.module:attribute`` of one."""
    module, _, attribute = reference.partition(":")
    owner = importlib.import_module(module)
    return getattr(owner, attribute) if attribute else owner
