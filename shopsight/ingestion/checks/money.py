"""Money that is missing, repeated, mixed up or off by a hundred."""

from typing import Final

from shopsight.ingestion.checks.questions import Question

HUNDREDFOLD: Final = "between 90 and 110"
"""A ratio of cents to whole units, give or take a discount."""
BULK: Final = 100
"""Pieces below which no quantity is odd."""
FAR: Final = 50
"""Times what 99% of purchases stay below: wholesale orders reach twenty."""

MONEY_QUESTIONS: Final = (
    Question(
        name="purchases_without_money",
        needs=("order_id",),
        broken='select place, order_id, item_id, price, "value" from purchases where coalesce(amount, 0) = 0',
        out_of="select count(*) from purchases",
        unit="purchases",
        meaning="a purchase brings no money: neither value nor price, or 0",
        why="It counts as an order of 0.00, so revenue is too low.",
        fix="Send price (of a piece) or value (of the line); see what shopsight map says of the columns it left out.",
        warn_above=0.01,
    ),
    Question(
        name="refunds_without_money",
        needs=("order_id",),
        broken="""
            select refunds.place, refunds.order_id, refunds.item_id
            from refunds
            left join purchases
                on refunds.source = purchases.source and refunds.order_id = purchases.order_id
                and coalesce(refunds.item_id = purchases.item_id, true) and purchases.amount <> 0
            where coalesce(refunds.amount, 0) = 0
            group by all
            having count(purchases.place) = 0
        """,
        out_of="select count(*) from refunds",
        unit="refunds",
        meaning="a refund names no money, and no purchase of this file says how much it was",
        why="Nothing can be given back, so net revenue is too high.",
        fix="Send price and quantity, or value, of what was given back, or import the purchases with it.",
    ),
    Question(
        name="refunds_without_purchase",
        needs=("order_id",),
        broken="""
            select place, order_id, item_id, amount from refunds
            where (source, order_id) not in (select source, order_id from purchases)
        """,
        out_of="select count(*) from refunds",
        unit="refunds",
        meaning="the order that a refund names is not bought in this file",
        why="If no earlier import has the order either, money is given back that was never counted.",
        fix="Import the orders of the time before, or let refunds name the number that the purchase has.",
        warn_above=0.2,
    ),
    Question(
        name="order_total_on_lines",
        needs=("value",),
        broken="""
            select place, other_place, order_id, lowest_value as "value", lowest_line, highest_line
            from orders
            where has_several_items and has_values and lowest_value = highest_value and lowest_value > 0
                -- Two things of one price are alike by themselves, be it with a discount or with tax.
                and not coalesce(
                    has_prices and lowest_line = highest_line and highest_line >= lowest_value * 0.7, false
                )
        """,
        out_of="select count(*) from orders where has_several_items and has_values",
        unit="orders of several items",
        meaning="value is the same on every line of the order, as the order's total is",
        why="Value is the revenue of a line: a total that stands on three lines counts three times.",
        fix="Map the line's revenue, or the price of a piece, and leave the order's total out.",
        warn_above=0.2,
    ),
    Question(
        name="order_total_as_price",
        needs=("price",),
        broken="""
            select place, other_place, order_id, lowest_price as price from orders
            where has_several_items and has_prices and lowest_price = highest_price and lowest_price > 0
                and not has_values
                -- In few orders, or where everything costs the same, it is chance.
                and (
                    select count(*) >= 3 and count(distinct lowest_price) > 1 from orders where has_several_items
                )
        """,
        out_of="select count(*) from orders where has_several_items and has_prices and not has_values",
        unit="orders of several items",
        meaning="price is the same on every line of the order, as the order's total is",
        why="Price is that of one piece: a total that stands on three lines counts three times.",
        fix="Map the price of a piece, and leave the order's total out.",
        warn_above=0.8,
    ),
    Question(
        name="order_of_several_currencies",
        needs=("currency", "order_id"),
        broken="""
            select place, other_place, order_id, currency, other_currency from orders where currency <> other_currency
        """,
        out_of="select count(*) from orders",
        unit="orders",
        meaning="lines of one order are in different currencies",
        why="Without a rate, such an order's money is in two sums.",
        fix="Send all lines of an order in the currency it was paid in.",
    ),
    Question(
        name="shopper_of_several_currencies",
        needs=("currency", "order_id"),
        broken="""
            select min(place) as place, max(place) as other_place, coalesce(known, unknown) as shopper,
                min(currency) as currency, max(currency) as other_currency
            from stitched where event_name = 'purchase'
            group by coalesce(known, unknown) having min(currency) <> max(currency)
        """,
        out_of="select count(distinct coalesce(known, unknown)) from stitched where event_name = 'purchase'",
        unit="shoppers who bought",
        meaning="a shopper paid in more than one currency",
        why="What such a shopper has spent is one number only where a rate converts it.",
        fix="Check that the currency is the order's, not the one that the page was shown in.",
        warn_above=0.01,
    ),
    Question(
        name="several_currencies",
        needs=("currency", "order_id"),
        broken="""
            select min(place) as place, currency, count(*) as purchases from purchases
            where currency is not null
            group by currency
            qualify row_number() over (order by count(*) desc, currency) > 1
        """,
        out_of="select count(distinct currency) from purchases",
        unit="currencies",
        meaning="the file has purchases in another currency than most",
        why="Amounts of two currencies are never added: without a rate, this money is in no sum.",
        fix="Put its rates into currency_rates.csv in the shop's home; docs/exactness.md shows the file.",
    ),
    Question(
        name="money_without_currency",
        needs=("currency", "order_id"),
        broken="select place, order_id, item_id, amount from purchases where currency is null and amount <> 0",
        out_of="select count(*) from purchases where amount <> 0",
        unit="purchases with money",
        meaning="the amount names no currency, where others do",
        why="It cannot be told what it is added up with.",
        fix="Send the currency on every line, or map it as a constant.",
        warn_above=0.01,
    ),
    Question(
        name="price_hundredfold",
        needs=("price",),
        broken=f"""
            select arg_min(place, price) as place, arg_max(place, price) as other_place, item_id,
                min(price) as price, max(price) as other_price
            from events where price > 0 and item_id is not null
            group by source, item_id, currency
            having max(price) / min(price)::double {HUNDREDFOLD}
        """,
        out_of="select count(distinct item_id) from events where price > 0",
        unit="priced items",
        meaning="an item costs a hundred times as much in one row as in another",
        why="Some rows seem to be in cents and others in whole units, or a decimal sign was misread.",
        fix="Send every price in whole units with a decimal point, and check decimal and thousands of the mapping.",
        warn_above=0.01,
    ),
    Question(
        name="value_hundredfold",
        needs=("price", "value"),
        broken=f"""
            select place, order_id, item_id, price, quantity, "value" from purchases
            where price > 0 and "value" > 0 and (
                "value" / (price * coalesce(quantity, 1)) {HUNDREDFOLD}
                or price * coalesce(quantity, 1) / "value" {HUNDREDFOLD}
            )
        """,
        out_of='select count(*) from purchases where price > 0 and "value" > 0',
        unit="purchases with price and value",
        meaning="value is a hundred times price x quantity, or a hundredth",
        why="One of the two is in cents: revenue, which goes by value, is off by a hundred.",
        fix="Send both in whole units with a decimal point.",
        warn_above=0.01,
    ),
    Question(
        name="quantity_far_out",
        needs=("quantity",),
        broken=f"""
            select place, order_id, item_id, quantity, price from purchases
            where quantity > {BULK} and quantity > {FAR} * (
                select coalesce(case when count(quantity) >= 100 then quantile_disc(quantity, 0.99)
                    else median(quantity) end, 1) from purchases
            )
        """,
        out_of="select count(quantity) from purchases",
        unit="purchases with a quantity",
        meaning=f"the quantity is over {BULK} and over {FAR} times what 99% of purchases stay below",
        why="One such row moves an item's demand and an order's value more than all others do.",
        fix="Check these rows: a number of another column, or a typing error that was cancelled later, is common.",
    ),
)
