"""Popularity, taste, price, season, churn, segments, bots and identity: each planted truth shows in the events."""

import numpy as np
import pandas as pd
import pytest

from shopsight.events import EVENT_NAMES
from shopsight.sample_shop import PlantedTruth, SampleShop
from shopsight.sample_shop.sessions import day_weights


def test_item_popularity_follows_zipfs_law(views: pd.DataFrame) -> None:
    counts = views.item_id.value_counts().to_numpy()[:300]
    slope = np.polyfit(np.log(np.arange(1, len(counts) + 1)), np.log(counts), 1)[0]
    assert -1.1 < slope < -0.4
    assert counts[:100].sum() / len(views) > 0.35, "a tenth of the items draws over a third of the views"


def test_popular_items_are_those_that_the_truth_calls_popular(views: pd.DataFrame, truth: PlantedTruth) -> None:
    weight = truth.items.to_pandas().set_index("item_id").weight
    seen = views.item_id.value_counts().reindex(weight.index, fill_value=0)
    assert weight.corr(seen, method="spearman") > 0.7


def test_shoppers_look_at_their_favourite_departments_in_the_order_of_their_affinity(
    views: pd.DataFrame, users: pd.DataFrame
) -> None:
    liked = users.favourite_departments.reindex(views.who)
    shares = [float(np.mean(views.department.to_numpy() == liked.str[place].to_numpy())) for place in range(3)]
    assert shares[0] > 0.4
    assert shares[0] > 2 * shares[1] > 2 * shares[2]
    assert sum(shares) > 0.75


def test_price_sensitive_shoppers_look_at_the_cheaper_items_of_a_shelf(
    views: pd.DataFrame, users: pd.DataFrame
) -> None:
    relative = np.log(views.price) - np.log(views.groupby("shelf").price.transform("median"))
    mean = relative.groupby(views.who).mean()[views.groupby("who").size() >= 20]
    assert mean.corr(users.sensitivity.reindex(mean.index), method="spearman") < -0.3


def test_weekends_are_busier_and_traffic_grows(people: pd.DataFrame, small_shop: SampleShop) -> None:
    days = people.groupby(people.event_timestamp.dt.floor("D")).size()
    weekend = pd.DatetimeIndex(days.index).dayofweek >= 5
    assert days[weekend].mean() > 1.15 * days[~weekend].mean()
    assert days.iloc[-30:].mean() > 1.3 * days.iloc[:30].mean()
    assert len(days) >= small_shop.config.days - 2


def test_autumn_moves_demand_from_the_garden_to_jackets(views: pd.DataFrame, small_shop: SampleShop) -> None:
    middle = pd.Timestamp(small_shop.config.ends_at) - pd.Timedelta(days=small_shop.config.days / 2)
    later = views.event_timestamp >= middle
    share = views.groupby(later).department.value_counts(normalize=True).unstack()
    assert share.loc[True, "Garden"] < 0.85 * share.loc[False, "Garden"]
    assert share.loc[True, "Fashion"] > 1.15 * share.loc[False, "Fashion"]


def test_churned_shoppers_never_return_and_the_others_stay(people: pd.DataFrame, users: pd.DataFrame) -> None:
    last = people.groupby("who").event_timestamp.max()
    churned = users.churned_at.reindex(last.index)
    assert (last[churned.notna()] < churned[churned.notna()]).all()
    assert 0.15 < users.churned_at.notna().mean() < 0.5
    recent = last > last.max() - pd.Timedelta(days=21)
    assert recent[churned.isna()].mean() > recent[churned.notna()].mean() + 0.3


def test_shoppers_order_at_their_planted_rate_while_they_are_there(
    people: pd.DataFrame, users: pd.DataFrame, small_shop: SampleShop
) -> None:
    planted = users[~users.is_bot & users.orders_per_day.notna()]
    start = pd.Timestamp(small_shop.config.starts_at_us, unit="us", tz="UTC")
    traffic = np.concatenate([[0.0], np.cumsum(day_weights(small_shop.config))]) * small_shop.config.days
    here = [(moment - start) / pd.Timedelta(days=1) for moment in (planted.joined_at, planted.churned_at)]
    days = np.interp(here[1].fillna(small_shop.config.days), range(len(traffic)), traffic)
    expected = planted.orders_per_day * (days - np.interp(here[0], range(len(traffic)), traffic))
    orders = people[people.event_name == "purchase"].groupby("who").order_id.nunique()
    orders = orders.reindex(planted.index, fill_value=0)
    assert orders.sum() == pytest.approx(expected.sum(), rel=0.06)
    busy = expected > expected.quantile(0.9)
    assert orders[busy].sum() == pytest.approx(expected[busy].sum(), rel=0.1)


