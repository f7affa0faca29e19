"""Searches, places, checkout, refunds, guests, stock, prices and campaigns: what was planted is found in the rows."""

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from shopsight.ingestion.duck import utc_connection
from shopsight.sample_shop import SIZES, PlantedTruth, SampleShop, generate
from shopsight.sample_shop.checkout import COMPLETED, SHIPPING_FACTORS

SURE = 3.3
"""Standard errors that a share or a ratio may lie from the planted one: once in a thousand by chance."""


@pytest.fixture(scope="module")
def log(small_shop: SampleShop, truth: PlantedTruth) -> Iterator[duckdb.DuckDBPyConnection]:
    """The rows that validation would accept, each once, as ``events``; ``truth`` and the catalogue beside them."""
    with utc_connection() as connection:
        rows = pa.Table.from_batches(small_shop.event_batches())
        connection.register("sent", rows)
        connection.execute(
            """create table events as select distinct * from sent
            where event_name is not null and event_name != 'view_itm' and event_timestamp > timestamptz '2000-01-01'
                and consent != 'maybe'
                and (coalesce(user_id, anonymous_id) is not null or event_name in ('purchase', 'refund'))"""
        )
        for name in ("sessions", "utterances", "search_kinds", "campaigns", "users"):
            connection.register(f"true_{name}", getattr(truth, name))
        connection.register("items", small_shop.items)
        connection.register("true_items", truth.items)
        yield connection


def within(share: float, planted: float, cases: int) -> bool:
    """Return whether a share of so many cases could have been drawn with the planted chance."""
    return abs(share - planted) <= SURE * np.sqrt(planted * (1 - planted) / cases) + 0.005


def test_clicks_fall_with_the_place_in_a_list_as_planted(log: duckdb.DuckDBPyConnection, truth: PlantedTruth) -> None:
    places = log.sql(
        """select list_position, count(*) filter (event_name = 'view_item_list') as shown,
            count(*) filter (event_name = 'select_item') / shown as rate
        from events where event_name in ('view_item_list', 'select_item') group by all order by all"""
    ).fetchall()
    assert [place for place, _, _ in places] == [1, 2, 3, 4, 5]
    for (_, impressions, rate), planted in zip(places, truth.clicked_places, strict=True):
        assert impressions > 5_000
        assert within(rate, planted, impressions)


def test_each_kind_of_search_is_clicked_and_finds_nothing_as_often_as_planted(log: duckdb.DuckDBPyConnection) -> None:
    kinds = log.sql(
        """with actions as (
            select session_id, event_id, event_name, properties,
                lead(event_name) over (partition by session_id order by event_timestamp, event_id) as then_comes
            from events where session_id is not null and event_name in ('search', 'select_item', 'view_item')
        )
        select any_value(columns(planted.*)), count(*) as searches,
            avg(coalesce(then_comes in ('select_item', 'view_item'), false)::int) as clicked,
            avg((properties ->> 'results' = '0')::int) as zero
        from actions join true_utterances using (event_id) join true_search_kinds as planted using (search_kind)
        where event_name = 'search' group by planted.search_kind"""
    ).df()
    assert set(kinds.search_kind) == {"exact", "broad", "misspelt", "comparison", "question", "support"}
    for row in kinds.itertuples():
        assert within(row.searches / kinds.searches.sum(), row.share, kinds.searches.sum())
        assert within(row.clicked, row.click_rate, row.searches), row
        assert within(row.zero, row.zero_rate, row.searches), row


def test_every_search_says_how_much_it_found_and_support_words_never_find_a_thing(
    log: duckdb.DuckDBPyConnection,
) -> None:
    searches = "from events where event_name = 'search'"
    assert log.sql(f"select count(*) {searches} and json_extract(properties, '$.results') is null").fetchall() == [(0,)]
    asked, answered = log.sql(
        f"""select count(*), count(*) filter ((properties ->> 'results')::int > 0)
        {searches} and lower(query) in ('track parcel', 'cancel my order', 'asdf', 'order status')"""
    ).fetchall()[0]
    assert asked > 20
    assert answered == 0
    zero = log.sql(f"select avg((properties ->> 'results' = '0')::int) {searches}").fetchall()[0][0]
    assert 0.1 < zero < 0.25


def test_the_checkout_loses_people_by_device_and_by_what_the_parcel_costs(log: duckdb.DuckDBPyConnection) -> None:
    cells = log.sql(
        """select device, (properties ->> 'shipping')::double as shipping, count(*) as checkouts,
            avg(ordered::int) as completed
        from (
            select session_id, any_value(device) as device, any_value(user_id) as user_id,
                max(properties) filter (event_name = 'begin_checkout') as properties,
                bool_or(event_name = 'purchase') as ordered
            from events where session_id is not null and coalesce(anonymous_id, '') not like 'visitor-%' group by all
            having properties is not null
        ) where user_id is distinct from 'maya' group by all"""
    ).df()
    assert len(cells) == len(COMPLETED) * len(SHIPPING_FACTORS)
    for row in cells.itertuples():
        assert within(row.completed, COMPLETED[row.device] * SHIPPING_FACTORS[row.shipping], row.checkouts), row
    lost = 1 - (cells.checkouts * cells.completed).sum() / cells.checkouts.sum()
    assert 0.35 < lost < 0.55


