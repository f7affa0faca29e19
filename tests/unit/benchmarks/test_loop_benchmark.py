"""The loop's pieces: who looks at what for the first time, what a list is worth, and how much came back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import numpy as np
import pytest

from benchmarks.loop.chain import Evening
from benchmarks.loop.curve import curve_svg
from benchmarks.loop.play import Day, Plan, gains_of
from benchmarks.loop.recovery import summary
from benchmarks.loop.visits import Contact, contacts_by_day, start_of
from serving.recommender.desk import RecommendationDesk
from serving.recommender.schemas import RecommendationRequest
from shopsight.clock import utc_now
from shopsight.sample_shop import SampleShop, SampleShopConfig, generate

CONFIG = SampleShopConfig(users=60, items=120, events=9_000, days=20, passer_by_sessions=0.5, taste_changes_on=10)
QUIET = Evening(
    reasons="", waits="", trained=None, eligible=False, said="", candidate="", begun="", serves="v0001"
)  # fmt: skip


@pytest.fixture(scope="module")
def shop() -> SampleShop:
    return generate(CONFIG, seed=3)


def test_each_contact_is_a_shoppers_first_with_the_item_and_knows_what_came_before_it_that_day(shop) -> None:
    days = contacts_by_day(shop)
    contacts = [contact for of_day in days for contact in of_day]
    pairs = [(contact.user_id, contact.item_id) for contact in contacts]
    assert len(pairs) == len(set(pairs)) > 100
    assert any(contact.so_far for contact in contacts)
    assert all(contact.item_id not in {item for item, _ in contact.so_far} for contact in contacts)
    for day, of_day in enumerate(days):
        assert all(start_of(shop, day) <= one.at < start_of(shop, day + 1) for one in of_day)
        assert [one.at for one in of_day] == sorted(one.at for one in of_day)


def test_shoppers_without_account_or_consent_make_no_contact(shop) -> None:
    people = shop.people
    may = {
        user
        for user, registered, bot, consent in zip(
            people.user_ids, people.registered_U, people.bot_U, people.consent_U, strict=True
        )
        if registered and not bot and consent == 0
    }
    assert {contact.user_id for of_day in contacts_by_day(shop) for contact in of_day} <= may


class OneList:
    """A desk with the same list for everybody."""

    def __init__(self, *item_ids: str) -> None:
        self.item_ids = item_ids
        self.requests: list[RecommendationRequest] = []
        self.asked_at: list[Any] = []

    def answer(self, request: RecommendationRequest) -> dict[str, Any]:
        self.requests.append(request)
        self.asked_at.append(utc_now())
        return {"items": [{"item_id": item} for item in self.item_ids]}


def test_a_list_is_worth_the_place_of_the_item_and_is_asked_for_just_before_it_with_the_visit_so_far(shop) -> None:
    at = start_of(shop, 1)
    contacts = [
        Contact(user_id="u", item_id=item, at=at, so_far=(("z", "view_item"),)) for item in ("a", "b", "missing")
    ]
    desk = OneList("a", "b")
    gains = gains_of(cast(RecommendationDesk, desk), contacts)
    np.testing.assert_allclose(gains, [1.0, 1 / np.log2(3), 0.0])
    assert desk.asked_at == [at - timedelta(milliseconds=1)] * 3
    assert [event.item_id for event in desk.requests[0].recent_events] == ["z"]


def played(*, release: int | None = 14, after: float = 0.35) -> list[Day]:
    """Return days of .4 before day 10, .1 until the release, and what came back afterwards; the oracle has .4."""
    days = []
    for day in range(7, 24):
        is_new = release is not None and day >= release
        gain = 0.4 if day < 10 else (after if is_new else 0.1)
        evening = replace(QUIET, reasons="decay: less", trained="v0002") if day == 12 else QUIET
        days.append(
            Day(
                day=day,
                date=f"2026-10-{day:02d}",
                shoppers=["a", "b"],
                served=np.array([gain, gain]),
                stale=np.array([0.1, 0.1]) if day >= 10 else np.array([0.4, 0.4]),
                oracle=np.array([0.4, 0.4]),
                version="v0002" if is_new else "v0001",
                evening=evening,
            )
        )
    return days


def test_the_share_that_came_back_is_of_what_was_lost() -> None:
    figures = summary(played(), change=10, seed=1, resamples=20)
    assert figures["recovered"]["value"] == pytest.approx(0.25 / 0.3, abs=1e-4)
    assert figures["recovered of what the new taste allows"]["value"] == pytest.approx(0.25 / 0.3, abs=1e-4)
    assert (figures["days to the first retraining"], figures["days to the release"]) == (2, 4)
    assert figures["retrainings before the change"] == 0
    assert figures["why"] == "decay: less"
    assert (figures["retrainings"], figures["releases"]) == (1, 1)


def test_where_nothing_was_released_nothing_came_back() -> None:
    figures = summary(played(release=None), change=10, seed=1, resamples=20)
    assert figures["release"] is None
    assert figures["recovered"]["value"] == pytest.approx(0.0)


def test_no_share_is_told_of_days_on_one_side_of_the_change() -> None:
    with pytest.raises(ValueError, match="before the change and after it"):
        summary(played()[3:], change=10, seed=1)


def test_the_curve_draws_what_served_and_what_would_have() -> None:
    svg = curve_svg(summary(played(), change=10, seed=1, resamples=20))
    assert svg.count("<polyline") == 2
    assert svg.count("<circle") == len(played())


@pytest.mark.parametrize(("first_day", "last_day"), [(10, 15), (5, 10), (5, 20), (0, 15)])
def test_a_plan_has_days_before_and_after_the_change(first_day: int, last_day: int) -> None:
    with pytest.raises(ValueError, match="before the taste changes"):
        Plan(shop=CONFIG, first_day=first_day, last_day=last_day, cooldown_hours=1.0)
