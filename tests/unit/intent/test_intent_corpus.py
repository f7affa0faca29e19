from collections import Counter
from pathlib import Path

import pytest

from models.intent.corpus import STYLES, read_corpus
from models.text.normalise import detect_language, skeleton
from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError


def test_every_label_is_written_in_every_style_and_language() -> None:
    corpus = read_corpus()
    for label in INTENTS:
        for language in ("en", "zh"):
            styles = {u.style for u in corpus if u.label == label and u.language == language}
            assert styles == set(STYLES), (label, language)
        assert sum(u.label == label and u.language == "en" for u in corpus) >= 120
        assert sum(u.label == label and u.language == "zh" for u in corpus) >= 45


def test_no_utterance_is_written_twice() -> None:
    counts = Counter(skeleton(u.text) for u in read_corpus())
    assert [text for text, count in counts.items() if count > 1] == []


def test_the_language_in_a_file_name_is_the_language_of_its_texts() -> None:
    wrong = [u.text for u in read_corpus() if u.language != detect_language(u.text)]
    # Sums and keyboard mashing have no script of their own; there are few.
    assert len(wrong) <= 3, wrong


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("no_label.en.txt", "[keyword]\nshoes\n", "the name must be"),
        ("other.fr.txt", "[keyword]\nbonjour\n", "the name must be"),
        ("other.en.txt", "[poem]\nroses\n", "style 'poem'"),
        ("other.en.txt", "roses\n", "before the first"),
        ("other.en.txt", "# nothing but a comment\n", "no <label>"),
    ],
)
def test_a_malformed_corpus_is_refused_with_its_line(tmp_path: Path, name: str, text: str, why: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ShopsightError, match=why):
        read_corpus(tmp_path)
