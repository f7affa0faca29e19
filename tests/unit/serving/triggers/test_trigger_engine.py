"""What is due for whom, and what is decided of it, from a few happenings."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.triggers.book import TriggerBook, UnusableTriggersError
from models.triggers.engine import Due, Engine, Happening, ItemChange
from models.triggers.judging import Firing, Judge, PutOff, is_held_out
from models.triggers.report import effect

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CART = {"name": "cart", "when": "abandoned_cart", "after_minutes": 60}
SEARCH = {"name": "help", "when": "abandoned_search", "after_minutes": 30}
STOCK = {"name": "back", "when": "back_in_stock"}
DROP = {"name": "cheaper", "when": "price_drop", "min_drop": 0.1}


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def engine(*triggers: dict[str, Any]) -> Engine:
    return Engine(TriggerBook.model_validate({"triggers": triggers}).triggers)


def do(one: Engine, name: str, minutes: float, shopper: str = "u_ada", **more: Any) -> None:
    happening = Happening(at=at(minutes), event_id=f"{name}-{minutes}", name=name, shopper=shopper, **more)
    one.take(happening)


def price(one: Engine, item_id: str, minutes: float, price: float = 100.0, *, available: bool = True) -> None:
    one.take_item(ItemChange(at=at(minutes), item_id=item_id, price=price, currency="EUR", is_available=available))


def due(one: Engine, minutes: float) -> list[tuple[str, str, float]]:
    return [(d.trigger, d.shopper, (d.at - NOON) / timedelta(minutes=1)) for d in one.due(at(minutes))]


def test_a_cart_is_abandoned_an_hour_after_the_shoppers_last_event() -> None:
    shop = engine(CART)
    do(shop, "add_to_cart", 0, item_id="lamp")
    do(shop, "page_view", 40)
    assert due(shop, 99.9) == []
    (one,) = shop.due(at(100))
    assert (one.at, one.item_ids) == (at(100), ("lamp",))
    assert [(e.what, e.event_id, e.at) for e in one.evidence] == [("add_to_cart", "add_to_cart-0", at(0))]


@pytest.mark.parametrize("name", ["purchase", "remove_from_cart"])
def test_a_cart_that_was_bought_or_emptied_is_not_abandoned(name: str) -> None:
    shop = engine(CART)
    do(shop, "add_to_cart", 0, item_id="lamp")
    do(shop, name, 10, item_id="lamp")
    assert due(shop, 1_000) == []


def test_what_was_put_into_a_cart_days_ago_does_not_count_as_lying_there() -> None:
    shop = engine(CART)
    do(shop, "add_to_cart", 0, item_id="lamp")
    assert due(shop, 60) == [("cart", "u_ada", 60.0)]
    do(shop, "page_view", 5 * 24 * 60)
    assert due(shop, 6 * 24 * 60) == []


def test_an_event_that_comes_late_from_before_a_purchase_does_not_fill_the_cart_again() -> None:
    shop = engine(CART)
    do(shop, "purchase", 10, item_id="lamp")
    do(shop, "add_to_cart", 0, item_id="lamp")
    assert due(shop, 1_000) == []


def test_a_search_is_abandoned_where_no_look_at_an_item_follows() -> None:
    shop = engine(SEARCH)
    do(shop, "search", 0, query="blue lamp")
    do(shop, "search", 0, "u_bob", query="shoes")
    do(shop, "view_item", 5, "u_bob", item_id="shoe")
    assert due(shop, 30) == [("help", "u_ada", 30.0)]


def test_who_looked_at_an_item_hears_that_it_is_back_unless_they_bought_it() -> None:
    shop = engine(STOCK)
    price(shop, "lamp", -10)
    for shopper in ("u_ada", "u_bob"):
        do(shop, "view_item", 0, shopper, item_id="lamp")
    do(shop, "purchase", 5, "u_bob", item_id="lamp")
    price(shop, "lamp", 10, available=False)
    assert due(shop, 15) == []
    price(shop, "lamp", 20)
    assert due(shop, 20) == [("back", "u_ada", 20.0)]


def test_a_price_has_to_fall_by_as_much_as_the_rule_says() -> None:
    shop = engine(DROP)
    price(shop, "lamp", -10, 100.0)
    do(shop, "view_item", 0, item_id="lamp")
    price(shop, "lamp", 10, 91.0)
    assert due(shop, 10) == []
    price(shop, "lamp", 20, 81.9)
    (one,) = shop.due(at(20))
    assert (one.evidence[-1].what, one.evidence[-1].detail) == ("price_drop", "from 91 to 81.9, 10% less")


def test_a_look_that_is_older_than_the_rule_allows_makes_nobody_interested() -> None:
    shop = engine({**DROP, "interest_days": 1})
    price(shop, "lamp", -10, 100.0)
    do(shop, "view_item", 0, item_id="lamp")
    price(shop, "lamp", 2 * 24 * 60, 50.0)
    assert due(shop, 2 * 24 * 60) == []


def test_what_a_visitor_did_is_the_users_who_signs_in() -> None:
    shop = engine(CART, DROP)
    price(shop, "lamp", -10, 100.0)
    do(shop, "add_to_cart", 0, "a_phone", item_id="lamp")
    shop.sign_in("a_phone", "u_ada")
    price(shop, "lamp", 10, 50.0)
    assert due(shop, 60) == [("cheaper", "u_ada", 10.0), ("cart", "u_ada", 60.0)]


def test_who_forbids_personal_use_is_forgotten() -> None:
    shop = engine(CART, DROP)
    price(shop, "lamp", -10, 100.0)
    do(shop, "add_to_cart", 0, item_id="lamp")
    shop.forget("u_ada")
    price(shop, "lamp", 10, 50.0)
    assert due(shop, 60) == []


def test_what_is_put_off_to_the_morning_is_void_where_it_was_bought_in_the_night() -> None:
    shop = engine(CART)
    do(shop, "add_to_cart", 0, "u_ada", item_id="lamp")
    do(shop, "add_to_cart", 0, "u_bob", item_id="lamp")
    for one in shop.due(at(60)):
        shop.put_off(one, at(600))
    do(shop, "purchase", 300, "u_bob", item_id="lamp")
    assert due(shop, 599) == []
    assert due(shop, 600) == [("cart", "u_ada", 60.0)]


def test_a_win_back_is_void_where_the_shopper_has_ordered_since() -> None:
    shop = engine({"name": "back", "when": "win_back"})
    from models.triggers.engine import Evidence

    order = Evidence(what="latest order", at=at(-90_000), event_id="o1")
    moments = [
        Due(trigger="back", when="win_back", shopper=user, at=at(10), cause="o1", evidence=(order,))
        for user in ("u_ada", "u_bob")
    ]
    shop.add(moments)
    do(shop, "purchase", 5, "u_bob", item_id="lamp")
    assert due(shop, 10) == [("back", "u_ada", 10.0)]


def moment(trigger: str, shopper: str, cause: str = "c") -> Due:
    return Due(trigger=trigger, when="abandoned_cart", shopper=shopper, at=NOON, cause=cause)


def judge(**book: Any) -> Judge:
    return Judge(TriggerBook.model_validate(book), zone="UTC")


def decide(one: Judge, due: Due, moment: datetime = NOON) -> str:
    verdict = one.judge(due, at=moment)
    assert isinstance(verdict, Firing)
    return verdict.decision


SENT = [user for user in (f"u_{n}" for n in range(50)) if not is_held_out("cart", user, 0.2)]


def test_a_share_of_shoppers_is_held_out_and_always_the_same_ones() -> None:
    users = [f"u_{n}" for n in range(5_000)]
    out = [is_held_out("cart", user, 0.2) for user in users]
    assert 0.18 < np.mean(out) < 0.22
    assert out == [is_held_out("cart", user, 0.2) for user in users]
    assert out != [is_held_out("other", user, 0.2) for user in users]


def test_a_shopper_is_left_alone_by_a_trigger_for_its_days_and_by_all_beyond_the_cap() -> None:
    rules = [{**CART, "cooldown_days": 1}, {**CART, "name": "second", "hold_out": 0.05}]
    desk = judge(triggers=rules, cap={"max_firings": 1, "hours": 10})
    user = next(one for one in SENT if not is_held_out("second", one, 0.05))
    assert decide(desk, moment("cart", user, "a")) == "sent"
    assert decide(desk, moment("cart", user, "b"), NOON + timedelta(hours=2)) == "cooling"
    assert decide(desk, moment("second", user, "c"), NOON + timedelta(hours=2)) == "capped"
    assert decide(desk, moment("second", user, "d"), NOON + timedelta(hours=5) + timedelta(hours=15)) == "sent"


def test_nothing_is_decided_in_quiet_hours() -> None:
    desk = judge(triggers=[CART])
    night = datetime(2026, 5, 1, 23, tzinfo=UTC)
    assert desk.judge(moment("cart", SENT[0]), at=night) == PutOff(until=datetime(2026, 5, 2, 8, tzinfo=UTC))
    assert not desk.is_decided(moment("cart", SENT[0]))


def test_what_a_journal_says_is_decided_is_not_decided_again() -> None:
    desk, one = judge(triggers=[CART]), moment("cart", SENT[0])
    desk.remember([{"id": one.id, "trigger": "cart", "user_id": SENT[0], "at": NOON, "decision": "sent"}])
    assert desk.is_decided(one)
    assert decide(desk, moment("cart", SENT[0], "later")) == "cooling"


@pytest.mark.parametrize(
    ("book", "words"),
    [
        ({"triggers": [{"name": "x", "when": "full_moon"}]}, "does not match any of the expected tags"),
        ({"triggers": [CART, CART]}, "two triggers are called cart"),
        ({"triggers": [{**CART, "afterminutes": 3}]}, "Extra inputs are not permitted"),
        ({"triggers": [{**CART, "hold_out": 0}]}, "greater than or equal to 0.05"),
    ],
)
def test_a_wrong_line_of_the_file_is_named(tmp_path: Any, book: dict[str, Any], words: str) -> None:
    import yaml

    path = tmp_path / "triggers.yml"
    path.write_text(yaml.safe_dump(book))
    with pytest.raises(UnusableTriggersError, match=words):
        TriggerBook.read(path)


def firings(sent: int, held_out: int) -> pd.DataFrame:
    rows = [(f"s{n}", NOON, "sent") for n in range(sent)] + [(f"h{n}", NOON, "held_out") for n in range(held_out)]
    return pd.DataFrame(rows, columns=["user_id", "at", "decision"])


def orders(*users: str, after: timedelta = timedelta(days=1)) -> pd.DataFrame:
    moments = pd.Series([NOON + after] * len(users), dtype="datetime64[us, UTC]")
    return pd.DataFrame({"user_id": pd.Series(users, dtype="object"), "ordered_at": moments, "net_revenue": 20.0})


def judged(rows: pd.DataFrame, came: pd.DataFrame, *, days_later: int = 30) -> Any:
    return effect(rows, came, effect_days=7, hold_out=0.2, read_until=NOON + timedelta(days=days_later))


def test_the_report_says_what_a_trigger_added_beside_its_hold_out() -> None:
    came = orders(*(f"s{n}" for n in range(160)), *(f"h{n}" for n in range(20)))
    made = judged(firings(800, 200), came)
    assert made.verdict == "it added orders"
    assert made.orders.per_shopper.value == pytest.approx(0.1)
    assert made.orders.per_shopper.low > 0
    assert made.money.total.value == pytest.approx(800 * 2.0)


def test_a_report_counts_orders_within_the_days_of_the_trigger_alone() -> None:
    came = orders(*(f"s{n}" for n in range(160)), after=timedelta(days=8))
    assert judged(firings(800, 200), came).orders.mean_sent == 0
    assert judged(firings(800, 200), came, days_later=3).not_over == 1_000


def test_a_report_claims_nothing_where_the_hold_out_is_not_the_lots() -> None:
    made = judged(firings(990, 10), orders())
    assert made.verdict.startswith("nothing is claimed")


def test_a_report_of_few_shoppers_says_that_they_are_too_few() -> None:
    assert judged(firings(16, 4), orders()).verdict.startswith("too few to say")
