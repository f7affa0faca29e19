"""A profile: what rows say, what is forecast with how much doubt, and nothing of who refuses."""

from typing import Any

import duckdb
import numpy as np
import pytest
from asked_shop import asked_shop

from models.asking.rows import log_span
from models.profiling.forecasts import Forecasts, forecast_customers
from models.profiling.lines import look_up
from models.profiling.profile import profile, profiles
from shopsight.profile_store import ProfileStore, write_profiles
from shopsight.settings import Settings


@pytest.fixture(scope="module")
def shop() -> duckdb.DuckDBPyConnection:
    connection = asked_shop(shoppers=250)
    connection.execute("""
        create or replace table users as
        select user_id, 'granted' as consent, null::varchar as age_band, null::varchar as gender, 'DE' as country,
            'loyal' as segment, null::timestamptz as created_at, min(event_timestamp) as first_seen_at,
            max(event_timestamp) as last_seen_at
        from interactions group by user_id;
        update users set consent = 'analytics_only' where user_id = 'u_000';
        update users set gender = 'female' where user_id = 'u_001';
        create table rfm (user_id varchar, recency_score integer, frequency_score integer, monetary_score integer,
            life_cycle_stage varchar, last_order_at timestamptz);
        create table orders as
        select user_id, order_key, ordered_at, gross_revenue as net_revenue from order_items;
        alter table sessions add column channel varchar;
        alter table sessions add column device varchar;
        update sessions set channel = 'email';
        alter table utterances add column text varchar;
    """)
    return connection


@pytest.fixture(scope="module")
def forecasts(shop: duckdb.DuckDBPyConnection) -> Forecasts:
    made = forecast_customers(shop, log_span(shop)[1], seed=1)
    assert made is not None
    return made


def lines(document: dict[str, Any] | None) -> dict[str, Any]:
    assert document is not None
    return {line["field"]: line for line in document["lines"]}


def buyer(forecasts: Forecasts) -> str:
    orders = forecasts.table["orders_so_far"].to_numpy()
    return str(forecasts.users[int(np.argmax(orders))])


def test_history_is_counted_from_the_orders_that_it_names(
    shop: duckdb.DuckDBPyConnection, forecasts: Forecasts
) -> None:
    user = buyer(forecasts)
    (orders, spent), *_ = shop.execute(
        "select count(*), sum(net_revenue) from orders where user_id = $1", [user]
    ).fetchall()

    said = lines(profile(shop, user, forecasts=forecasts, has_scores=False))

    assert said["historic_orders"]["value"] == orders
    assert said["historic_clv"]["value"] == pytest.approx(spent)
    assert len(said["historic_orders"]["evidence"]["rows"]) == min(orders, 20)
    assert said["average_order_value"]["value"] == pytest.approx(spent / orders, abs=0.01)


def test_a_forecast_has_an_interval_and_last_months_error_beside_it(
    shop: duckdb.DuckDBPyConnection, forecasts: Forecasts
) -> None:
    said = lines(profile(shop, buyer(forecasts), forecasts=forecasts, has_scores=False))["predicted_orders_365d"]

    low, high = said["interval"]
    assert low <= said["value"] <= high
    assert low < high
    assert said["last_month_error"] == forecasts.last_month["orders_mae"] > 0


def test_gender_is_said_where_it_was_given_and_guessed_of_nobody(
    shop: duckdb.DuckDBPyConnection, forecasts: Forecasts
) -> None:
    given = profile(shop, "u_001", forecasts=forecasts, has_scores=False)
    not_given = profile(shop, "u_002", forecasts=forecasts, has_scores=False)

    assert lines(given)["gender"]["value"] == "female"
    assert "why" not in lines(given)["gender"]
    assert "gender" not in lines(not_given)
    assert not_given is not None
    assert "never guessed" in not_given["not_known"]["gender"]


def test_who_refuses_personal_use_has_no_lines(shop: duckdb.DuckDBPyConnection, forecasts: Forecasts) -> None:
    document = profile(shop, "u_000", forecasts=forecasts, has_scores=False)

    assert document is not None
    assert document["lines"] == []
    assert "forbids personal use" in document["not_known"]["*"]


def test_nobody_is_made_up(shop: duckdb.DuckDBPyConnection, forecasts: Forecasts) -> None:
    assert profile(shop, "u_999", forecasts=forecasts, has_scores=False) is None


def test_forecasts_are_of_customers_alone_and_add_up_to_what_comes(forecasts: Forecasts) -> None:
    assert (forecasts.table["orders_so_far"].to_numpy() > 0).all()
    assert 0.5 < forecasts.last_month["orders_forecast"] / forecasts.last_month["orders_came"] < 2.0


def test_everybodys_profile_is_the_one_that_is_made_for_one(
    shop: duckdb.DuckDBPyConnection, forecasts: Forecasts
) -> None:
    everybody = {one["user_id"]: one for one in profiles(shop, forecasts=forecasts, has_scores=False)}
    assert len(everybody) > 200
    for user, document in list(everybody.items())[::17]:
        alone = profile(shop, user, forecasts=forecasts, has_scores=False)
        assert alone is not None
        alone.pop("last_month")
        assert alone == document


def test_a_profile_is_looked_up_as_it_is_made(
    shop: duckdb.DuckDBPyConnection, forecasts: Forecasts, home: Settings
) -> None:
    user = buyer(forecasts)
    near = [("u_003", 0.75)]
    write_profiles(
        home,
        profiles(shop, forecasts=forecasts, has_scores=False),
        [(user, 1, *near[0])],
        about={"made_at": "2026-11-01T00:00:00+00:00", "last_month": forecasts.last_month},
        refused=frozenset,
    )
    made = profile(shop, user, forecasts=forecasts, has_scores=False, alike=lambda _: near)
    assert made is not None
    assert look_up(ProfileStore.of(home), ["a_nobody", user]) == made | {"made_at": "2026-11-01T00:00:00+00:00"}
    assert lines(made)["look_alikes"]["value"] == [{"user_id": "u_003", "cosine": 0.75}]


def test_a_profile_names_the_group_of_what_the_shopper_does(
    shop: duckdb.DuckDBPyConnection, forecasts: Forecasts
) -> None:
    user = buyer(forecasts)
    shop.execute(
        "create or replace temp table user_groups as select $1 as user_id, 3 as behaviour_group, "
        "'order often' as name, '下单多' as name_zh, timestamptz '2026-05-01 00:00:00+00' as as_of",
        [user],
    )
    named = lines(profile(shop, user, forecasts=forecasts, has_scores=False, has_groups=True))["behaviour_group"]
    assert named["value"] == {"id": 3, "name": "order often", "name_zh": "下单多"}
    assert named["as_of"] == "2026-05-01T00:00:00+00:00"
    other = profile(shop, "u_001", forecasts=forecasts, has_scores=False, has_groups=True)
    assert "behaviour_group" not in lines(other)
