import ast
import re
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from models.intent.aspects import PATTERNS, clauses, mentions
from models.intent.insights import review_insights
from models.intent.word_list import sentiment
from shopsight.settings import REPO_ROOT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Great quality, but it arrived broken.",
            {("quality", "positive"), ("quality", "negative"), ("delivery", "negative")},
        ),
        ("Terrible customer service. Lovely fabric!", {("service", "negative"), ("quality", "positive")}),
        ("The size is perfect and the price is great", {("fit", "positive"), ("price", "positive")}),
        ("质量很好，但是物流太差", {("quality", "positive"), ("delivery", "negative")}),
        ("I bought it for my sister", set()),
        ("", set()),
    ],
)
def test_each_clause_speaks_of_its_own_aspects_in_its_own_tone(text: str, expected: set[tuple[str, str]]) -> None:
    assert {(one.aspect, one.tone) for one in mentions(text, sentiment)} == expected


def test_words_inside_other_words_are_no_aspect() -> None:
    assert mentions("A profitable misfit in the outfit", sentiment) == []


def test_clauses_keep_the_words_as_they_were_written() -> None:
    assert clauses("Nice! However the BOX was open\nbad") == ["Nice!", "However the BOX was open bad"]


def test_complaints_are_counted_by_week_item_and_aspect_with_the_words_behind_them() -> None:
    sunday, monday = datetime(2026, 5, 3, 23, 30, tzinfo=UTC), datetime(2026, 5, 4, 0, 30, tzinfo=UTC)
    reviews = pa.Table.from_pylist(
        [
            {"event_timestamp": sunday, "category": "shoes", "item_id": "i_1", "text": "Terrible quality."},
            {"event_timestamp": monday, "category": "shoes", "item_id": "i_1", "text": "Awful quality. It broke."},
            {"event_timestamp": monday, "category": "shoes", "item_id": "i_1", "text": "Excellent quality."},
            {"event_timestamp": monday, "category": None, "item_id": None, "text": "Great price."},
        ]
    )
    first, second, third = review_insights(reviews, sentiment).to_pylist()
    assert (first["week"], first["aspect"], first["mentions"]) == (date(2026, 5, 4), "quality", 3)
    assert (first["complained"], first["praised"]) == (2, 1)
    assert first["complaints"] == ["Awful quality.", "It broke."]
    assert (second["week"], second["complained"]) == (date(2026, 4, 27), 1)
    assert (third["item_id"], third["praised"]) == (None, 1)
    assert review_insights(reviews.slice(0, 0), sentiment).num_rows == 0
    in_berlin = review_insights(reviews, sentiment, zone="Europe/Berlin").to_pylist()
    assert {row["week"] for row in in_berlin} == {date(2026, 5, 4)}, "half past one on Monday there"


def test_the_warehouse_looks_for_the_same_words() -> None:
    macro = (REPO_ROOT / "dbt_project" / "macros" / "aspects.sql").read_text()
    (table,) = re.findall(r"return\((\{.*?\})\) \}\}", macro, re.DOTALL)
    assert ast.literal_eval(table) == {aspect: pattern.pattern for aspect, pattern in PATTERNS.items()}
