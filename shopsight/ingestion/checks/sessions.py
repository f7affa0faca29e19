"""Sessions that are no visit of one shopper."""

from typing import Final

from shopsight.ingestion.checks.questions import Question

SESSION_QUESTIONS: Final = (
    Question(
        name="session_of_several_shoppers",
        needs=("session_id",),
        broken="""
            select place, other_place, session_id, shopper, other_shopper from sessions where is_of_several
        """,
        out_of="select count(*) from sessions",
        unit="sessions",
        meaning="a session_id is used by more than one shopper",
        why="It is a counter that begins anew per visitor, so the warehouse goes by shopper and by pauses instead.",
        fix="Give ids that are unique in the shop, or name session_id under unique_per_actor of a mapping.",
        warn_above=0.001,
    ),
    Question(
        name="session_over_a_day",
        needs=("session_id",),
        broken="""
            select place, other_place, session_id, started_at, ended_at from sessions
            where ended_at > started_at + interval 24 hours and not is_of_several
        """,
        out_of="select count(*) from sessions",
        unit="sessions",
        meaning="a session lasts longer than 24 hours",
        why="Its id is that of a visitor or is used again, so the warehouse cuts it where nothing happens for long.",
        fix="Send the id of the visit, or leave session_id out: pauses of 30 minutes then end a session.",
        warn_above=0.01,
    ),
)
