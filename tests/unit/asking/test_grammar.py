"""What a question is understood as, and why one is refused."""

import pytest
from asked_shop import BRANDS, CATEGORIES

from models.asking.catalogue import Catalogue
from models.asking.grammar import parse
from models.asking.question import Filter, RefusedQuestionError

SHOP = Catalogue.of(CATEGORIES, BRANDS, ["i_1"])


@pytest.mark.parametrize(
    ("text", "population", "outcome"),
    [
        (
            "shoppers who return an item within 14 days",
            "shoppers seen before the cut-off",
            "return an item within 14 days",
        ),
        (
            "will buy again in the next 30 days",
            "shoppers seen before the cut-off who placed an order before it",
            "place an order within 30 days",
        ),
        (
            "customers who have ordered twice and who spend more than 50 in 60 days",
            "customers (who have ordered) who placed at least 2 orders before it",
            "spend more than 50 within 60 days",
        ),
        (
            "who buy in category Sports in the next week",
            "shoppers seen before the cut-off",
            'place an order in category "Sports" within 7 days',
        ),
        (
            "who view an item from brand Veloria within a fortnight",
            "shoppers seen before the cut-off",
            'view an item of brand "Veloria" within 14 days',
        ),
        (
            "who will purchase Moka & Co items in 2 months",
            "shoppers seen before the cut-off",
            'place an order of brand "Moka & Co" within 60 days',
        ),
        ("customers who churn within 28 days", "customers (who have ordered)", "not place an order within 28 days"),
        (
            "which buyers will stop ordering for 60 days?",
            "customers (who have ordered)",
            "not place an order within 60 days",
        ),
        (
            "shoppers with at least 3 visits in the last 30 days who buy within 14 days",
            "shoppers seen before the cut-off who made at least 3 visits in the 30 days before it",
            "place an order within 14 days",
        ),
        (
            "customers with more than 100 euros in revenue who order within 28 days",
            "customers (who have ordered) who spent more than 100 before it",
            "place an order within 28 days",
        ),
        (
            "visitors who become customers within 30 days",
            "shoppers seen before the cut-off who never placed an order before it",
            "place an order within 30 days",
        ),
        (
            "Will shoppers who viewed Running items in the last 7 days buy within 7 days?",
            'shoppers seen before the cut-off who viewed an item in category "Running" in the 7 days before it',
            "place an order within 7 days",
        ),
        (
            "customers whose last order was more than 30 days ago and who buy within 30 days",
            "customers (who have ordered) who did not place an order in the 30 days before it",
            "place an order within 30 days",
        ),
        (
            "shoppers who spend less than 20 within 30 days",
            "shoppers seen before the cut-off",
            "spend less than 20 within 30 days",
        ),
        (
            "customers with at most 3 orders who place at least 2 orders of items costing 10 or less within 30 days",
            "customers (who have ordered) who placed 1 to 3 orders before it",
            "place at least 2 orders of items that cost at most 10 within 30 days",
        ),
        (
            "one-time buyers who buy a product that costs more than 100 in the next 30 days",
            "customers (who have ordered) who placed exactly 1 order before it",
            "place an order of items that cost more than 100 within 30 days",
        ),
        (
            'shoppers who buy "Veloria" items within 7 days',
            "shoppers seen before the cut-off",
            'place an order of brand "Veloria" within 7 days',
        ),
        (
            "shoppers who abandon their cart within 7 days",
            "shoppers seen before the cut-off",
            "put an item into the cart and not place an order within 7 days",
        ),
        (
            "customers who buy 3 or more items within 30 days",
            "customers (who have ordered)",
            "buy at least 3 items within 30 days",
        ),
        (
            "shoppers who leave a bad review within 30 days",
            "shoppers seen before the cut-off",
            "write a review with 1 to 2 stars within 30 days",
        ),
        (
            "in the next 30 days, which customers will buy?",
            "customers (who have ordered)",
            "place an order within 30 days",
        ),
        ("sessions that end in a purchase", "visits under way, after each of their events", "end in an order"),
    ],
)
def test_a_question_is_said_back_as_it_was_understood(text: str, population: str, outcome: str) -> None:
    question = parse(text, SHOP)

    assert question.population == population
    assert question.outcome.removesuffix(" after the cut-off") == outcome


def test_a_category_stands_for_all_that_lies_below_it() -> None:
    (target,) = parse("shoppers who buy in the Sports category", SHOP).target

    assert target.items == Filter(categories=tuple(sorted(CATEGORIES[:2])), category_name="Sports")


def test_a_question_without_a_horizon_has_28_days_and_says_so() -> None:
    question = parse("who write a review", SHOP)

    assert question.horizon_days == 28
    assert "no horizon was named" in question.words()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("customers who have ordered in the last 30 days", "known at the cut-off"),
        ("customers who ordered in the next 30 days and buy within 30 days", "lies after the cut-off"),
        ("customers who will order in the last 30 days", "before the cut-off is known"),
        ("among shoppers who will buy within 30 days, who will buy within 30 days?", "chosen by what it does after"),
        ("shoppers who will have ordered within 30 days", "known at the cut-off"),
        ("customers who order within 28 days using revenue_after", "holds the outcome"),
        ("customers whose next order is within 28 days and who order within 28 days", "holds the outcome"),
        ("shoppers who buy within 30 days given that they buy next week", "holds the outcome"),
        ("loyal customers who order within 28 days", "hold the outcome"),
        ("shoppers who buy within 0 days", "known at the cut-off"),
        ("customers who have never ordered and who order within 28 days", "customers are shoppers who have ordered"),
        ("customers who order and do not order within 28 days", "done and not done"),
        ("women who buy within 30 days", "by gender"),
        ("predict the gender of shoppers", "by gender"),
        ("who buy in category Spaceships", "names it"),
        ("who subscribe to the newsletter within 30 days", "subscribe, newsletter"),
        ("customers who buy within 10 days after their first order", "after"),
        ("customers who return within 30 days", "come back"),
        ("shoppers in Germany who order within 28 days", "germany"),
        ("shoppers with more than 3 who order within 28 days", "3"),
        ("the weather", "weather"),
        ("", "no event"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(RefusedQuestionError) as refused:
        parse(text, SHOP)

    assert reason in f"{refused.value.what} {refused.value.why}"
    assert refused.value.fix