def test_few_visits_end_in_an_order_and_half_are_a_single_event(log: duckdb.DuckDBPyConnection) -> None:
    visits, conversion, bounce = log.sql(
        """select count(*), avg(ordered::int), avg((events = 1)::int) from (
            select session_id, bool_or(event_name = 'purchase') as ordered, count(distinct event_id) as events
            from events where session_id is not null group by all)"""
    ).fetchall()[0]
    assert visits > 30_000
    assert 0.02 < conversion < 0.045
    assert 0.3 < bounce < 0.5


def test_some_refunds_are_credit_notes_with_a_number_of_their_own(
    log: duckdb.DuckDBPyConnection, truth: PlantedTruth
) -> None:
    refunds, notes, without_order = log.sql(
        """select count(*), count(*) filter (order_id like 'credit-%'),
            count(*) filter (order_id not in (select order_id from events where event_name = 'purchase'))
        from events where event_name = 'refund'"""
    ).fetchall()[0]
    assert notes == without_order, "every other refund names its order"
    # Malformed rows are not here: three in a thousand of all rows.
    assert truth.refunds - 5 <= refunds <= truth.refunds
    assert truth.credit_notes - 5 <= notes <= truth.credit_notes
    assert 0.12 < truth.credit_notes / truth.refunds < 0.4
    differing = log.sql(
        """select count(*) from events as refund join events as line on refund.order_id = line.order_id
            and refund.item_id = line.item_id and refund.event_name = 'refund' and line.event_name = 'purchase'
        where refund.value != line.value or refund.price != line.price"""
    ).fetchall()
    assert differing == [(0,)], "what is given back is what was paid, whatever the price is now"


def test_guests_order_without_an_account_and_some_without_any_identity(log: duckdb.DuckDBPyConnection) -> None:
    orders = log.sql(
        """select count(distinct order_id), count(distinct order_id) filter (user_id is null),
            count(distinct order_id) filter (coalesce(user_id, anonymous_id) is null),
            count(session_id) filter (coalesce(user_id, anonymous_id) is null)
        from events where event_name = 'purchase'"""
    ).fetchall()[0]
    everything, guests, nobodys, in_sessions = orders
    assert 0.1 < guests / everything < 0.6
    assert nobodys > 30
    assert in_sessions == 0


def test_nobody_buys_what_has_run_out_though_people_look_at_it_and_it_sells_again(
    log: duckdb.DuckDBPyConnection,
) -> None:
    done = dict(
        log.sql(
            """select event_name, count(*) from events join true_items using (item_id)
            where event_timestamp >= sold_out_at and event_timestamp < coalesce(restocked_at, 'infinity')
                and event_name in ('view_item', 'add_to_cart', 'purchase') group by all"""
        ).fetchall()
    )
    assert set(done) == {"view_item"}
    assert done["view_item"] > 500
    later = log.sql(
        "select count(*) from events join true_items using (item_id) "
        "where event_name = 'purchase' and event_timestamp >= restocked_at"
    ).fetchall()[0][0]
    assert later > 10
    missing, lasting = log.sql(
        "select count(sold_out_at) / count(*), count(sold_out_at) - count(restocked_at) from true_items"
    ).fetchall()[0]
    assert 0.05 < missing < 0.2
    assert lasting > 10


def test_the_catalogue_has_a_version_for_each_change_of_price_and_of_stock(log: duckdb.DuckDBPyConnection) -> None:
    versions = log.sql(
        """select items.item_id, valid_from, items.price::double as price, availability = 'in_stock' as in_stock,
            case when valid_from < changed_at then earlier_price else true_items.price end as planted,
            valid_from < coalesce(sold_out_at, 'infinity') or valid_from >= restocked_at as planted_stock
        from items join true_items on items.item_id = true_items.item_id"""
    ).df()
    assert versions.price.to_numpy() == pytest.approx(versions.planted.to_numpy())
    assert (versions.in_stock == versions.planted_stock.fillna(False)).all()
    changes = log.sql("select count(changed_at) + count(sold_out_at) + count(restocked_at) from true_items").fetchall()
    assert len(versions) == SIZES["small"].items + changes[0][0]


def test_every_item_has_a_picture_that_no_server_is_asked_for(small_shop: SampleShop) -> None:
    pictures = small_shop.items["image_url"].to_pylist()
    assert all(picture.startswith("data:image/png;base64,") for picture in pictures)
    assert len(set(pictures)) > 100


