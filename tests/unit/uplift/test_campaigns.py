"""Whom a campaign is sent to, what speaks against it, and what it is said to have added."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.campaigns.audience import FEATURES, features_of, reach
from models.campaigns.book import Audience, Campaign, CampaignBook, UnusableCampaignsError
from models.campaigns.plan import Past, plan
from models.campaigns.report import report
from models.uplift.trial import Trial

NEWS = {"name": "news", "kind": "content", "message_cost": 0.1}
LINE = {"name": "spring", "offers": [NEWS], "budget": 1_000, "starts": "2026-03-01", "ends": "2026-03-14"}
DAYS = "budget: 1, starts: 2026-01-02, ends: 2026-01-03"
BACKWARDS = "budget: 1, starts: 2026-01-02, ends: 2026-01-01"
PRICE = [{"name": "ten", "kind": "price", "discount": 4}]


def campaign(**changes: object) -> Campaign:
    return Campaign.model_validate(LINE | changes)


def shoppers(count: int = 3_000) -> pd.DataFrame:
    """Return shoppers of whom the mobile ones are persuaded by an offer, and the others driven away."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({name: rng.integers(0, 90, count).astype(float) for name in FEATURES[1:]})
    table["mobile"] = rng.integers(0, 2, count)
    return table.assign(
        user_id=[f"u_{number:05d}" for number in range(count)],
        country=rng.choice(["DE", "FR"], count),
        age_band=rng.choice(["18-24", "65+", "unknown"], count),
        gender=rng.choice(["female", "male"], count),
        consent=np.where(rng.random(count) < 0.9, "granted", "none"),
        is_bot=False,
    )


def reached(audience: Audience | None = None, **changes: frozenset[str]):
    names = {"refusing": frozenset[str](), "capped": frozenset[str]()} | changes
    return reach(shoppers(), audience or Audience(min_days_since_visit=20), **names)


def past(*, effect: float = 0.4, rows: int = 3_000) -> Past:
    rng = np.random.default_rng(5)
    features = features_of(shoppers(rows))
    arm = rng.integers(0, 2, rows)
    sign = np.where(features[:, FEATURES.index("mobile")] > 0, 1, -1)
    outcome = rng.random(rows) < 0.45 + effect * sign * arm
    trial = Trial(
        features_RF=features,
        arm_R=arm.astype(np.intp),
        outcome_R=outcome.astype(float),
        chance_RK=np.full((rows, 2), 0.5),
        categorical=(0,),
    )
    return Past(trial=trial, order_value=50.0)


def test_who_may_not_be_written_to_is_left_out_with_the_reason():
    everybody = shoppers()
    granted = everybody["user_id"][everybody["consent"] == "granted"].tolist()
    made = reached(refusing=frozenset(granted[:5]), capped=frozenset(granted[5:12]))
    assert made.left_out["no consent to personal use"] == 5 + (everybody["consent"] == "none").sum()
    assert made.left_out["written to as often as may be"] == 7
    assert not made.meant["user_id"].isin(granted[:12]).any()
    assert (made.meant["days_since_visit"] >= 20).all()


def test_a_first_campaign_is_drawn_by_lot_and_promises_nothing():
    made = plan(campaign(hold_out=0.3), reached(), None, seed=0)
    assert (made.chosen_by, made.orders_added) == ("lot", None)
    assert made.assigned["held_out"].mean() == pytest.approx(0.3, abs=0.04)
    assert made.against == ()


def test_a_campaign_that_has_learnt_is_sent_to_the_persuadable_and_leaves_sleeping_dogs_alone():
    made = plan(campaign(learn_from=["pilot"]), reached(), past(), seed=0)
    assert made.assigned["mobile"].mean() > 0.95
    assert made.sleeping_dogs > 0.3 * len(made.reached.meant)
    assert made.orders_added is not None
    sent = (~made.assigned["held_out"]).sum()
    assert made.orders_added.low < 0.4 * sent < made.orders_added.high


def test_no_effect_to_be_found_is_an_answer():
    made = plan(
        campaign(learn_from=["pilot"], offers=[NEWS | {"message_cost": 9}]), reached(), past(effect=0.0), seed=0
    )
    assert "no effect to be found" in made.against[0]


def test_a_budget_is_never_passed():
    for learnt in (None, past()):
        made = plan(campaign(budget=20), reached(), learnt, seed=0)
        assert 15 < made.cost <= 20


def test_stock_is_never_passed():
    made = plan(campaign(offers=[NEWS | {"stock": 40}]), reached(), past(), seed=0)
    assert len(made.assigned) <= 40


