"""Features for training (point in time) and for serving (online), through Feast; Feast is imported on first use.

Writing is done by one process at a time: :func:`apply_definitions` (the registry) and :func:`materialize` (the online
store). Readers open a snapshot of the registry that they cannot change.
"""

from shopsight.feature_store.connection import (
    REGISTRY_SNAPSHOT,
    FeatureStoreNotReadyError,
    OnlineStoreUnavailableError,
    UnusableFeaturesError,
    open_feature_store,
)
from shopsight.feature_store.contract import FeatureContract, contract_of, contracts
from shopsight.feature_store.definitions import AppliedDefinitions, apply_definitions
from shopsight.feature_store.history import training_set
from shopsight.feature_store.live import LiveFeatures, Moved
from shopsight.feature_store.live_event import LiveEvent
from shopsight.feature_store.materialization import erase_online, materialize
from shopsight.feature_store.online import DatedFeatures, OnlineFeatures
from shopsight.feature_store.served_histories import compare_histories
from shopsight.feature_store.written import WrittenState

__all__ = [
    "REGISTRY_SNAPSHOT",
    "AppliedDefinitions",
    "DatedFeatures",
    "FeatureContract",
    "FeatureStoreNotReadyError",
    "LiveEvent",
    "LiveFeatures",
    "Moved",
    "OnlineFeatures",
    "OnlineStoreUnavailableError",
    "UnusableFeaturesError",
    "WrittenState",
    "apply_definitions",
    "compare_histories",
    "contract_of",
    "contracts",
    "erase_online",
    "materialize",
    "open_feature_store",
    "training_set",
]
