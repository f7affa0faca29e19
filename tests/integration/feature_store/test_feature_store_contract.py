"""What a family reads is what its feature service offers; a difference is refused by name, never read as unknown."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from models.churn.dataset import FEATURES as CHURN_FEATURES
from models.purchase_intent.encoding import FEATURES as PURCHASE_INTENT_FEATURES
from serving.features import RETRY_SECONDS, FeatureReader, OnlineStoreGoneError, UserFeatures
from shopsight.families import FAMILIES
from shopsight.feature_store import (
    OnlineFeatures,
    UnusableFeaturesError,
    apply_definitions,
    compare_histories,
    contract_of,
    contracts,
    materialize,
    training_set,
)
from shopsight.feature_store import definitions as definitions_module
from shopsight.feature_store.connection import REGISTRY_SNAPSHOT
from shopsight.feature_store.definitions import feature_repository
from shopsight.feature_store.live import STATE_VIEW
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

ChangeRepository = Callable[[dict[str, dict[str, str]]], Path]
WriteMart = Callable[[str, list[dict[str, Any]]], None]
MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
KEYS = ("user_id", "session_id", "utterance_id")

RENAMED_VIEWS = {
    "intent": ("utterances", "utterance_text"),
    "recommender": ("users", "user_history"),
    "purchase_intent": ("sessions", "session_features"),
    "churn": ("users", "user_order_history"),
}
"""By family: a module of the feature repository and a view in it that the family reads, before any other does."""
RENAMED_COLUMNS = {
    "intent": ("utterances", "utterance_text", "channel"),
    "recommender": ("users", "user_history", "item_ids"),
    "purchase_intent": ("sessions", "session_features", "carts_so_far"),
    "churn": ("users", "user_order_history", "ordered_us"),
}
READ_AFTER_OTHERS = {
    "search": ("users", "user_history", "item_ids"),
    "next_best_action": ("users", "user_features", "orders_total"),
}
"""The same of families that read nothing before another does: what is refused first is the other's."""


def a_new_version_of_the_view(change: ChangeRepository, family: str) -> Path:
    module, view = view_of(family)
    return change({module: {f'    name="{view}",\n    entities': f'    name="{view}_v2",\n    entities'}})


def another_name_of_the_column(change: ChangeRepository, family: str) -> Path:
    module, view, column = (RENAMED_COLUMNS | READ_AFTER_OTHERS)[family]
    # A service names the columns that it takes of this view; Feast itself refuses one that the view lacks.
    named = {"feature_services": {f'"{column}"': f'"{column}_renamed"'}} if view == "user_features" else {}
    return change({module: {f'name="{column}"': f'name="{column}_renamed"'}} | named)


def view_of(family: str) -> tuple[str, str]:
    """Return a view that a family reads, and the module that it is in."""
    return RENAMED_VIEWS[family] if family in RENAMED_VIEWS else READ_AFTER_OTHERS[family][:2]


@pytest.mark.parametrize("family", RENAMED_VIEWS)
def test_a_view_of_another_version_is_refused_when_the_definitions_are_applied(
    home: Settings, changed_repository: ChangeRepository, family: str
) -> None:
    with pytest.raises(UnusableFeaturesError) as refused:
        apply_definitions(home, repository=a_new_version_of_the_view(changed_repository, family))
    assert repr(FAMILIES[family].feature_service) in refused.value.what
    assert repr(RENAMED_VIEWS[family][1]) in refused.value.what


@pytest.mark.parametrize("family", RENAMED_COLUMNS)
def test_a_column_of_another_name_is_refused_when_the_definitions_are_applied(
    home: Settings, changed_repository: ChangeRepository, family: str
) -> None:
    _, view, column = RENAMED_COLUMNS[family]
    with pytest.raises(UnusableFeaturesError) as refused:
        apply_definitions(home, repository=another_name_of_the_column(changed_repository, family))
    assert repr(FAMILIES[family].feature_service) in refused.value.what
    assert repr(view) in refused.value.what
    assert f"lacks {column}" in refused.value.why


