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
            having min(content) <> max(content)
        """,
        out_of="select count(distinct event_key) from events where content is not null",
        unit="event ids",
        meaning="rows share an event_id and say different things",
        why="An event_id with source and line_number says that rows are one event: lines of an order, or two events, "
        "may be taken for corrections of each other, and their money with them.",
        fix="Number the lines of an event (line_number), or leave event_id out of the file or mapping.",
    ),
)
