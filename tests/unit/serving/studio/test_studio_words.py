"""Every text of Studio is in both languages, and in neither is one that no page says."""

import re
import string
from pathlib import Path

import pytest

from serving.studio.app import HERE, PAGES
from serving.studio.questions import QUESTIONS
from serving.studio.words import LANGUAGES, Words, catalogue

SAID = re.compile(r"""\bt\("([^"]+)"(\s*~)?""")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_catalogues_have_the_same_texts_with_the_same_values_in_them() -> None:
    english = catalogue("en")
    for language in LANGUAGES:
        texts = catalogue(language)
        assert texts.keys() == english.keys()
        assert [key for key in texts if fields(texts[key]) != fields(english[key])] == []
        assert [key for key, text in texts.items() if not text.strip()] == []


def test_the_chinese_catalogue_is_chinese() -> None:
    told_alike = {"column.units_p10", "column.units_p90"}  # 10% and 90%
    chinese = re.compile("[一-鿿]")
    assert {key for key, text in catalogue("zh").items() if not chinese.search(text)} == told_alike


@pytest.mark.parametrize("template", sorted(HERE.glob("templates/*.html")), ids=lambda path: path.stem)
def test_each_text_that_a_template_says_is_in_the_catalogue(template: Path) -> None:
    texts = catalogue("en")
    for key, is_begun in SAID.findall(template.read_text()):
        if is_begun:
            assert any(one.startswith(key) for one in texts), key
        else:
            assert key in texts, key


def test_every_page_and_every_question_has_its_title_and_every_question_says_what_it_means() -> None:
    texts = catalogue("en")
    wanted = {f"page.{name}" for name in PAGES}
    wanted |= {f"q.{name}{end}" for name in QUESTIONS for end in ("", ".means")}
    assert wanted - texts.keys() == set()


def test_no_text_stands_in_a_template_itself() -> None:
    left = {}
    for template in HERE.glob("templates/*.html"):
        text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|<code>.*?</code>|<[^>]*>|&\w+;", " ", template.read_text(), flags=re.S)
        words = set(re.findall(r"[A-Za-z]{3,}", text)) - {"shopsight", "Studio", "Dagster", "ROC", "AUC"}
        if words:
            left[template.name] = words
    assert left == {}


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (None, "money", "–"),
        (1234.5, "money", "1,234.50"),
        (0.1234, "share", "12.3%"),
        (1234567, "count", "1,234,567"),
        (True, "", "yes"),
    ],
)
def test_a_figure_is_written_as_its_form_says(value: object, form: str, text: str) -> None:
    assert Words("en", "UTC").value(value, form) == text


def test_a_share_changes_by_points_and_money_by_per_cent() -> None:
    words = Words("en", "UTC")
    assert words.change(0.035, 0.047, "share") == "-1.2 points"
    assert words.change(80, 100) == "-20%"
    assert words.change(80, 0) == ""
