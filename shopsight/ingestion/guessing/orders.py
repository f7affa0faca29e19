"""What columns say of orders beside money: whose ids are a shopper's own, which lines are parts, what was undone."""

from collections import defaultdict
from typing import Any, Final

from shopsight.identity import clean_id
from shopsight.ingestion.guessing.words import UNDONE, event_word, snake_case

SMALL_COUNTER: Final = 100_000
"""Above this, whole numbers are no counters of one shopper's sessions or orders."""
SHARED_IDS: Final = 0.1
"""Share of the ids with several shoppers from which they are taken for ids of each shopper."""
FEW_WORDS: Final = 30


def shared_ids(ids: list[Any], actors: list[str | None], name: str, column: str) -> tuple[bool, str]:
    """Return whether ids are unique only within a shopper, and what to say of ids that several shoppers have.

    Args:
        ids: a session's or an order's, row by row.
        actors: the shopper of each row, None where it is nobody.
        name: ``session_id`` or ``order_id``.
        column: what the ids' column is called.
    """
    people: dict[str, set[str]] = defaultdict(set)
    for one, actor in zip(ids, actors, strict=True):
        if one not in (None, "") and actor is not None:
            people[str(one)].add(actor)
    shared = [one for one, some in people.items() if len(some) > 1]
    if not shared:
        return False, ""
    what = "sessions" if name == "session_id" else "orders"
    said = f"{column}: {len(shared):,} of {len(people):,} {what} have several shoppers, such as {shared[0]}"
    are_counters = all(one.removesuffix(".0").isdigit() and float(one) < SMALL_COUNTER for one in shared)
    if are_counters or len(shared) > SHARED_IDS * len(people):
        return True, f"{said}: it is taken for unique only within a shopper"
    return False, f"{said}: if it is unique only within a shopper, put {name} under unique_per_actor"


def parents_of_lines(rows: dict[str, list[Any]]) -> dict[str, str] | None:
    """Return the key ``part_of`` where a column names other lines of the file as parents, else None."""
    for column, values in rows.items():
        if "parent" not in snake_case(column).split("_"):
            continue
        named = {_plain(value) for value in values if value not in (None, "", 0, "0")}
        for line, ids in rows.items():
            own = [_plain(value) for value in ids]
            if line != column and named and len(set(own)) == len(own) and named <= set(own):
                return {"column": column, "line": line}
    return None


def undone_words(rows: dict[str, list[Any]], used: set[str]) -> tuple[str, list[str], list[str]] | None:
    """Return a column of statuses, the words in it for orders that came to nothing, and its other words."""
    for column, values in rows.items():
        name = snake_case(column.rpartition(".")[2])
        words = sorted({str(value).strip() for value in values if value not in (None, "")})
        if name.split("_")[-1] not in ("status", "state") or column in used or len(words) > FEW_WORDS:
            continue
        undone = [word for word in words if event_word(word).removeprefix("wc_") in UNDONE]
        if undone or name in ("status", "order_status", "financial_status"):
            return column, undone, [word for word in words if word not in undone]
    return None


def told_once(rows: dict[str, list[Any]], order: Any, item: Any, time: Any) -> dict[str, list[Any]]:
    """Return rows without those that repeat another, or that tell an item of an order again at another time.

    Lines that are told twice would make an order cost twice what its total says.

    Args:
        rows: the values of each column, row by row.
        order: column of the order's id; without one of the three, all rows are returned.
        item: column of the item.
        time: column of the time.
    """
    if not {order, item, time} <= set(rows):
        return rows
    first: dict[tuple[str | None, ...], Any] = {}
    rows_so_far: set[tuple[Any, ...]] = set()
    places = []
    for place, row in enumerate(zip(*rows.values(), strict=True)):
        line = tuple(clean_id(str(rows[name][place]), kind) for name, kind in ((order, "order_id"), (item, "item_id")))
        content = tuple(map(str, row))
        is_first = line[0] is None or first.setdefault(line, rows[time][place]) == rows[time][place]
        if is_first and content not in rows_so_far:
            places.append(place)
        rows_so_far.add(content)
    return {name: [values[place] for place in places] for name, values in rows.items()}


def is_line_number(values: list[Any]) -> bool:
    """Return whether values number the rows: whole numbers, each once."""
    texts = [str(value).removesuffix(".0") for value in values]
    return len(texts) > 1 and all(text.isdigit() for text in texts) and len(set(texts)) == len(texts)


def _plain(value: Any) -> str:
    return str(value).strip().removesuffix(".0")