def test_nearly_everybody_is_no_audience_and_a_cut_is_proposed():
    made = plan(campaign(), reached(Audience()), None, seed=0)
    assert "nearly everybody" in made.against[0]
    assert "min_days_since_order" in made.against[0]


def test_nobody_is_no_audience():
    made = plan(campaign(), reached(Audience(min_orders=1_000)), None, seed=0)
    assert made.against == ("nobody is meant who may be written to",)


@pytest.mark.parametrize("bound", [{"age_bands": ["65+"]}, {"genders": ["female"]}])
def test_an_offer_of_a_price_may_not_be_bound_to_age_or_gender(bound):
    with pytest.raises(ValueError, match="may not be bound to"):
        campaign(offers=PRICE, audience=bound)
    assert campaign(audience=bound).audience


def test_an_offer_of_a_price_that_passes_a_group_over_is_refused():
    made = reached()
    young = made.meant["age_band"] == "18-24"
    made.meant.loc[young, "mobile"] = 1
    made.meant.loc[~young, "mobile"] = 0
    again = plan(campaign(offers=PRICE, learn_from=["pilot"]), made, past(), seed=0)
    assert any("age_band" in reason and "max_gap" in reason for reason in again.against)
    content = plan(campaign(learn_from=["pilot"]), made, past(), seed=0)
    assert content.against == ()
    assert content.gaps["age_band 18-24"].low > 0.5


def test_a_discount_that_eats_the_margin_is_sent_to_nobody():
    offers = [{"name": "half", "kind": "price", "discount": 25}]
    made = plan(campaign(offers=offers, learn_from=["pilot"]), reached(), past(), seed=0)
    assert "no effect to be found" in made.against[0]


def assigned(count: int = 1_000, *, out: float = 0.3) -> pd.DataFrame:
    users = [f"u_{number}" for number in range(count)]
    before = np.arange(count) % 4
    return pd.DataFrame(
        {"user_id": users, "offer": "news", "held_out": np.arange(count) < out * count, "orders": before}
    )


def came(table: pd.DataFrame, *, every_sent: int = 2, every_out: int = 5) -> pd.DataFrame:
    number = np.arange(len(table))
    ordered = np.where(table["held_out"], number % every_out == 0, number % every_sent == 0)
    return pd.DataFrame({"user_id": table["user_id"][ordered], "orders": 1, "net_revenue": 40.0})


def report_of(table: pd.DataFrame, **changes: object):
    defaults = {"hold_out": 0.3, "margin_share": 0.5, "reached_held_out": 0, "is_unchanged": True}
    return report(table, came(table), offers=[NEWS | {"discount": 0.0}], **(defaults | changes))  # type: ignore[arg-type]


def test_a_report_says_what_was_added_and_what_it_cost():
    made = report_of(assigned())
    assert made.orders is not None
    assert made.orders.total.value == pytest.approx(0.3 * 700)
    assert made.spent == pytest.approx(70)
    assert made.cost_per_order == pytest.approx(70 / 210)
    assert made.margin == pytest.approx(0.5 * 40 * 210 - 70)
    assert made.verdict.startswith("it added 210 orders")
    assert sum(one.sent for one in made.by_segment.values() if one) == 700


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"is_unchanged": False}, "its digest differs"),
        ({"reached_held_out": 12}, "12 shoppers who are held out came by this campaign"),
        ({"hold_out": 0.1}, "it was not the lot alone"),
    ],
)
def test_a_broken_hold_out_is_said_and_nothing_is_claimed(changes, reason):
    made = report_of(assigned(), **changes)
    assert reason in made.verdict
    assert made.verdict.startswith("nothing is claimed")
    assert made.cost_per_order is None


def test_a_campaign_that_did_nothing_is_said_to():
    table = assigned()
    made = report(
        table,
        came(table, every_sent=5),
        offers=[NEWS | {"discount": 0.0}],
        hold_out=0.3,
        margin_share=0.5,
        reached_held_out=0,
        is_unchanged=True,
    )
    assert made.verdict.startswith("no effect to be found")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("campaigns: [{name: a}]", "campaign 'a'"),
        ("promotions: []", "promotions"),
        (f"campaigns: [{{name: a, offers: [{{name: o, kind: price}}], {DAYS}}}]", "has a discount"),
        (f"campaigns: [{{name: a, offers: [{{name: o, kind: content}}], {BACKWARDS}}}]", "it ends before it starts"),
    ],
)
def test_a_wrong_line_of_the_file_is_named(tmp_path: Path, text: str, message: str):
    path = tmp_path / "campaigns.yml"
    path.write_text(text)
    with pytest.raises(UnusableCampaignsError) as refused:
        CampaignBook.read(path)
    assert message in str(refused.value)