@pytest.fixture(scope="module")
def effects(log: duckdb.DuckDBPyConnection) -> dict[str, dict[str, tuple[float, float]]]:
    """For each campaign: while it runs, after it, and both together, the treated's orders over the others', as a
    logarithm with its standard error."""
    counts = log.sql(
        """with orders as (
            select distinct order_id, coalesce(events.user_id, owner.user_id) as shopper, event_timestamp as moment
            from events left join (select user_id, unnest(devices) as device from true_users) as owner
                on owner.device = events.anonymous_id
            where event_name = 'purchase'
        )
        select campaign_id, case when moment < ends_at then 'runs' else 'after' end as time,
            list_contains(treated, campaign_id) as is_treated, count(*) as orders
        from true_campaigns join orders on moment >= starts_at and moment < ends_at + (ends_at - starts_at)
            join true_users on true_users.user_id = orders.shopper
        where shopper != 'maya' group by all"""
    ).df()
    shoppers = dict(
        log.sql(
            """select campaign_id, avg(list_contains(treated, campaign_id)::int) from true_campaigns, true_users
            where not is_bot and user_id != 'maya' group by all"""
        ).fetchall()
    )
    ratios: dict[str, dict[str, tuple[float, float]]] = {}
    for campaign, rows in counts.groupby("campaign_id"):
        by = rows.pivot_table(index="time", columns="is_treated", values="orders", aggfunc="sum")
        by.loc["both"] = by.sum()
        odds = shoppers[campaign] / (1 - shoppers[campaign])
        ratios[str(campaign)] = {
            str(time): (float(np.log(row[True] / row[False] / odds)), float(np.sqrt(1 / row[True] + 1 / row[False])))
            for time, row in by.iterrows()
        }
    return ratios


def test_what_each_campaign_does_to_orders_is_recovered_from_its_control_group(
    effects: dict[str, dict[str, tuple[float, float]]], truth: PlantedTruth
) -> None:
    for campaign in truth.campaigns.to_pylist():
        for time, planted in (("runs", campaign["effect"]), ("after", campaign["effect_after"])):
            ratio, error = effects[campaign["campaign_id"]][time]
            assert abs(ratio - np.log(planted)) < SURE * error, (campaign, time)


def test_one_campaign_brings_orders_one_moves_them_and_one_does_nothing(
    effects: dict[str, dict[str, tuple[float, float]]],
) -> None:
    new, sale = effects["new-arrivals"], effects["summer-sale"]
    assert new["runs"][0] > 3 * new["runs"][1], "its uplift is far from nothing"
    assert new["both"][0] > 2 * new["both"][1], "and nothing of it is lost afterwards"
    assert sale["runs"][0] > 3 * sale["runs"][1]
    assert sale["after"][0] < -3 * sale["after"][1]
    assert abs(sale["both"][0]) < SURE * sale["both"][1], "what the sale brought is missing afterwards"
    assert abs(effects["news-of-the-month"]["runs"][0]) < SURE * effects["news-of-the-month"]["runs"][1]


def test_visits_that_a_campaign_brought_are_those_of_shoppers_who_were_sent_it(log: duckdb.DuckDBPyConnection) -> None:
    brought, strangers = log.sql(
        """select count(*), count(*) filter (not coalesce(list_contains(treated, campaign_id), false))
        from events join true_users using (user_id)
        where campaign_id in (select campaign_id from true_campaigns)"""
    ).fetchall()[0]
    assert brought > 2_000
    assert strangers == 0


def test_by_setting_shoppers_abroad_pay_in_their_currency_at_the_rate_of_the_day() -> None:
    from shopsight.sample_shop.money import rates_table

    config = replace(SIZES["tiny"], malformed_share=0.0)
    euro, both = generate(config, seed=3), generate(replace(config, currencies=("GBP", "CNY")), seed=3)
    with utc_connection() as connection:
        for name, shop in (("euro", euro), ("both_currencies", both)):
            connection.register(name, pa.Table.from_batches(shop.event_batches()))
        header, *lines = [line.split(",") for line in rates_table(both.config).splitlines()]
        rates = pa.Table.from_pylist([dict(zip(header, line, strict=True)) for line in lines])
        connection.register("rates", rates)
        currencies = connection.sql(
            """select both_currencies.country, both_currencies.currency, count(*), count(rate),
                max(abs(both_currencies.price * coalesce(rate::double, 1) - euro.price)), any_value(euro.currency)
            from both_currencies positional join euro
            left join rates on rates.currency = both_currencies.currency
                and rates.date::date = both_currencies.event_timestamp::date
            where both_currencies.item_id is not null and both_currencies.event_name != 'refund' group by all"""
        ).fetchall()
    abroad = {country: currency for country, currency, *_ in currencies if currency != "EUR"}
    assert abroad == {"GB": "GBP", "CN": "CNY"}
    for _, currency, rows, rated, difference, before in currencies:
        assert before == "EUR"
        assert rated == (0 if currency == "EUR" else rows)
        assert difference < 0.0061, "to half a hundredth of the currency"


def test_by_setting_evenings_are_evenings_in_the_shops_zone() -> None:
    hours = {}
    for zone in ("UTC", "Asia/Shanghai"):
        shop = generate(replace(SIZES["tiny"], zone=zone), seed=3)
        with utc_connection() as connection:
            connection.register("sent", pa.Table.from_batches(shop.event_batches()))
            query = f"""select mode(hour(event_timestamp at time zone '{zone}')) from sent
                where event_timestamp > timestamptz '2000-01-01'"""
            hours[zone] = connection.sql(query).fetchall()[0][0]
    assert all(15 <= hour <= 20 for hour in hours.values()), hours
