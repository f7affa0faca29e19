"""Visits of an event log: what is asked, what is known, and that nothing later is."""

import dataclasses
from datetime import UTC
from itertools import pairwise

import numpy as np
import pytest
import torch

from benchmarks.purchase_intent import contenders
from benchmarks.purchase_intent.event_log import CART, DAY_MS, PURCHASE, VIEW, EventLog, read_events
from benchmarks.purchase_intent.sequence import SequenceConfig
from benchmarks.purchase_intent.signals import EVERYTHING, counted_before, signals
from benchmarks.purchase_intent.visits import measure, split_by_day
from models.purchase_intent.features import SessionEvent, session_features
from shopsight.errors import ShopsightError

MINUTE = 60_000


def log_of(rows: list[tuple[int, int, int, int]]) -> EventLog:
    """Return the log of ``(time, shopper, item, kind)``; the price of an item is 10 times its number."""
    times, shoppers, items, kinds = np.array(rows, dtype=np.int64).T
    return EventLog.of(times, shoppers, items, kinds, 10.0 * items)


def shop(seed: int, *, days: int = 60, shoppers: int = 60) -> EventLog:
    """Shoppers of two kinds: those who buy what they put into the cart, and those who do not."""
    rng = np.random.default_rng(seed)
    rows = []
    for day in range(days):
        for shopper in rng.choice(shoppers, shoppers // 3, replace=False):
            now = day * DAY_MS + int(rng.integers(0, 20 * 60)) * MINUTE
            carted = False
            for _ in range(int(rng.integers(1, 8))):
                kind = CART if rng.random() < 0.25 else VIEW
                carted |= kind == CART
                rows.append((now, int(shopper), int(rng.integers(0, 25)), kind))
                now += int(rng.integers(1, 5)) * MINUTE
            if carted and rng.random() < (0.9 if shopper % 2 else 0.1):
                rows.append((now, int(shopper), 3, PURCHASE))
    return log_of(rows)


def test_a_visit_ends_after_half_an_hour_and_asks_nothing_from_the_purchase_on() -> None:
    log = log_of(
        [
            (0, 1, 5, VIEW),
            (30 * MINUTE, 1, 5, CART),
            (31 * MINUTE, 1, 5, PURCHASE),
            (31 * MINUTE, 1, 6, CART),  # the very millisecond of the purchase
            (32 * MINUTE, 1, 7, VIEW),
            (32 * MINUTE + 30 * MINUTE + 1, 1, 7, VIEW),
            (40 * MINUTE, 2, 7, VIEW),
        ]
    )
    assert log.visits.tolist() == [0, 0, 0, 0, 0, 1, 2]
    assert log.moments().tolist() == [0, 1, 5, 6]


def test_counts_stop_the_day_before() -> None:
    counts, since = counted_before(
        np.array([0, 0, 1]), np.array([3, 5, 5]), np.array([0, 0, 0, 1, 2]), np.array([3, 5, 9, 5, 9])
    )
    assert counts.tolist() == [0, 1, 2, 0, 0]
    np.testing.assert_array_equal(since, [np.nan, 2, 4, np.nan, np.nan])


def test_what_happens_later_changes_no_signal() -> None:
    log = shop(1)
    moments = log.moments()
    computed = signals(log, moments)
    rng = np.random.default_rng(2)
    for row in rng.choice(len(moments), 40, replace=False):
        now = log.times[moments[row]]
        # Of the moment's day only the own visit up to the moment, of later days nothing.
        own = log.visits == log.visits[moments[row]]
        is_earlier = (log.days < now // DAY_MS) | (own & (np.arange(len(log.times)) <= moments[row]))
        past = EventLog.of(
            log.times[is_earlier],
            log.shoppers[is_earlier],
            log.items[is_earlier],
            log.kinds[is_earlier],
            log.prices[is_earlier],
        )
        place = np.flatnonzero((past.times == now) & (past.shoppers == log.shoppers[moments[row]]))[-1:]
        again = signals(past, np.arange(place[0] + 1))
        for name in EVERYTHING:
            np.testing.assert_allclose(again[name][-1], computed[name][row], err_msg=name)


def test_session_signals_are_those_of_the_platform() -> None:
    log = shop(3, days=12)
    moments = log.moments()
    computed = signals(log, moments)
    names = ["view_item", "add_to_cart", "purchase"]
    for row in range(0, len(moments), 7):
        place = moments[row]
        events = [
            SessionEvent(
                event_name=names[log.kinds[other]],
                event_timestamp=np.datetime64(int(log.times[other]), "ms").item().replace(tzinfo=UTC),
                item_id=str(log.items[other]),
                price=float(log.prices[other]),
            )
            for other in np.flatnonzero(log.visits == log.visits[place])
            if other <= place
        ]
        wanted = session_features(events)
        for name in set(computed) & set(wanted):
            assert computed[name][row] == pytest.approx(wanted[name]), name


def test_parts_follow_one_another_and_share_no_visit() -> None:
    log = shop(4)
    *parts, both = split_by_day(log)
    spans = [(part.visits, log.days[np.isin(log.visits, part.visits)]) for part in parts]
    for (one, days), (other, later) in pairwise(spans):
        assert not set(one) & set(other)
        assert days.max() < later.min()
    assert set(both.visits) >= set(parts[0].visits) | set(parts[1].visits)


def test_the_model_that_knows_shoppers_beats_a_glance_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = {"num_threads": 1, "learning_rate": 0.2, "min_data_in_leaf": 30}
    monkeypatch.setattr(contenders, "TREE_SETTINGS", contenders.TREE_SETTINGS | quick)
    monkeypatch.setattr(contenders, "PATIENCE", 10)
    few = {
        "gru": SequenceConfig(kind="gru", epochs=1, width=16),
        "transformer": SequenceConfig(kind="transformer", epochs=1, width=16),
    }
    monkeypatch.setattr(contenders, "SEQUENCES", few)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    report = measure(shop(5), seeds=[1], resamples=50)
    torch.set_num_threads(threads)
    assert report["model"] in contenders.PROPOSABLE
    for name, row in report["baselines"].items():
        assert report["gains"][name]["pr_auc"] == pytest.approx(report["pr_auc"] - row["pr_auc"], abs=2e-4)
        assert report["gains"][name]["intervals"]["pr_auc"][0] > 0
    assert [point["events_seen"] for point in report["curve"]][:2] == [1, 2]


def test_a_log_that_is_too_short_is_refused() -> None:
    log = shop(6, days=3, shoppers=3)
    quiet = dataclasses.replace(log, kinds=np.where(log.kinds == PURCHASE, VIEW, log.kinds))
    with pytest.raises(ShopsightError, match="training days have no visits with a purchase"):
        split_by_day(quiet)


def test_a_file_of_something_else_is_refused(tmp_path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("timestamp,visitorid,event,itemid\n1,2,wishlist,3\n")
    with pytest.raises(ShopsightError, match="RetailRocket's columns"):
        read_events(path)
