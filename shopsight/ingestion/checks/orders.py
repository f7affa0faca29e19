"""Orders that are reported again, or that are several orders."""

from typing import Final

from shopsight.ingestion.checks.questions import Question

ORDER_QUESTIONS: Final = (
    Question(
        name="order_line_bought_again",
        needs=("order_id",),
        broken="""
            select
                min(place) as place,
                max(place) as other_place,
                order_id,
                item_id,
                min(event_timestamp) as bought_at,
                max(event_timestamp) as again_at
            from purchases
            group by source, order_id, item_id, quantity, price, "value"
            having min(event_timestamp) < max(event_timestamp) and min(event_key) <> max(event_key)
        """,
        out_of="select count(distinct (source, order_id, item_id)) from purchases",
        unit="order lines",
        meaning="the same line of the same order was bought again at another time",
        why="A confirmation page that is reloaded, or a client and a server that both report, make one order two.",
        fix="Report an order once, or with one event_id; pieces that were added later need a line_number of their own.",
        warn_above=0.001,
    ),
    Question(
        name="order_of_several_shoppers",
        needs=("order_id",),
        broken="""
            select place, other_place, order_id, shopper, other_shopper from orders where is_of_several
        """,
        out_of="select count(*) from orders",
        unit="orders",
        meaning="an order number is used by more than one shopper",
        why="Order numbers that begin anew per shopper, till or year make one order of strangers' purchases.",
        fix="Give numbers that are unique in the shop, or name order_id under unique_per_actor of a mapping.",
        warn_above=0.001,
    ),
)