def test_loyal_shoppers_churn_least_and_window_shoppers_buy_least(people: pd.DataFrame, users: pd.DataFrame) -> None:
    humans = users[~users.is_bot]
    churn = humans.churned_at.notna().groupby(humans.segment).mean()
    assert churn.idxmin() == "loyal"
    orders = (
        people[people.event_name == "purchase"].groupby("who").order_id.nunique().reindex(humans.index, fill_value=0)
    )
    by_segment = orders.groupby(humans.segment).mean()
    assert by_segment.idxmax() == "loyal"
    assert by_segment.idxmin() == "window_shopper"


def test_gift_buyers_shop_across_more_departments(users: pd.DataFrame) -> None:
    top = users.affinity.map(max)
    typical = users[~users.is_runner & ~users.is_bot]
    assert (
        top[typical.index[typical.segment == "gift_buyer"]].mean()
        < top[typical.index[typical.segment == "loyal"]].mean() - 0.1
    )


def test_bots_are_faster_and_broader_than_any_person(events: pd.DataFrame, users: pd.DataFrame) -> None:
    seen = events[(events.event_name == "view_item") & events.session_id.notna()]
    grouped = seen.groupby("session_id")
    pause = grouped.event_timestamp.diff().dt.total_seconds().groupby(seen.session_id).median()
    facts = pd.DataFrame({"who": grouped.who.first(), "items": grouped.item_id.nunique(), "pause": pause})
    bot = users.is_bot.reindex(facts.who).to_numpy()
    assert bot.sum() >= 10
    assert facts[bot]["items"].min() > 2 * facts[~bot]["items"].max()
    assert facts[bot].pause.max() < 3
    assert facts[~bot & (facts["items"] > 5).to_numpy()].pause.median() > 10
    assert not events[events.who.isin(users.user_id[users.is_bot])].event_name.isin(["purchase", "add_to_cart"]).any()


def test_a_device_belongs_to_one_shopper_and_logins_tie_it_to_the_account(events: pd.DataFrame) -> None:
    both = events.dropna(subset=["user_id", "anonymous_id"])
    assert (both.groupby("anonymous_id").user_id.nunique() == 1).all()
    named = events.user_id.notna()
    hidden = events[~named]
    assert 0.15 < len(hidden) / len(events) < 0.6
    tied = hidden.anonymous_id.isin(both.anonymous_id).mean()
    assert 0.3 < tied < 0.9, "most but not all anonymous rows can be stitched"
    logins = events.dropna(subset=["session_id"]).groupby("session_id").user_id.agg(["count", "size"])
    assert ((logins["count"] > 0) & (logins["count"] < logins["size"])).mean() > 0.1


def test_most_sessions_carry_an_id_and_all_can_be_told_apart_by_half_an_hour(
    people: pd.DataFrame, truth: PlantedTruth
) -> None:
    given = truth.sessions["has_session_id"].to_numpy().mean()
    assert given == pytest.approx(0.88, abs=0.02)
    inside = people.dropna(subset=["session_id"])
    pause = inside.groupby("session_id").event_timestamp.diff()
    # A missing (malformed) row may join two pauses; its neighbours are then still less than an hour apart.
    assert (pause > pd.Timedelta(minutes=30)).mean() < 0.001
    spans = (
        inside.groupby(["who", "session_id"])
        .event_timestamp.agg(["min", "max"])
        .reset_index()
        .sort_values(["who", "min"])
    )
    gap = spans["min"] - spans.groupby("who")["max"].shift()
    assert gap.min() > pd.Timedelta(minutes=30)


def test_most_but_not_all_consent(events: pd.DataFrame) -> None:
    shares = events[events.consent != "maybe"].groupby("who").consent.first().value_counts(normalize=True)
    assert set(shares.index) == {"granted", "analytics_only", "none"}
    assert shares["granted"] > 0.75


def test_every_event_name_occurs_but_the_one_that_links_devices(events: pd.DataFrame) -> None:
    assert set(events.event_name) == set(EVENT_NAMES) - {"identify"}


def test_prices_of_orders_are_those_of_the_catalogue_at_that_time_less_the_campaigns_tenth(
    events: pd.DataFrame, small_shop: SampleShop
) -> None:
    versions = small_shop.items.to_pandas()[["item_id", "valid_from", "price"]].sort_values("valid_from")
    lines = events[events.event_name == "purchase"].sort_values("event_timestamp")
    lists = pd.merge_asof(
        lines[["item_id", "event_timestamp"]], versions, left_on="event_timestamp", right_on="valid_from", by="item_id"
    )
    ratio = lines.price.to_numpy() / lists.price.astype(float).to_numpy()
    assert set(ratio.round(2)) == {1.0, 0.9}
    assert lines.value.to_numpy() == pytest.approx((lines.price * lines.quantity).to_numpy())
    assert lines.order_id.notna().all()
    assert (lines.groupby("order_id").event_id.nunique() == 1).all(), "the lines of an order share its event"