def test_definitions_that_are_refused_leave_the_registry_as_it_was(
    home: Settings, changed_repository: ChangeRepository
) -> None:
    apply_definitions(home)
    before = (home.feature_store_dir / REGISTRY_SNAPSHOT).read_bytes()
    with pytest.raises(UnusableFeaturesError):
        apply_definitions(home, repository=a_new_version_of_the_view(changed_repository, "churn"))
    assert (home.feature_store_dir / REGISTRY_SNAPSHOT).read_bytes() == before


@pytest.mark.parametrize(
    "family",
    ["recommender", *(pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES if name != "recommender")],
)
@pytest.mark.parametrize("change", [a_new_version_of_the_view, another_name_of_the_column])
def test_neither_training_nor_a_service_reads_a_registry_that_lacks_what_the_family_reads(
    home: Settings,
    changed_repository: ChangeRepository,
    monkeypatch: pytest.MonkeyPatch,
    family: str,
    change: Callable[[ChangeRepository, str], Path],
) -> None:
    monkeypatch.setattr(definitions_module, "_refuse_broken_contracts", lambda _: None)
    apply_definitions(home, repository=change(changed_repository, family))
    service, view = contract_of(family).service, view_of(family)[1]
    entities = pd.DataFrame({key: ["x"] for key in KEYS}).assign(event_timestamp=pd.Timestamp(MONDAY))
    with pytest.raises(UnusableFeaturesError) as refused_to_train:
        training_set(home, service=service, entities=entities)
    reader = FeatureReader(lambda: OnlineFeatures(home), Pseudonymiser(b"a key for tests only"))
    with pytest.raises(UnusableFeaturesError) as refused_to_serve:
        reader.open(service)
    for refused in (refused_to_train, refused_to_serve):
        assert repr(service) in refused.value.what
        assert repr(view) in refused.value.what


