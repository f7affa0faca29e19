"""Events that claim to be the same."""

from typing import Final

from shopsight.ingestion.checks.questions import Question

EVENT_QUESTIONS: Final = (
    Question(
        name="event_id_reused",
        needs=("content",),
        broken="""
            select
                min(place) as place,
                arg_max(place, (content, place)) as other_place,
                arg_min(event_name, (content, place)) as event_name,
                arg_max(event_name, (content, place)) as other_event_name,
                arg_min(item_id, (content, place)) as item_id,
                arg_max(item_id, (content, place)) as other_item_id
            from events
            where content is not null
            group by event_key
            having min(content) <> max(content) and (
                min(event_timestamp) <> max(event_timestamp)
                or min(user_id) <> max(user_id)
                or min(anonymous_id) <> max(anonymous_id)
            )
        """,
        out_of="select count(distinct event_key) from events where content is not null",
        unit="event ids",
        meaning="rows of different moments or shoppers share an event_id",
        why="They are no lines of one event, so the id does not name events: where such rows agree in event_name, "
        "item_id and order_id, the later one is taken for a correction.",
        fix="Send an id of each event's own, or leave event_id out of the file or mapping.",
    ),
)
