"""Ids that stand for nobody, for everybody, or for the same thing twice."""

from typing import Final

from shopsight.ingestion.checks.questions import Question

LARGE_SHARE: Final = 0.2
MANY_IDS: Final = 100
"""Among fewer ids than this, a fifth is chance; there, only more than half of the rows of five ids or more is large."""
MANY_PARTNERS: Final = 5
"""Devices of one person, or people at one device, that no household has."""


def _everywhere(column: str, other: str, of: str, others: str) -> Question:
    return Question(
        name=f"{column}_everywhere",
        needs=(column,),
        broken=f"""
            with ids as (
                select {column}, sum(events) as events, count({other}) as {others}, min(place) as place
                from actors where {column} is not null group by {column}
            )
            select place, {column}, events, {others} from ids
            where events > (select sum(events) from ids) * (
                    select case when count(*) >= {MANY_IDS} then {LARGE_SHARE} when count(*) >= 5 then 0.5 else 1 end
                    from ids
                )
                or {others} >= {MANY_PARTNERS} and {others} > {LARGE_SHARE} * (select sum({others}) from ids)
        """,
        out_of=f"select count(distinct {column}) from actors",
        unit=of,
        meaning=f"one id has a large share of all rows, or {MANY_PARTNERS} and over {LARGE_SHARE:.0%} of all {others}",
        why="It seems to stand for guests, a till, a monitor or a bot: all of them become one shopper.",
        fix="Leave the id empty in rows of nobody (in a mapping, give the word under values), or filter the bot.",
    )


NUMBERS: Final = r"-?\d+,0+|-?\d+\.|\d{1,3}(,\d{3})+|-?\d\.\d+[eE]\d{1,2}|\d{16,}0{4}"
"""Ids that went through a number: a decimal comma, signs between thousands, a power of ten, digits lost."""

PEOPLE_QUESTIONS: Final = (
    _everywhere("user_id", "anonymous_id", "known users", "devices"),
    _everywhere("anonymous_id", "user_id", "devices", "users"),
    Question(
        name="ids_like_numbers",
        broken=f"""
            select place, id_column, id from ids where regexp_full_match(id, '{NUMBERS}')
        """,
        out_of="select count(*) from ids",
        unit="ids",
        meaning="an id looks like a number that a program has rewritten (17850,0 or 1.7850E4)",
        why="The same id in another spelling is another shopper, item or order, and digits may be lost.",
        fix="Export the column as text; 17850.0 alone is read as 17850 by itself.",
    ),
    Question(
        name="ids_alike_but_for_case",
        needs=("user_id",),
        broken="""
            select min(place) as place, max(place) as other_place, min(id) as id, max(id) as other_id
            from ids where id_column = 'user_id' group by lower(id) having count(*) > 1
        """,
        out_of="select count(*) from ids where id_column = 'user_id'",
        unit="known users",
        meaning="two ids differ only in capitals",
        why="If the shop takes them for one (mail addresses, for example), one person is two.",
        fix="Write ids of users in small letters before the import where the shop ignores case.",
    ),
)