def test_a_running_service_goes_without_features_whose_definitions_lost_what_it_reads_and_says_which(
    home: Settings, changed_repository: ChangeRepository, write_mart: WriteMart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model would read a column that is gone as "not known", and answer with another probability in silence."""
    pseudonymiser = Pseudonymiser(b"a key for tests only")
    service, times = contract_of("churn").service, {"feature_timestamp": MONDAY, "created_timestamp": MONDAY}
    write_mart("user_order_history_daily", [{"user_id": pseudonymiser.user("maya"), **times, "ordered_us": ["1"]}])
    apply_definitions(home)
    materialize(home, until=MONDAY)
    seconds = [0.0]
    reader = FeatureReader(lambda: OnlineFeatures(home), pseudonymiser, seconds_now=lambda: seconds[0])
    assert reader.user("maya", service).values["ordered_us"] == ["1"]
    with monkeypatch.context() as patch:
        patch.setattr(definitions_module, "_refuse_broken_contracts", lambda _: None)
        apply_definitions(home, repository=another_name_of_the_column(changed_repository, "churn"))
    with pytest.raises(OnlineStoreGoneError):
        reader.user("maya", service)
    assert "'churn_v1' breaks its contract with 'churn' in the view 'user_order_history'" in str(reader.failure)
    apply_definitions(home)
    materialize(home, until=MONDAY)
    seconds[0] += RETRY_SECONDS
    assert reader.user("maya", service).values["ordered_us"] == ["1"]
    assert reader.failure is None


def test_a_column_that_no_family_reads_is_not_offered(home: Settings, changed_repository: ChangeRepository) -> None:
    whole_view = {'user_features_view[["favourite_category"]]': "user_features_view"}
    with pytest.raises(
        UnusableFeaturesError, match=r"'recommender_v1' breaks its contract .* 'user_features'"
    ) as refused:
        apply_definitions(home, repository=changed_repository({"feature_services": whole_view}))
    assert "does not read: carts_28d" in refused.value.why


def test_what_the_contracts_name_is_what_training_and_serving_take() -> None:
    assert contract_of("churn").columns == CHURN_FEATURES
    assert contract_of("purchase_intent").columns == PURCHASE_INTENT_FEATURES
    values: dict[str, Any] = {name: f"value of {name}" for name in contract_of("recommender").columns}
    values |= {"bought_item_ids": ["i_1"], "bought_us": ["2000000"]}
    user = UserFeatures(user_key="u_1", known=True, values=values)
    taken = (user.item_ids, user.event_names, user.favourite_category)
    assert taken == tuple(values[name] for name in ("item_ids", "event_names", "favourite_category"))
    assert user.bought_at == {"i_1": 2.0}


def test_every_online_view_is_read_and_says_by_whom() -> None:
    from feast import FeatureView

    with feature_repository() as modules:
        objects = {id(value): value for module in modules.values() for value in vars(module).values()}.values()
    views = {view.name: view for view in objects if isinstance(view, FeatureView)}
    readers = {name: {contract.family for contract in contracts() if name in contract.views} for name in views}
    readers[STATE_VIEW].add("push")
    said = {name: set(filter(None, view.tags.get("read_by", "").split(", "))) for name, view in views.items()}
    online = {name for name, view in views.items() if view.online}
    assert {name: said[name] for name in online} == {name: readers[name] for name in online}
    assert all(said[name] for name in online), "nothing is online that nothing reads"
    assert {name for name in readers if readers[name]} - online == {"utterance_text"}, "a request brings its own text"
    assert not any(said[name] for name in views.keys() - online)


def interactions(rows: list[tuple[str, str, str]]) -> pa.Table:
    columns = {"user_id": [r[0] for r in rows], "item_id": [r[1] for r in rows], "event_name": [r[2] for r in rows]}
    moments = pa.array([MONDAY + timedelta(minutes=n) for n in range(len(rows))], pa.timestamp("us", tz="UTC"))
    return pa.table({**columns, "event_timestamp": moments, "nth": range(1, len(rows) + 1)})


def test_histories_that_are_served_otherwise_than_they_are_learnt_from_are_refused(
    home: Settings, write_mart: WriteMart
) -> None:
    apply_definitions(home)
    known_at = MONDAY + timedelta(days=1)
    history = {"user_id": "u_1", "feature_timestamp": known_at, "created_timestamp": MONDAY}
    steps = [("u_1", f"i_{n}", "view_item") for n in range(60)]
    served = {"item_ids": [f"i_{n}" for n in range(10, 60)], "event_names": ["view_item"] * 50}
    write_mart("user_history_daily", [{**history, **served}])
    assert compare_histories(home, service="recommender_v1", interactions=interactions(steps), now=MONDAY) == 1
    missing = interactions([*steps, ("u_2", "i_1", "purchase")])
    with pytest.raises(
        UnusableFeaturesError, match=r"1 of 2 histories in the feature service 'recommender_v1' .* 'u_2'"
    ):
        compare_histories(home, service="recommender_v1", interactions=missing, now=MONDAY)
    turned = interactions([*steps[:-2], steps[-1], steps[-2]])
    with pytest.raises(UnusableFeaturesError, match="1 of 1 histories"):
        compare_histories(home, service="recommender_v1", interactions=turned, now=MONDAY)


def test_feast_reads_redis_through_the_two_private_methods_that_are_replaced() -> None:
    """They guard what is read and how long a dead server is waited for; if Feast moved them, ours would do nothing."""
    import inspect

    from feast.infra.online_stores.redis import RedisOnlineStore

    from shopsight.feature_store.redis_store import MonotoneRedisOnlineStore

    for name in ("_get_client", "_read_hash_fields"):
        assert list(inspect.signature(getattr(RedisOnlineStore, name)).parameters) == list(
            inspect.signature(getattr(MonotoneRedisOnlineStore, name)).parameters
        ), name
    assert "_read_hash_fields(" in inspect.getsource(RedisOnlineStore.online_read)
    assert "_get_client(" in inspect.getsource(RedisOnlineStore._read_hash_fields)  # noqa: SLF001 - watched here
